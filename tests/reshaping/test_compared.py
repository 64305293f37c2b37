"""Texts are read by language, some of them held out, and two models are set side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.encoding import Corpus
from lusifer.errors import LusiferError
from lusifer.reshaping.compared import (
    EVERY,
    Comparison,
    TextsByLanguage,
    each,
    folder_bytes,
    silent,
)
from tests.conftest import TEXTS
from tests.reshaping.test_trim import unigram


def corpus(tmp_path: Path, rows: list[tuple[str, str]]) -> Corpus:
    file = tmp_path / "texts.tsv"
    file.write_text("".join(f"{code}\t{text}\n" for code, text in rows), encoding="utf-8")
    return Corpus((str(file),), "text", ("language",), ("language", "text"), True)


def test_every_twentieth_text_of_a_language_is_held_out(tmp_path: Path) -> None:
    rows = [(code, f"{code} {i}") for i in range(2 * EVERY) for code in ("de", "hi")]
    texts = TextsByLanguage(corpus(tmp_path, rows), "language", ["de"], 1, silent)
    read = list(texts)
    assert texts.held == {"deu": [f"de {EVERY - 1}"]}, "no more than are to be measured"
    assert len(read) == 2 * EVERY - 1
    assert texts.read == {"deu": 2 * EVERY}
    assert texts.others == {"hin": 2 * EVERY}
    texts.check()


def test_a_language_that_is_not_there_is_told(tmp_path: Path) -> None:
    texts = TextsByLanguage(corpus(tmp_path, [("deu_Latn", "x")]), "language", ["hi"], 5, silent)
    assert list(texts) == []
    with pytest.raises(LusiferError, match="no text is in hin; the files have deu_Latn"):
        texts.check()


def test_a_model_is_its_own_like(tmp_path: Path) -> None:
    model = lusifer.sentence_transformer(unigram(tmp_path / "model"))
    beside = Comparison(model, model, np.arange(len(model.tokenizer)))
    line = beside.line("eng_Latn", 16, TEXTS[:4])
    assert (line.same, line.tokens_before) == (1, line.tokens_after)
    assert line.cosine == pytest.approx(1)
    assert line.unknown_before == line.unknown_after
    assert np.isnan(beside.line("deu_Latn", 3, []).same)


def test_progress_and_sizes(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    assert list(each(lambda *what: told.append(what), ["de", "hi"])) == ["de", "hi"]
    assert told == [("measuring", 0, 2), ("measuring", 1, 2), ("measuring", 2, 2)]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"abc")
    assert folder_bytes(tmp_path) == 3
