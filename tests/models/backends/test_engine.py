"""The engine gives every text the vector that the model gives it by itself, whatever else is asked
for, and however it is batched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.errors import ModelError
from lusifer.models.backends import engine
from lusifer.models.tokenize import Ids
from tests.conftest import TEXTS, make_model

Folder = Callable[[str], Path]


class Letters:
    """A runner whose vector of a text is how often it holds each of a few letters; it remembers
    what it was asked.
    """

    def __init__(self, budget: int = 64, most: int = 1 << 30, *, padded: bool = True) -> None:
        self.dim, self.budget, self.most, self.padded = 4, budget, most, padded
        self.batches: list[list[int]] = []

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        return [np.frombuffer(text.encode(), np.uint8).astype(np.uint32) for text in texts]

    def start(self, rows: list[Ids]) -> Any:
        if sum(map(len, rows)) > self.most:
            raise MemoryError
        self.batches.append([len(row) for row in rows])
        return rows

    def finish(self, started: Any) -> Any:
        return np.array(
            [[np.sum(row == ord(c)) for c in "abcd"] for row in started], dtype=np.float32
        )


def test_rows_come_back_in_order_each_distinct_text_once_in_batches_of_a_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "FIRST", 4)
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcd"), rng.integers(0, 40))) for _ in range(300)]
    texts += texts[:50]
    for padded in (True, False):
        runner = Letters(padded=padded)
        told: list[int] = []
        found = engine.encode(runner, texts, tell=lambda rows, tokens, told=told: told.append(rows))  # type: ignore[misc]
        expected = np.array([[text.count(c) for c in "abcd"] for text in texts], dtype=np.float32)
        np.testing.assert_array_equal(found, expected)
        assert sum(map(len, runner.batches)) == sum(told) == len(set(texts))
        for batch in runner.batches:
            assert len(batch) == 1 or (len(batch) * max(batch) if padded else sum(batch)) <= 64
    np.testing.assert_array_equal(
        np.concatenate(list(engine.stream(Letters(), iter(texts)))), expected
    )
    prompted = engine.encode(Letters(), texts, "dd")
    np.testing.assert_array_equal(prompted, expected + np.array([0, 0, 0, 2]))


def test_a_batch_that_does_not_fit_is_halved_once_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = ["a" * 16, "b" * 16, "c" * 16, "d" * 16]
    with caplog.at_level(logging.WARNING):
        found = engine.encode(Letters(most=40), texts)
    np.testing.assert_array_equal(found, 16 * np.eye(4))
    assert [record.message for record in caplog.records] == [
        "a batch of 4 texts, 64 tokens, does not fit in memory; trying its halves"
    ]
    with pytest.raises(
        ModelError,
        match="half a batch, 2 texts of 32 tokens, does not fit in memory either; lower the budget",
    ):
        engine.encode(Letters(most=20), texts)

    class Broken(Letters):
        def start(self, rows: list[Ids]) -> Any:
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        engine.encode(Broken(), texts)


def test_a_stream_holds_two_windows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "FIRST", 8)
    monkeypatch.setattr(engine, "LAST", 8)
    taken = 0

    def texts() -> Any:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield "abc"

    for number, vectors in enumerate(engine.stream(Letters(), texts()), 1):
        assert len(vectors) == 8
        assert taken <= 8 * (number + 2)


def test_another_seed_is_another_model(tmp_path: Path) -> None:
    a, b = (
        lusifer.load(make_model(tmp_path / str(seed), "bert", seed)).encode(TEXTS)
        for seed in (1, 2)
    )
    assert abs(a - b).max() > 0.01
