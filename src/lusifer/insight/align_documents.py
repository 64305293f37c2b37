"""Two files aligned sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lusifer.data import Problem, lines, sections
from lusifer.errors import DataError
from lusifer.insight.align_sentences import SKIP, align_sentences
from lusifer.text import sentences

if TYPE_CHECKING:
    from lusifer.models import Embedder


@dataclass(frozen=True)
class AlignedPair:
    """What two documents say alike: the sentences of each, joined, and their cosine; one side may
    be empty, and the cosine is 0 then.
    """

    first: str
    second: str
    cosine: float


def align_documents(
    model: Embedder,
    first: str | Path,
    second: str | Path,
    *,
    by_line: bool = False,
    prompt: str | None = None,
    skip: float = SKIP,
) -> list[AlignedPair]:
    """Align the sentences of two files.

    Args:
        model: any embedder that knows both languages.
        first: a text, Markdown, HTML or PDF file, or another that holds one text.
        second: the same in another language, in the same order.
        by_line: take each line as a sentence, as files that are cut already have them.
        prompt: one of the model's prompts.
        skip: as for `align_sentences`.

    Returns:
        All that both say, in order.

    Raises:
        DataError: where a file cannot be read, or holds no sentence.
    """
    sides = [list(_sentences(file, by_line)) for file in (first, second)]
    found = align_sentences(model, *sides, prompt=prompt, skip=skip)
    return [
        AlignedPair(
            " ".join(sides[0][slice(*one.first)]),
            " ".join(sides[1][slice(*one.second)]),
            one.cosine,
        )
        for one in found
    ]


def _sentences(file: str | Path, by_line: bool) -> Iterator[str]:
    count = 0
    for part in _parts(file, by_line):
        spans = [(0, len(part))] if by_line else sentences(part)
        for start, end in spans:
            if text := " ".join(part[start:end].split()):
                count += 1
                yield text
    if not count:
        raise DataError(file, None, "holds no sentence")


def _parts(file: str | Path, by_line: bool) -> Iterator[str]:
    if not Path(file).exists():
        raise DataError(file, None, "no such file")
    if by_line:
        yield from (text for _, text in lines(Path(file)))
        return
    for found in sections(file):
        if isinstance(found, Problem):
            raise DataError(found.path, found.line, found.what)
        yield found.text
