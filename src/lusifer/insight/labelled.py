"""Texts with their labels, and their languages where these are known, out of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lusifer.data import Row
from lusifer.encoding import Corpus
from lusifer.errors import DataError
from lusifer.io import expand


@dataclass(frozen=True)
class Labelled:
    """Texts, a label each, a language each (empty where it is not told), and the rows that were
    left out, with the reason.
    """

    texts: list[str]
    labels: list[str]
    languages: list[str]
    skipped: list[str] = field(default_factory=list)


def read_labelled(
    files: Sequence[str],
    *,
    text: str = "text",
    label: str = "label",
    language: str = "",
    columns: Sequence[str] = (),
) -> Labelled:
    """Rows of TSV, CSV, JSONL or Parquet files.

    Args:
        files: names or globs.
        text: the column of the text.
        label: the column of the label; of an empty name none is read, and labels are empty.
        language: the column of the language; without one it is not told.
        columns: a TSV's columns in order.

    Returns:
        The rows; those without text or label are left out and told.

    Raises:
        DataError: where a file cannot be read at all, or holds no row.
    """
    found = Labelled([], [], [])
    kept = tuple(name for name in (label, language) if name)
    corpus = Corpus(tuple(expand(files)), text, kept, tuple(columns), skip_bad=True)
    for item in good_rows(corpus, found.skipped):
        name = item.values.get(label, "").strip() if label else ""
        if label and not name:
            found.skipped.append(str(DataError(item.path, item.line, "a row without label")))
            continue
        found.texts.append(corpus.text_of(item))
        found.labels.append(name)
        found.languages.append(item.values.get(language, "").strip() if language else "")
    if not found.texts:
        raise DataError(files[0], None, "holds no row with text" + (" and label" if label else ""))
    return found


def good_rows(corpus: Corpus, skipped: list[str]) -> Iterator[Row]:
    """The rows of a corpus that sets bad ones aside, these with their reasons in `skipped`. Raises
    DataError for what ends a file.
    """
    for item in corpus.read():
        if isinstance(item, Row):
            yield item
            continue
        problem = DataError(item.path, item.line, item.what)
        if item.ends:
            raise problem
        skipped.append(str(problem))


def by_language(languages: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    """Each language with the numbers of its rows, in the order of their names."""
    for name in sorted(set(languages)):
        yield name, [i for i, one in enumerate(languages) if one == name]
