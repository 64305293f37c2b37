"""Rows as token ids: each text after its prompt, scores beside it, and whole queries held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from lusifer.data.mixing import Mixing
from lusifer.data.row_store import RowStore
from lusifer.training.pair_batches import (
    PairBatches,
    PairRows,
    PairSettings,
    held_pairs,
    split_stores,
    tokenise_rows,
)
from lusifer.training.pairs import PairData, WeightedSource
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
SOURCE = WeightedSource(("a.jsonl",), ("query", "document", "negative"))


@pytest.fixture
def tokenizer(model_folder: Folder) -> Any:
    return transformers.AutoTokenizer.from_pretrained(model_folder("bert"))


def settings(*sources: WeightedSource) -> PairSettings:
    prompts = {"query": "Q: ", "document": "D: "}
    return PairSettings(PairData(sources=sources), Mixing(), prompts, 4, 8, 5)


def store(folder: Path, rows: Sequence[tuple[str, ...]], scored: bool = False) -> RowStore:
    numbers = [[float(i), -float(i)] if scored else [] for i in range(len(rows))]
    return RowStore.write(folder, zip(rows, numbers, strict=True), len(rows[0]))


def triples() -> list[tuple[str, ...]]:
    return [(f"who {t[4:12]}?", t, f"{i} {TEXTS[i - 3]}") for i, t in enumerate(TEXTS)]


def decoded(tokenizer: Any, batch: dict[str, Any], column: str) -> list[list[int]]:
    ids, mask = batch[f"{column}_input_ids"], batch[f"{column}_attention_mask"]
    return [row[keep == 1].tolist() for row, keep in zip(ids, mask, strict=True)]


def test_a_step_s_rows_are_their_texts_after_their_prompts(tokenizer: Any, tmp_path: Path) -> None:
    rows = store(tmp_path / "s", triples(), scored=True)
    make = PairBatches(settings(SOURCE), [rows], tokenizer, 48)
    batch, chosen = make(3), make.drawn(3)
    for column, before, place in (
        ("query", "Q: ", 0),
        ("document", "D: ", 1),
        ("negative_0", "D: ", 2),
    ):
        whole = [
            tokenizer(before + rows[i][place], truncation=True, max_length=48) for _, i in chosen
        ]
        assert decoded(tokenizer, batch, column) == [one["input_ids"] for one in whole]
    assert batch["label"].tolist() == [[float(i), -float(i)] for _, i in chosen]
    assert make.rows(3) == [(rows[i][0], rows[i][1], rows[i][2:]) for _, i in chosen]
    again = PairBatches(settings(SOURCE), [rows], tokenizer, 48)(3)
    assert all(torch.equal(again[name], batch[name]) for name in batch)


def test_as_many_negatives_as_every_row_has(tokenizer: Any) -> None:
    rows = [("q", "d", ("n", "m")), ("где", "тут", ("там",)), ("どこ", "ここ", ("そこ", "あそこ"))]
    batch = tokenise_rows(rows, tokenizer, {"query": [""] * 3, "document": [""] * 3}, 16)
    names = {name.removesuffix("_input_ids") for name in batch if name.endswith("_input_ids")}
    assert names == {"query", "document", "negative_0"}


def test_only_the_rows_of_its_part_are_drawn(tokenizer: Any, tmp_path: Path) -> None:
    rows, part = store(tmp_path / "s", triples()), np.array([1, 4, 6, 7, 11, 13])
    make = PairBatches(settings(SOURCE), [rows], tokenizer, 48, parts=[part])
    assert {i for step in range(8) for _, i in make.drawn(step)} <= set(part.tolist())
    with pytest.raises(TypeError, match="PairRows must say what a batch is"):
        PairRows(settings(SOURCE), [rows], tokenizer, 48)(0)


def test_rows_of_one_query_are_held_out_together_whatever_their_order(tmp_path: Path) -> None:
    rows = [(f"q{i % 10}", f"d{i}") for i in range(40)]
    one, other = store(tmp_path / "a", rows), store(tmp_path / "b", rows[::-1])
    trained, held = split_stores([one], 9)
    assert len(held[0]) == 8
    assert sorted([*trained[0], *held[0]]) == list(range(40))
    assert {one[i][0] for i in held[0].tolist()}.isdisjoint(one[i][0] for i in trained[0].tolist())
    assert {other[i] for i in split_stores([other], 9)[1][0].tolist()} == {
        one[i] for i in held[0].tolist()
    }
    assert len(split_stores([one, other], 1000)[1][0]) <= 20
    assert split_stores([one], 0)[1][0].tolist() == []


@pytest.mark.parametrize(("world", "sizes"), [(1, [4, 3, 2]), (2, [4, 2, 2])])
def test_held_rows_are_measured_by_source_in_equal_parts(
    world: int, sizes: list[int], tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(world))
    stores = [store(tmp_path / str(i), triples()) for i in range(2)]
    make = PairBatches(settings(SOURCE, SOURCE), stores, tokenizer, 48)
    held = held_pairs(make, [np.arange(7), np.arange(2)], 4)
    assert held is not None
    assert [len(held.make(i)["query_input_ids"]) for i in range(3)] == sizes
    assert held_pairs(make, [np.arange(1), np.arange(0)], 4) is None
