"""Batches from several sources: no text twice, none lost, sources by weight, and every step the
same whenever it is asked for.
"""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings as how, strategies as st

from lusifer.data import mixing
from lusifer.data.mixing import GROUP, DistinctEpochs, Mix, Mixing, repeated
from lusifer.data.row_store import KeySets, RowStore
from lusifer.errors import ConfigError

Texts = list[frozenset[str]]


def source(name: str, rows: int, passages: int) -> Texts:
    """Questions, several of a passage."""
    return [
        frozenset((f"{name} question {i}", f"{name} passage {i % passages}")) for i in range(rows)
    ]


def test_no_text_stands_twice_in_a_batch_and_none_is_lost() -> None:
    rows = source("a", 40, 7)
    epochs = DistinctEpochs(rows, 5, seed=1)
    seen: list[int] = []
    for step in range(epochs.per_epoch):
        batch = epochs(step)
        assert len(frozenset().union(*(rows[i] for i in batch))) == 2 * len(batch) == 10
        seen += batch.tolist()
    assert len(seen) == len(set(seen))
    assert len(seen) >= 30
    with pytest.raises(ConfigError, match="lower it"):
        DistinctEpochs([frozenset(("q", "d"))] * 8, 4, seed=1)


@how(deadline=None, max_examples=30)
@given(homogeneous=st.sampled_from([0.0, 0.25, 0.5, 1.0]), seed=st.integers(0, 5))
def test_a_batch_is_whole_and_holds_no_text_twice(homogeneous: float, seed: int) -> None:
    sources = [
        source("a", 60, 20),
        source("b", 30, 30),
        source("a", 20, 20),
    ]  # the third shares texts with the first
    mix = Mix(sources, [1, 1, 1], Mixing(0.5, homogeneous), 8, 40, seed)
    for step in range(40):
        batch = mix(step)
        assert batch.shape == (8, 2)
        texts = [text for s, row in batch for text in sources[s][row]]
        assert len(texts) == len(set(texts))
        own = Counter(batch[:, 0].tolist())
        if homogeneous == 1:
            assert len(own) == 1


def test_a_share_of_the_rows_is_exchanged_and_none_is_lost() -> None:
    sources = [source("a", 200, 200), source("b", 200, 200)]
    mixed, whole = (Mix(sources, [1, 1], Mixing(1, share), 20, GROUP, 3) for share in (0.5, 1.0))
    rows = [
        sorted(map(tuple, np.concatenate([mix(step) for step in range(GROUP)]).tolist()))
        for mix in (mixed, whole)
    ]
    assert rows[0] == rows[1]
    foreign = np.mean(
        [Counter((mixed(s)[:, 0] == whole(s)[0, 0]).tolist())[False] / 20 for s in range(GROUP)]
    )
    assert 0.1 < foreign < 0.4  # half is exchanged, about half of that among batches of one source


def test_a_step_is_the_same_in_any_order() -> None:
    sources = [source("a", 60, 20), source("b", 30, 30)]
    first, again = (Mix(sources, [1, 2], Mixing(0.5, 0.5), 8, 50, 7) for _ in range(2))
    wanted = [first(step) for step in range(50)]
    for step in (49, 3, 17, 0, 48):
        np.testing.assert_array_equal(again(step), wanted[step])


@pytest.mark.parametrize(("temperature", "share"), [(1.0, 0.9), (0.5, 0.75), (0.0, 0.5)])
def test_sources_come_by_weight_and_size(temperature: float, share: float) -> None:
    sources = [source("a", 900, 900), source("b", 100, 100)]
    mix = Mix(sources, [1, 1], Mixing(temperature), 2, 4000, 0)
    assert np.mean([mix.chosen == 0]) == pytest.approx(share, abs=0.03)
    assert set(Mix(sources, [0, 1], Mixing(temperature), 2, 100, 0).chosen.tolist()) == {1}


