"""The static stage's table: rows with their pieces, zeros for what was never seen, sums as vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

import lusifer
from lusifer.training.pair_store import PairStore
from lusifer.training.run import load_recipe, train
from lusifer.training.stages.static_table import Table, sample_sums, seen_tokens
from tests.conftest import TEXTS, make_tokenizer
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    make_tokenizer(tmp_path / "words")
    return Tokenizer.from_file(str(tmp_path / "words" / "tokenizer.json"))


def test_the_loss_is_the_same_whether_rows_are_gathered_for_a_batch_or_whole(
    tokenizer: Tokenizer, texts: Path, model_folder: Folder
) -> None:
    parsed = load_recipe(recipe("static table", texts, model_folder), ["teacher=null"])
    made = Table(parsed, tokenizer, 0)
    assert made.substrings is not None
    ids = torch.tensor([[5, 9, 5], [30, 9, 1]])
    (found,), rows = made.rows(ids)
    whole = made.substrings.rows(made.table, np.arange(len(made.table)))
    torch.testing.assert_close(rows[found], whole[ids])
    plain = Table(replace(parsed, substrings=0), tokenizer, 0)
    assert plain.rows(ids)[1] is plain.table


def test_what_no_text_holds_is_a_row_of_zeros(
    tokenizer: Tokenizer, texts: Path, model_folder: Folder
) -> None:
    parsed = load_recipe(recipe("static table", texts, model_folder), ["substrings=0"])
    stores = {"parallel": PairStore.build(tokenizer, [("deu_Latn", "the sea", "river")], 24)}
    seen = seen_tokens(stores, {"parallel": 1.0, "lexicon": 0.0}, tokenizer.get_vocab_size())
    ids = {
        i for t in ("the sea", "river") for i in tokenizer.encode(t, add_special_tokens=False).ids
    }
    assert set(np.flatnonzero(seen)) == ids
    rows = Table(parsed, tokenizer, 0).finished(seen)
    assert set(np.flatnonzero(np.abs(rows).sum(1))) == ids - set(range(4))


def test_sums_of_a_sample_are_unit_vectors_of_the_texts(tokenizer: Tokenizer) -> None:
    rows = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 6)).astype(np.float32)
    pairs = PairStore.build(tokenizer, [("und", t, "") for t in TEXTS], 24)
    sums = sample_sums(rows, pairs, 0)
    plain = [rows[tokenizer.encode(t, add_special_tokens=False).ids[:24]].sum(0) for t in TEXTS]
    plain = [v / np.linalg.norm(v) for v in plain]
    assert sums.shape == (len(TEXTS), 6)
    np.testing.assert_allclose(np.sort(sums, 0), np.sort(plain, 0), atol=1e-5)


def test_the_table_of_a_run_loads_and_tells_texts_apart(texts: Path, model_folder: Folder) -> None:
    made = lusifer.load(train(recipe("static table", texts, model_folder)))
    vectors = made.encode([*TEXTS, "駅 станция"])
    assert vectors.shape == (17, 16)
    assert np.isfinite(vectors).all()
    assert not np.allclose(vectors[0], vectors[1])
