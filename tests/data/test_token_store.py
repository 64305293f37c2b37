"""Texts tokenised once: each cut at its length, found again by number, the same from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from lusifer.data import token_store
from lusifer.data.token_store import TokenStore, pad
from tests.conftest import TEXTS, make_tokenizer

SAID = [*TEXTS, "", "駅は古い市場の裏にあります。", "สถานีอยู่หลังตลาด", "Größe " * 40]


def byte_level() -> Tokenizer:
    """One token a byte: no text is unknown to it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made


@pytest.fixture(params=["bpe", "bytes"])
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> Tokenizer:
    if request.param == "bytes":
        return byte_level()
    make_tokenizer(tmp_path)
    return Tokenizer.from_file(str(tmp_path / "tokenizer.json"))


def test_each_text_has_its_tokens_cut_at_the_length_whatever_the_block(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = [tokenizer.encode(text, add_special_tokens=False).ids[:12] for text in SAID]
    for block in (1, 3, 1000):
        monkeypatch.setattr(token_store, "BLOCK", block)
        store = TokenStore.build(tokenizer, iter(SAID), 12)
        assert [store[i].tolist() for i in range(len(store))] == due
        assert store.lengths.tolist() == [len(ids) for ids in due]


def test_a_store_from_disk_is_the_one_that_was_saved(tokenizer: Tokenizer, tmp_path: Path) -> None:
    store = TokenStore.build(tokenizer, SAID, 50)
    for _ in range(2):  # a second save takes the place of the first
        store.save(tmp_path / "store")
    opened = TokenStore.open(tmp_path / "store")
    assert isinstance(opened.ids, np.memmap)
    np.testing.assert_array_equal(opened.ids, store.ids)
    np.testing.assert_array_equal(opened.offsets, store.offsets)


def test_no_text_at_all_is_an_empty_store(tokenizer: Tokenizer, tmp_path: Path) -> None:
    TokenStore.build(tokenizer, [], 50).save(tmp_path / "store")
    opened = TokenStore.open(tmp_path / "store")
    assert (len(opened), len(opened.ids), opened.lengths.tolist()) == (0, 0, [])


def test_texts_come_from_a_stream_a_block_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_store, "BLOCK", 4)
    taken: list[int] = []

    def texts() -> Iterator[str]:
        for number in range(10):
            taken.append(number)
            yield "ab"

    watched = Watched(byte_level(), lambda: len(taken))
    assert len(TokenStore.build(watched, texts(), 8)) == 10  # type: ignore[arg-type]
    assert watched.seen == [4, 8, 10]


class Watched:
    """A tokenizer that notes how many texts were taken when it is asked."""

    def __init__(self, tokenizer: Tokenizer, taken: Callable[[], int]) -> None:
        self.tokenizer, self.taken, self.seen = tokenizer, taken, list[int]()

    def encode_batch_fast(self, texts: list[str], *, add_special_tokens: bool) -> object:
        self.seen.append(self.taken())
        return self.tokenizer.encode_batch_fast(texts, add_special_tokens=add_special_tokens)


def test_padded_rows_are_the_rows_and_nothing_else() -> None:
    rows = [np.arange(n, dtype=np.uint32) + 5 for n in (3, 0, 9)]
    ids, mask = pad(rows, pad_id=1)
    assert ids.shape == mask.shape == (3, 16)
    for row, own, real in zip(rows, ids, mask, strict=True):
        assert own[real.astype(bool)].tolist() == row.tolist()
        assert real.tolist() == [1] * len(row) + [0] * (16 - len(row))
        assert (own[len(row) :] == 1).all()
    assert pad([], 1)[0].shape == (0, 8)
    assert pad(rows, 1, multiple=1)[0].shape == (3, 9)