def test_a_small_source_ends_no_other() -> None:
    mix = Mix([source("a", 8, 8), source("b", 400, 400)], [1, 1], Mixing(0), 8, 200, 0)
    seen = Counter(int(mix(step)[0, 0]) for step in range(200))
    assert min(seen.values()) > 70


def test_what_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(ConfigError, match="source 1 holds 3 rows, fewer than a batch of 8"):
        Mix([source("a", 20, 20), source("b", 3, 3)], [1, 1], Mixing(), 8, 10, 0)
    with pytest.raises(ConfigError, match="weights must be 0 or more"):
        Mix([source("a", 20, 20)], [0], Mixing(), 8, 10, 0)
    with pytest.raises(ValueError, match=r"mixing\.homogeneous"):
        Mixing(homogeneous=2)
    with pytest.raises(ValueError, match=r"mixing\.temperature"):
        Mixing(temperature=5)


def row_by_row(texts: list[frozenset[int]], size: int, epoch: int) -> list[list[int]]:
    """An epoch's batches by looking at every row."""
    queue = deque(np.random.default_rng([1, 15, epoch]).permutation(len(texts)).tolist())
    batches: list[list[int]] = []
    while len(queue) >= size:
        batch, seen, later = list[int](), set[int](), list[int]()
        while queue and len(batch) < size:
            row = queue.popleft()
            if seen.isdisjoint(texts[row]):
                batch.append(row)
                seen |= texts[row]
            else:
                later.append(row)
        if len(batch) < size:
            break
        batches.append(batch)
        queue.extend(later)
    return batches


@how(deadline=None, max_examples=60)
@given(
    texts=st.lists(
        st.frozensets(st.integers(0, 60), min_size=1, max_size=3), min_size=12, max_size=60
    ),
    size=st.integers(1, 6),
    epoch=st.integers(0, 2),
)
def test_batches_are_those_of_looking_at_every_row(
    texts: list[frozenset[int]], size: int, epoch: int
) -> None:
    if not row_by_row(texts, size, 0):
        with pytest.raises(ConfigError, match="fewer rows with texts of their own"):
            DistinctEpochs(texts, size, seed=1)
        return
    found = DistinctEpochs(texts, size, seed=1)
    due = row_by_row(texts, size, epoch)
    if due:
        assert [batch.tolist() for batch in found._epoch(epoch)] == due


def test_rows_that_repeat_a_text_are_found_on_disk_as_in_memory(tmp_path: Path) -> None:
    rows = [("a", "b"), ("c", "d"), ("e", "b"), ("f", "g"), ("c", "h"), ("i", "i"), ("j", "k")]
    store = RowStore.write(tmp_path / "rows", ((row, []) for row in rows), 2)
    found = repeated(KeySets(store)).tolist()
    assert found == [True, True, True, False, True, True, False]
    assert repeated([frozenset(row) for row in rows]).tolist() == [
        True, True, True, False, True, False, False,
    ]  # fmt: skip
    assert not repeated(KeySets(store, None, np.array([1, 3, 6]))).any()


class Table:
    """Rows of as many keys each, as a store on disk has them."""

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, row: int) -> frozenset[int]:
        return frozenset(self.keys[row].tolist())


@pytest.mark.parametrize("block", [1, 7, 4096])
@pytest.mark.parametrize("seed", range(4))
def test_a_table_of_keys_gives_the_batches_of_sets(
    monkeypatch: pytest.MonkeyPatch, seed: int, block: int
) -> None:
    monkeypatch.setattr(mixing, "BLOCK", block)
    keys = np.random.default_rng(seed).integers(0, 90, (60, 3))
    table = Table(keys)
    for epoch in range(2):
        due = DistinctEpochs([table[row] for row in range(60)], 6, seed)._epoch(epoch)
        found = DistinctEpochs(table, 6, seed)._epoch(epoch)  # type: ignore[arg-type]
        assert [b.tolist() for b in found] == [b.tolist() for b in due]
