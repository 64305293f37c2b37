"""The texts of a multilingual model, by kind, and what is made of them once: vocabulary and token
stores.

Kinds: `parallel` (English, other), `lexicon` (English word, other word), `monolingual`, and
`retrieval` (English document, query). All are kept as token ids in `folder`, so that an interrupted
run reads no text again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from lusifer.data import Source, read_source, require
from lusifer.io import replacing_folder, write_json, write_text
from lusifer.training.pair_store import PairStore
from lusifer.training.vocabulary import Vocabulary, by_language, train_tokenizer

log = logging.getLogger(__name__)
KINDS = ("parallel", "lexicon", "monolingual", "retrieval")
COLUMNS = {
    "parallel": ("english", "text"),
    "lexicon": ("english", "text"),
    "monolingual": ("text",),
    "retrieval": ("query", "document"),
}


@dataclass(frozen=True)
class Data:
    """Where the texts are. `temperature` balances languages: a language of n rows is drawn in
    proportion to n^temperature.
    """

    root: str = "."
    parallel: tuple[Source, ...] = ()
    lexicon: tuple[Source, ...] = ()
    monolingual: tuple[Source, ...] = ()
    retrieval: tuple[Source, ...] = ()
    temperature: float = 0.5
    max_tokens: int = 96

    def __post_init__(self) -> None:
        if not self.parallel:
            raise ValueError("data.parallel must name at least one source")


def check_kinds(kinds: dict[str, float], known: tuple[str, ...]) -> None:
    """Raise ValueError for a share of something else, or shares that are no shares."""
    for kind, share in kinds.items():
        if kind not in known or share < 0:
            raise ValueError(
                f"kinds are shares, 0 or more, of {', '.join(known)}; not {kind}: {share}"
            )


def prepare(
    data: Data, vocabulary: Vocabulary, seed: int, folder: Path
) -> tuple[Path, dict[str, PairStore]]:
    """`tokenizer.json` and token stores, made once; a `tokenizer.json` that lies beside `folder` is
    used as it is.
    """
    file = folder.parent / "tokenizer.json"
    if not (folder / "done.json").exists():
        rows = {kind: read_kind(data, kind) for kind in KINDS}
        counts = {kind: len(r) for kind, r in rows.items()}
        log.info("read %s", counts)
        if not file.exists():
            texts = by_language((lang, t) for r in rows.values() for lang, _, t in r)
            texts["eng_Latn"] = sorted({e for r in rows.values() for _, e, _ in r if e})
            write_text(file, train_tokenizer(texts, vocabulary, seed).to_str())
        tokenizer = Tokenizer.from_file(str(file))
        with replacing_folder(folder) as aside:
            for kind, pairs in rows.items():
                PairStore.build(tokenizer, pairs, data.max_tokens).save(aside / kind)
            write_json(aside / "done.json", counts)
    return file, {kind: PairStore.open(folder / kind) for kind in KINDS}


def read_kind(data: Data, kind: str) -> list[tuple[str, str, str]]:
    """(language, English, text) rows of a kind; a document stands for the English of its query."""
    rows: list[tuple[str, str, str]] = []
    for source in getattr(data, kind):
        require(source, COLUMNS[kind], f"data.{kind}")
        for row in read_source(source, data.root):
            values = row.values
            english, text = (
                (values["document"], values["query"])
                if kind == "retrieval"
                else (values.get("english", ""), values["text"])
            )
            rows.append((values["language"], english, text))
    return rows
