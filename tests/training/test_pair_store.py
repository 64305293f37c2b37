"""Pairs as token ids, kept once, and batches of them: even over languages, within their budget, the
same for a step each time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from lusifer.errors import ConfigError
from lusifer.training.pair_store import EVEN, SLACK, PairStore, Sampler
from tests.conftest import TEXTS, make_tokenizer

LANGUAGES = {"deu_Latn": 320, "tha_Thai": 20}


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    make_tokenizer(tmp_path / "words")
    return Tokenizer.from_file(str(tmp_path / "words" / "tokenizer.json"))


@pytest.fixture
def store(tokenizer: Tokenizer) -> PairStore:
    rows = [
        (language, TEXTS[i % 16], " ".join(TEXTS[(i + k) % 16] for k in range(1 + i % 3)))
        for language, count in LANGUAGES.items()
        for i in range(count)
    ]
    return PairStore.build(tokenizer, rows, 24)


def test_a_saved_store_is_the_same_and_keeps_an_english_text_once(
    store: PairStore, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    store.save(tmp_path / "store")
    opened = PairStore.open(tmp_path / "store")
    assert len(opened) == len(store) == 340
    assert len(opened.english) == 16
    for row in (0, 7, 339):
        for mine, theirs in zip(store.pair(row), opened.pair(row), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    english = tokenizer.encode(TEXTS[7], add_special_tokens=False).ids[:24]
    assert store.pair(7)[0].tolist() == english
    np.testing.assert_array_equal(
        opened.lengths, [sum(map(len, store.pair(i))) for i in range(340)]
    )
    np.testing.assert_array_equal(opened.text_hash, store.text_hash)
    assert (opened.language == np.repeat([0, 1], [320, 20])).all()


def test_equal_texts_alone_have_equal_hashes(tokenizer: Tokenizer) -> None:
    texts = ["the sea", "sea the", "the", "the the", "", "the sea", "a", " the sea "]
    store = PairStore.build(tokenizer, [("und", "", t) for t in texts], 24)
    ids = [tuple(store.pair(i)[1].tolist()) for i in range(len(texts))]
    hashes = store.text_hash.tolist()
    assert [[a == b for b in ids] for a in ids] == [[a == b for b in hashes] for a in hashes]
    assert ids[0] == ids[5]


def test_batches_are_within_their_budget_and_the_same_each_time(store: PairStore) -> None:
    make = Sampler({"parallel": store}, {"parallel": 1.0}, 0.5, 600, seed=3)
    again = Sampler({"parallel": store}, {"parallel": 1.0}, 0.5, 600, seed=3)
    for step in (0, 5, 17, 40):
        kind, rows = make(step)
        np.testing.assert_array_equal(rows, again(step)[1])
        assert kind == "parallel"
        assert len(np.unique(rows)) == len(rows)
        assert len(rows) % EVEN == 0
        assert (store.lengths[rows] + 3).sum() <= 600 * SLACK
    few = Sampler({"parallel": store}, {"parallel": 1.0}, 0.5, 6000, max_rows=16, seed=3)
    assert {len(few(step)[1]) for step in range(20)} <= {8, 16}


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 20 / 340), (0.0, 0.5)])
def test_a_small_language_is_drawn_by_temperature(
    temperature: float, share: float, store: PairStore
) -> None:
    weights = np.diff(
        Sampler({"p": store}, {"p": 1.0}, temperature, 600).cumulative["p"], prepend=0
    )
    assert weights[store.language == 1].sum() == pytest.approx(share)


def test_kinds_come_by_their_shares_and_empty_ones_never(
    store: PairStore, tokenizer: Tokenizer
) -> None:
    stores = {"a": store, "b": store, "c": PairStore.build(tokenizer, [], 24)}
    drawn = [Sampler(stores, {"a": 0.75, "b": 0.25, "c": 5.0}, 0.5, 300)(s)[0] for s in range(160)]
    assert drawn.count("c") == 0
    assert 0.15 < drawn.count("b") / 160 < 0.35
    with pytest.raises(ConfigError, match=r"no rows to draw from: kinds \{'c': 1.0\} are empty"):
        Sampler(stores, {"c": 1.0}, 0.5, 300)


def test_a_sample_leaves_empty_texts_out(tokenizer: Tokenizer) -> None:
    store = PairStore.build(tokenizer, [("und", "", t) for t in TEXTS], 24)
    found = store.sample(0)
    assert sorted(map(tuple, found)) == sorted(tuple(store.pair(i)[1]) for i in range(16))
