"""Several indexes answer as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search.index import Index
from lusifer.search.several import search_all
from tests.conftest import TEXTS, make_table


@pytest.fixture
def two(model: LoadedModel, tmp_path: Path) -> list[Index]:
    made = []
    for number in range(2):
        index = Index.create(tmp_path / f"index{number}", model)
        index.add(
            {"id": f"{number}-{i}", "text": text}
            for i, text in enumerate(TEXTS[8 * number : 8 * number + 8])
        )
        made.append(index)
    return made


def test_the_best_of_both(two: list[Index]) -> None:
    for i in (2, 11):
        hits = search_all(two, TEXTS[i], top_k=5, mode="dense")
        assert hits[0].text == TEXTS[i]
        assert len(hits) == 5
        assert {hit.path.split(":")[1][0] for hit in hits} == {"0", "1"}
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert search_all(two[:1], TEXTS[2]) == two[0].search(TEXTS[2])


def test_a_reranker_sorts_them_all(two: list[Index]) -> None:
    hits = search_all(
        two,
        "a question",
        top_k=16,
        mode="dense",
        reranker=lambda pairs: [len(text) for _, text in pairs],
    )
    assert [hit.text for hit in hits] == sorted(TEXTS, key=len, reverse=True) or [
        len(hit.text) for hit in hits
    ] == sorted(map(len, TEXTS), reverse=True)


def test_indexes_of_different_models(two: list[Index], tmp_path: Path) -> None:
    other = Index.create(tmp_path / "other", make_table(tmp_path / "table", 5))
    other.add([{"id": "x", "text": TEXTS[3]}])
    assert {hit.path for hit in search_all([two[0], other], TEXTS[3], top_k=2, mode="dense")} == {
        "text:0-3",
        "text:x",
    }


def test_none(two: list[Index]) -> None:
    with pytest.raises(LusiferError, match="name an index"):
        search_all([], "a")
    with pytest.raises(LusiferError, match="query is empty"):
        search_all(two, " ")
