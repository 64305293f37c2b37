"""Drawing: one order of a corpus' distinct texts, of which every beginning is balanced over
languages.

Method: a language of n texts has the weight n^temperature; its texts, in the order of their hash,
are due at (rank + 1/2) / weight, and the corpus is put in the order in which they are due. So the
first k texts hold the languages by weight until a small one ends, and a larger k only adds to a
smaller one: what was made of the first k stays of use. Passages are made of texts that follow each
other in a file, since a model that is to read passages must be taught by some. Cost: all texts in
memory, once. Not for corpora past some ten million texts.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lusifer import config
from lusifer.data.formats import Row
from lusifer.data.sources import Source, read_source
from lusifer.errors import ConfigError
from lusifer.io import replacing_file

ENGLISH = "eng_Latn"
ENGLISH_COLUMNS = ("english",)
TEXT_COLUMNS = ("text", "query", "document")
MAX_JOINED = 6  # texts that a passage is put together of, at most


@dataclass(frozen=True)
class Drawn:
    """Which texts are drawn: `count` of the sources' (null for all), languages in proportion to
    n^`temperature`, but for those of `shares`, which get that share of the whole while they have
    texts.

    Of each source's columns `english` is English, and `text`, `query` and `document` are in the
    row's language. `passages` puts that share of a source's rows together into longer texts of two
    to six, cut at `max_chars`; what is shorter than `min_chars` is left out.
    """

    root: str = "."
    sources: tuple[Source, ...] = ()
    count: int | None = None
    temperature: float = 0.5
    shares: dict[str, float] = field(default_factory=dict)
    passages: float = 0.0
    max_chars: int = 1500
    min_chars: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("data.sources must name at least one source")
        if self.count is not None and self.count < 1:
            raise ValueError("data.count must be at least 1, or null for all")
        if not 0 <= self.temperature <= 1:
            raise ValueError(
                "data.temperature is a power from 0 (languages alike) to 1 (as they come)"
            )
        if any(share <= 0 for share in self.shares.values()) or sum(self.shares.values()) >= 1:
            raise ValueError(
                "data.shares are shares above 0 of the whole, by language, and add up to less than 1"
            )
        if not 0 <= self.passages <= 1:
            raise ValueError("data.passages is a share of the rows, from 0 to 1")


def draw(data: Drawn) -> list[tuple[str, str]]:
    """(language, text) in the order described above, each text once.

    Args:
        data: what to draw.

    Returns:
        The first `data.count` of the order, or all.

    Raises:
        ConfigError: where the sources hold no text.
        DataError: where a file cannot be read.
    """
    by_language: dict[str, dict[str, int]] = defaultdict(dict)
    for language, text in _texts(data):
        if len(text) < data.min_chars:
            continue
        by_language[language].setdefault(text, _hash(f"{data.seed}\t{language}\t{text}"))
    weights = {language: len(texts) ** data.temperature for language, texts in by_language.items()}
    rest = sum(weight for language, weight in weights.items() if language not in data.shares)
    whole = rest / (1 - sum(data.shares.values()))
    due: list[tuple[float, int, str, str]] = []
    for language, texts in by_language.items():
        weight = (data.shares[language] * whole if language in data.shares else 0) or weights[
            language
        ]
        ranked = sorted(texts.items(), key=lambda item: item[1])
        due.extend(
            ((rank + 0.5) / weight, key, language, text) for rank, (text, key) in enumerate(ranked)
        )
    if not due:
        raise ConfigError(f"{data.root}: the sources hold no text between min_chars and max_chars")
    due.sort()
    found: dict[str, str] = {}
    for _, _, language, text in due:  # a text in two languages is taken once
        found.setdefault(text, language)
        if data.count is not None and len(found) == data.count:
            break
    return [(language, text) for text, language in found.items()]


def write_drawn(
    recipe: str | Path, into: str | Path, overrides: Sequence[str] = ()
) -> dict[str, int]:
    """Draw what the key `texts` of a recipe says, into a TSV of language and text.

    Args:
        recipe: a recipe's file, or the name of one that ships.
        into: the file to write; it appears when it is whole.
        overrides: `texts.count=1000` and so on.

    Returns:
        The number of texts by language.

    Raises:
        ConfigError: where the recipe has no `texts`, or a wrong one.
        DataError: where a source cannot be read.
    """
    path = config.find(recipe)
    document = config.override(config.read(path), overrides)
    if not document.get("texts"):
        raise ConfigError(
            f"{path}: has no key 'texts', which says what is drawn (the recipe e5-student has one)"
        )
    if not str(into).endswith(".tsv"):
        raise ConfigError(f"{into}: what is drawn is a TSV; name a file that ends in .tsv")
    drawn = draw(config.build(Drawn, document["texts"], f"{path}: texts"))
    with replacing_file(into) as stream:
        for language, text in drawn:
            stream.write(f"{language}\t{text}\n".encode())
    return dict(Counter(language for language, _ in drawn))


def _texts(data: Drawn) -> Iterator[tuple[str, str]]:
    for source in data.sources:
        names = [
            name
            for name in (*ENGLISH_COLUMNS, *TEXT_COLUMNS)
            if name in source.names or (source.join and name in source.join.columns)
        ]
        if not names:
            wanted = ", ".join((*ENGLISH_COLUMNS, *TEXT_COLUMNS))
            raise ConfigError(
                f"data.sources: {source.files[0]} needs a column named {wanted} (rename: {{yours: text}})"
            )
        passage: list[
            Row
        ] = []  # rows that follow each other, until there are as many as the passage wants
        for row in read_source(source, data.root):
            yield from _of(row, names)
            if passage and (
                row.path != passage[0].path
                or row.values["language"] != passage[0].values["language"]
            ):
                yield from _joined(passage, names, data.max_chars)
                passage = []
            if passage or _begins(row, data):
                passage.append(row)
            if passage and len(passage) == 2 + _hash(f"{passage[0].path}\t{passage[0].line}") % (
                MAX_JOINED - 1
            ):
                yield from _joined(passage, names, data.max_chars)
                passage = []
        yield from _joined(passage, names, data.max_chars)


def _begins(row: Row, data: Drawn) -> bool:
    """Whether a passage begins at a row that is in none: at so many that `passages` of all rows are
    in one, of four rows in the mean.
    """
    length, share = (2 + MAX_JOINED) / 2, data.passages
    chance = share / (length - share * (length - 1)) if share else 0
    return _hash(f"{data.seed}\t{row.path}\t{row.line}") < chance * 2**64


def _of(row: Row, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield (
            (ENGLISH if name in ENGLISH_COLUMNS else row.values["language"]),
            " ".join(row.values[name].split()),
        )


def _joined(rows: list[Row], names: Iterable[str], max_chars: int) -> Iterator[tuple[str, str]]:
    if len(rows) > 1:
        for name in names:
            text = " ".join(" ".join(row.values[name].split()) for row in rows)
            yield (
                (ENGLISH if name in ENGLISH_COLUMNS else rows[0].values["language"]),
                text[:max_chars],
            )


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    )
