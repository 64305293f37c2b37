"""`lusifer reshape map`: one space of vectors turned into another, by pairs of texts or words that mean the same.

Each side is a model or a file of word vectors (`.vec`). Of the pairs every tenth source text is held out, with all
that it may be translated by, and P@1 is told on these: by the vectors as they were, where both have the same size, and
behind the map. Cost: both sides' texts embedded once, one decomposition, and for CSLS the cosines of the first 20,000
source texts to all targets. What means the same must be given:
without pairs there is no map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from lusifer.data import Problem
from lusifer.encoding import Corpus
from lusifer.errors import ConfigError, LusiferError
from lusifer.io import expand, named, write_text
from lusifer.models import Vectors
from lusifer.reshaping.compared import Tell, silent
from lusifer.reshaping.lexicon import Map, mapped, orthogonality, precision, refined, unit
from lusifer.reshaping.linear_map import fit
from lusifer.reshaping.word_vectors import (
    ENDINGS,
    WordVectors,
    are_word_vectors,
    read_word_vectors,
    write_word_vectors,
)

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EVERY, MOST, BLOCK = 10, 200_000, 512
ABOUT = ".yaml"  # behind a .vec file's name: how it was made
Kind = Literal["rotation", "ridge", "least-squares", "csls"]


@dataclass(frozen=True)
class MapReport:
    """What `map_vectors` made: how many pairs it was fitted on, how many source texts were held out and among how many
    targets theirs was looked for; P@1 before, where both sides have the same size, and behind the map, by cosine
    and by CSLS; how far the map is from a rotation; how many pairs have a word that a file lacks, and how many rows could
    not be read.
    """

    into: str
    kind: str
    pairs: int
    held: int
    targets: int
    before: float | None
    cosine: float
    csls: float
    orthogonality: float
    absent: int
    skipped: int


def map_vectors(
    source: str | Path,
    target: str | Path,
    into: str | Path,
    files: Sequence[str] | str,
    kind: Kind = "rotation",
    *,
    penalty: float = 1e-3,
    column: str = "source",
    other: str = "target",
    columns: Sequence[str] = (),
    most: int = MOST,
    tell: Tell = silent,
) -> MapReport:
    """Turn one space of vectors into another.

    Args:
        source: whose space is turned: a model, any that `lusifer.load` takes but for endpoints and ONNX; or a
            file of word vectors (`.vec`).
        target: into whose: any model, or a file of word vectors.
        into: a new folder with the source model and the map behind it; of word vectors a new `.vec` file.
        files: pairs: names or globs of TSV, CSV, JSONL or Parquet files.
        kind: `rotation` (Procrustes), `least-squares`, `ridge`, or `csls`, a rotation that finds further
            pairs by itself.
        penalty: of `ridge`.
        column: the column of the source text.
        other: the column of the target text.
        columns: a TSV's columns in order.
        most: how many words of a file are read.
        tell: gets what is done, how many of it, and of how many.

    Returns:
        P@1 on held-out pairs, before and after, and the map's form.

    Raises:
        ConfigError: for a kind that is none, or a name of another kind than the source.
        DataError: for a file without word vectors.
        LusiferError: where fewer than two pairs are left to fit or none to hold out, for least squares from too
            few, or where `into` is there already.
    """
    if kind not in get_args(Kind):
        raise ConfigError(f"kind is {kind!r}; it is one of {', '.join(get_args(Kind))}")
    if most < 1:
        raise ConfigError(f"most is {most}; it is 1 or more")
    words = are_word_vectors(source)
    if words != str(into).endswith(ENDINGS[0]):
        what = (
            "word vectors go into a file that ends in .vec"
            if words
            else "a model goes into a folder"
        )
        raise ConfigError(f"{into}: {what}; name another")
    for there in (Path(into), Path(f"{into}{ABOUT}")):
        if there.exists():
            raise LusiferError(f"{there}: exists already; name a new one")
    from lusifer.models import sentence_transformer

    # What cannot be written is told before anything is embedded.
    model = None if words else sentence_transformer(source, device="cpu")
    names = expand(named(files))
    corpus = Corpus(tuple(names), column, (other,), tuple(columns), True)
    rows, skipped = read_pairs(corpus, other, tell)
    x = side(source, [a for a, _ in rows], most, tell)
    y = side(target, [b for _, b in rows], most, tell)
    place_x, place_y = x.places(), y.places()
    known = [(place_x[a], place_y[b]) for a, b in rows if a in place_x and b in place_y]
    absent = len(rows) - len(known)
    pairs, truth = held_apart(known)
    if len(pairs) < 2 or not truth:
        raise LusiferError(
            f"{names[0]}: {len(known)} pairs are in both; some twenty at least are wanted, thousands are better"
        )
    own, theirs = unit(x.vectors), unit(y.vectors)
    same = own.shape[1] == theirs.shape[1]
    found = made_map(own, theirs, pairs, kind, penalty, tell)
    turned = mapped(own, found)
    report = MapReport(
        str(into), kind, len(pairs), len(truth), len(y.words),
        round(precision(own, theirs, truth, csls=False), 4) if same else None,
        round(precision(turned, theirs, truth, csls=False), 4),
        round(precision(turned, theirs, truth, csls=True), 4),
        round(orthogonality(found[0]), 4),
        absent, skipped + x.skipped + y.skipped,
    )  # fmt: skip
    about: dict[str, Any] = {"map": str(source), "target": str(target), "files": names}
    if model is None:
        write_words(into, x.words, turned, about | asdict(report))
    else:
        write_behind(model, source, into, found, about | asdict(report))
    return report


def made_map(
    x: Vectors,
    y: Vectors,
    pairs: npt.NDArray[np.int64],
    kind: Kind,
    penalty: float,
    tell: Tell,
) -> Map:
    """The map of a kind, from unit rows. Raises LusiferError for `csls` between spaces of two sizes."""
    if kind == "csls":
        if x.shape[1] != y.shape[1]:
            raise LusiferError(
                f"csls rotates, and the vectors have {x.shape[1]} and {y.shape[1]} numbers; take ridge or least-squares"
            )
        return refined(x, y, pairs, tell)
    return fit(kind, x[pairs[:, 0]], y[pairs[:, 1]], penalty)


def read_pairs(corpus: Corpus, other: str, tell: Tell) -> tuple[list[tuple[str, str]], int]:
    """Different pairs in the order of the files, and how many rows could not be read or lack a side."""
    found: dict[tuple[str, str], None] = {}
    skipped, total = 0, corpus.count() or 0
    for number, row in enumerate(corpus.read()):
        if number % 1000 == 0:
            tell("reading", number, max(number, total))
        if isinstance(row, Problem):
            skipped += 1
            continue
        pair = (corpus.text_of(row).strip(), row.values[other].strip())
        if all(pair):
            found[pair] = None
        else:
            skipped += 1
    return list(found), skipped


def held_apart(
    known: Sequence[tuple[int, int]],
) -> tuple[npt.NDArray[np.int64], dict[int, frozenset[int]]]:
    """Pairs to fit on, (p, 2), and every tenth source with all of its targets, in the order of the pairs."""
    targets: dict[int, set[int]] = {}
    for a, b in known:
        targets.setdefault(a, set()).add(b)
    truth = {
        a: frozenset(bs) for n, (a, bs) in enumerate(targets.items()) if n % EVERY == EVERY - 1
    }
    left = [pair for pair in known if pair[0] not in truth]
    return np.array(left, dtype=np.int64).reshape(-1, 2), truth


def side(name: str | Path, texts: list[str], most: int, tell: Tell) -> WordVectors:
    """A side's words with their vectors: those of its file, or the pairs' texts as a model embeds them."""
    if are_word_vectors(name):
        return read_word_vectors(name, most)
    from lusifer.models import load

    model, different = load(name), list(dict.fromkeys(texts))
    made = []
    for start in range(0, len(different), BLOCK):
        tell("embedding", start, len(different))
        made.append(model.encode(different[start : start + BLOCK]))
    tell("embedding", len(different), len(different))
    return WordVectors(
        different, np.concatenate(made) if made else np.zeros((0, model.dim), np.float32)
    )


def write_words(into: str | Path, words: list[str], turned: Vectors, about: dict[str, Any]) -> None:
    """Write turned words as a `.vec` file, with how they were made beside it."""
    import yaml

    beside = Path(f"{into}{ABOUT}")
    write_text(beside, yaml.safe_dump(about, sort_keys=False, allow_unicode=True))
    try:
        write_word_vectors(into, words, turned)
    except BaseException:
        beside.unlink()
        raise


def write_behind(
    model: SentenceTransformer,
    source: str | Path,
    into: str | Path,
    found: Map,
    about: dict[str, Any],
) -> None:
    """Write the source's model with the map behind it, which was fitted to unit vectors."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    from lusifer.reshaping.linear_map import linear
    from lusifer.reshaping.write_like import write_like

    units = [] if isinstance(model[-1], Normalize) else [Normalize()]
    behind = SentenceTransformer(
        modules=[*model, *units, linear(*found), Normalize()],
        device="cpu",
        prompts=model.prompts or None,
        default_prompt_name=model.default_prompt_name,
    )
    write_like(behind, source, Path(into), about)
