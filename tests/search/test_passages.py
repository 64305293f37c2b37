"""Passages by their place: what is like one, what stands around it, a sample, languages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search.index import Index
from lusifer.search.query import Filter
from tests.conftest import TEXTS


@pytest.fixture
def index(model: LoadedModel, notes: Path, tmp_path: Path) -> Index:
    paragraphs = [" ".join(TEXTS[i : i + 8]) for i in range(0, 16, 4)]
    (notes / "long.md").write_text("\n\n".join(paragraphs * 2), encoding="utf-8")
    made = Index.create(tmp_path / "index", model)
    made.update(notes)
    return made


def test_similar_are_the_nearest_others(index: Index, notes: Path) -> None:
    long = str(notes / "long.md")
    hits = index.similar(long, 0, top_k=3)
    sample = index.sample(1000)
    at = next(i for i, one in enumerate(sample.passages) if (one.path, one.number) == (long, 0))
    scores = sample.vectors @ sample.vectors[at]
    scores[at] = -1
    assert [hit.score for hit in hits] == pytest.approx(sorted(scores, reverse=True)[:3], abs=2e-3)
    assert (long, 0) not in [(hit.path, hit.number) for hit in hits]
    within = index.similar(long, 0, where=Filter(path="*.txt"))
    assert within
    assert all(hit.path.endswith(".txt") for hit in within)


def test_around(index: Index, notes: Path) -> None:
    long = str(notes / "long.md")
    last = len(index.around(long, 0, after=1000)) - 1
    assert [p.number for p in index.around(long, 1)] == [0, 1, 2]
    assert [p.number for p in index.around(long, 0, before=3, after=0)] == [0]
    assert [p.number for p in index.around(long, last)] == [last - 1, last]
    assert index.around(long, 1)[1].text in "\n".join(
        p.text for p in index.around(long, 0, after=3)
    )


def test_what_is_not_there(index: Index, notes: Path) -> None:
    for path, number in (
        (str(notes / "long.md"), 999),
        (str(notes / "long.md"), 1 << 31),
        (str(notes / "long.md"), 1 << 70),
        ("it's not there", 0),
    ):
        with pytest.raises(LusiferError, match="has no passage"):
            index.similar(path, number)
        with pytest.raises(LusiferError, match="has no passage"):
            index.around(path, number)
    with pytest.raises(LusiferError, match="counted from 0"):
        index.around(str(notes / "long.md"), 0, before=-1)
    with pytest.raises(LusiferError, match="top_k"):
        index.similar(str(notes / "long.md"), 0, top_k=0)


def test_a_sample_is_drawn_by_its_seed(index: Index) -> None:
    one, same, other = (index.sample(6, seed=seed) for seed in (0, 0, 1))
    assert one.passages == same.passages != other.passages
    assert one.vectors.shape == (6, index.embedder.dim)
    np.testing.assert_allclose(np.linalg.norm(one.vectors, axis=1), 1, atol=2e-3)
    assert len(index.sample(10_000).passages) == len(index)
    assert sum(index.languages().values()) == len(index)


def test_an_empty_index(model: LoadedModel, tmp_path: Path) -> None:
    empty = Index.create(tmp_path / "empty", model)
    assert empty.sample(5).vectors.shape == (0, model.embedder.dim)
    assert empty.languages() == {}
