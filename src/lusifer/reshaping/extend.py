"""`lusifer reshape extend`: new pieces for a language that a model spells badly, their rows mixed of
those that are there. Nothing is trained.

Texts that hold no new piece keep their vectors; those that do are read in fewer tokens, and their
vectors are others: a training behind it (`lusifer train`, from the new folder) is what makes good use of
the new rows. Cost: see `reshaping/new_pieces.py` and `reshaping/mixed_rows.py`; the corpus lies in memory.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.encoding import Corpus
from lusifer.errors import ConfigError, LusiferError, ModelError
from lusifer.io import expand, named
from lusifer.reshaping.compared import (
    Comparison,
    LanguageChange,
    Tell,
    TextsByLanguage,
    each,
    folder_bytes,
    silent,
)
from lusifer.reshaping.mixed_rows import (
    WAYS,
    Rows,
    Weights,
    by_likeness,
    by_parts,
    by_script,
    by_translations,
    mixed,
)
from lusifer.reshaping.new_pieces import NewPiece, new_pieces, reader_of, with_pieces
from lusifer.reshaping.pieces import plainly

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class ExtendReport:
    """What `extend_vocabulary` made: pieces before and after, how many of the new ones are characters
    that were unknown, examples of the others; bytes on disk before and after; the languages; how many rows
    could not be read.
    """

    folder: str
    pieces: tuple[int, int]
    characters: int
    examples: list[str]
    size: tuple[int, int]
    languages: list[LanguageChange]
    skipped: int


def extend_vocabulary(
    model: str | Path,
    into: str | Path,
    files: Sequence[str] | str,
    *,
    pieces: int = 2000,
    rows: Rows = "mean",
    translations: Sequence[tuple[str, str]] = (),
    languages: Sequence[str] = (),
    column: str = "text",
    language: str = "",
    columns: Sequence[str] = (),
    measured: int = 50,
    seed: int = 0,
    tell: Tell = silent,
) -> ExtendReport:
    """Write a copy of a model that has more pieces for the language of some texts.

    Args:
        model: any model that `lusifer.load` takes, but for endpoints and ONNX.
        into: a new folder, in the model's own format, with `reshape.yaml` beside it.
        files: texts in the language: names or globs of TSV, text, CSV, JSONL or Parquet files.
        pieces: how many new ones, at most.
        rows: how theirs are made: mean, script, random, focus or translations.
        translations: for `translations`, (English, foreign) sentences.
        languages: texts in these alone, e.g. `sat_Olck`.
        column: the column of the text.
        language: the column of the language; without one it is told from the text.
        columns: a TSV's columns in order.
        measured: how many held-out texts of each language both models embed.
        seed: of what is drawn.
        tell: gets what is done, how many of it, and of how many.

    Returns:
        What was added, and what it does to each language.

    Raises:
        LusiferError: where nothing is to be added, no text is in a language asked for, or the folder
            is there already.
        ModelError: for a model or a tokenizer that cannot be extended.
    """
    from lusifer.models import locate, sentence_transformer
    from lusifer.reshaping.trim import vocabulary_of
    from lusifer.reshaping.write_like import refuse_existing, write_like

    folder = refuse_existing(into)
    if rows not in WAYS:
        raise ConfigError(f"rows is {rows!r}; it must be one of {', '.join(WAYS)}")
    if (rows == "translations") != bool(translations):
        raise ConfigError("rows: translations goes with pairs of English and foreign sentences")
    if pieces < 1:
        raise ConfigError(f"pieces is {pieces}; it must be 1 or more")
    names = expand(named(files))
    corpus = Corpus(tuple(names), column, (language,) if language else (), tuple(columns), True)
    texts = TextsByLanguage(corpus, language, languages, measured, tell)
    whole = sentence_transformer(model, device="cpu")
    old = vocabulary_of(whole)
    read = list(texts)
    texts.check()
    new = new_pieces(old, read, pieces)
    if not new:
        raise LusiferError(
            "nothing is to be added: no pair of pieces stands three times side by side"
        )
    backend = with_pieces(old, new)
    weights = _weights(rows, new, old, backend, read, translations)
    made = extended(whole, backend, new, weights, seed)
    beside = Comparison(whole, made, np.arange(1 + max(old.get_vocab().values())))
    found = [
        beside.line(code, texts.read[code], texts.held.get(code, []))
        for code in each(tell, [code for code, _ in texts.read.most_common()])
    ]
    about: dict[str, Any] = {"extend": str(model), "files": names, "column": column, "rows": rows, "pieces": len(new)}  # fmt: skip
    write_like(made, model, folder, about | {"languages": [asdict(one) for one in found]})
    before = len(old.get_vocab())
    return ExtendReport(
        str(into),
        (before, before + len(new)),
        sum(one.parts is None for one in new),
        [reader_of(old)(one.piece) for one in new if one.parts][:20],
        (folder_bytes(locate(str(model))), folder_bytes(folder)),
        found,
        texts.skipped,
    )


def _weights(
    rows: Rows,
    new: list[NewPiece],
    old: Any,
    backend: Any,
    read: list[str],
    translations: Sequence[tuple[str, str]],
) -> Weights:
    """The weights of each new piece, by the way asked for, and where it says nothing by its parts or
    its script.
    """
    if rows == "random":
        return {}
    numbers = old.get_vocab(with_added_tokens=False)
    found: Weights = {}
    if rows == "focus":
        found = by_likeness(new, numbers, plainly(backend), read)
    elif rows == "translations":
        found = by_translations(new, numbers, plainly(backend), translations)
    parts = by_parts(new, numbers) if rows != "script" else {}
    lacking = [one for one in new if one.piece not in found and one.piece not in parts]
    script = by_script(lacking, numbers, reader_of(old)) if lacking else {}
    return script | parts | found


def extended(
    model: SentenceTransformer, backend: Any, new: list[NewPiece], weights: Weights, seed: int = 0
) -> SentenceTransformer:
    """A copy of a model with more pieces.

    Args:
        model: as for `reshaping.trim.trim`; of a bridge the encoder is extended.
        backend: its tokenizer with the new pieces, numbered behind the old ones.
        new: the new pieces.
        weights: of each, those of the old pieces' rows.
        seed: of the rows of those without weights.

    Returns:
        The copy.
    """
    import torch

    from lusifer.models import Bridge
    from lusifer.reshaping.trim import read_with, set_rows, wrapped

    made = copy.deepcopy(model)
    first: Any = made[0]
    if isinstance(first, Bridge):
        made[0] = first = first.merged()
    count = backend.token_to_id(new[0].piece)  # behind the last number, where some are not in use

    def grow(inner: Any, table: Any) -> None:
        rows = table.weight.detach().float().numpy()[:count]
        if len(rows) < count:
            raise ModelError(
                f"the tokenizer has pieces up to {count - 1}, the table rows up to {len(rows) - 1}: they do not go together"
            )
        more = mixed(rows, new, weights, seed)
        set_rows(inner, table, torch.from_numpy(np.concatenate([rows, more])))

    if hasattr(first, "embedding"):
        grow(first, first.embedding)
        first.tokenizer = backend
        return made
    inner = first.encoder if isinstance(first, Bridge) else first.auto_model
    head = inner.get_output_embeddings()
    grow(inner, inner.get_input_embeddings())
    if head is not None and len(head.weight) != count + len(new):
        grow(inner, head)
    inner.config.vocab_size = count + len(new)
    read_with(first, wrapped(first.tokenizer, backend))
    return made
