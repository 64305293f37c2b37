"""A passage is found by a query that it answers, as near as the nearer of its vectors; what is no more
there is not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.search.index import Index
from lusifer.search.queries import DISCOUNT, WIDTHS, QueryReport
from lusifer.search.query import Filter
from tests.conftest import TEXTS, make_table


@pytest.fixture
def index(tmp_path: Path) -> Index:
    for i, text in enumerate(TEXTS[:8]):
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / "notes" / f"{i}.txt").write_text(text, encoding="utf-8")
    made = Index.create(tmp_path / "index", str(make_table(tmp_path / "table", 0)))
    made.update(tmp_path / "notes")
    return made


def rows(*pairs: tuple[str, int]) -> list[dict[str, str]]:
    return [{"query": query, "document": TEXTS[i]} for query, i in pairs]


def cosine(index: Index, one: str, other: str) -> float:
    first, second = index.embedder.encode([one, other])
    return float(first @ second)


def first(index: Index, query: str, **how: object) -> str:
    return index.search(query, top_k=1, mode="dense", **how)[0].text  # type: ignore[arg-type]


def test_found_by_its_query(index: Index, tmp_path: Path) -> None:
    asked = TEXTS[12]  # a text that is no passage
    assert first(index, asked) != TEXTS[3]
    count = len(index)
    assert index.add_queries(rows((asked, 3), ("other", 4))) == QueryReport(2, 0, 0)
    hit = index.search(asked, top_k=1, mode="dense")[0]
    assert hit.text == TEXTS[3]
    assert hit.score == pytest.approx(1 - DISCOUNT, abs=1e-3)
    assert hit.cosine == pytest.approx(cosine(index, TEXTS[3], asked), abs=2e-3), "its own"
    assert index.search(asked, top_k=1)[0].text == TEXTS[3]
    assert len(index) == count
    places = [(one.path, one.number) for one in index.search(asked, top_k=50, mode="dense")]
    assert len(set(places)) == len(places) == 8
    assert (
        index.search(asked, top_k=1, mode="dense", where=Filter(path="5.txt"))[0].text == TEXTS[5]
    )
    opened = Index.open(tmp_path / "index", index.model)
    assert first(opened, asked) == TEXTS[3]


def test_twice_of_no_passage_and_wrong_rows(index: Index) -> None:
    given = [*rows(("one", 1)), {"query": "x", "document": "nowhere"}]
    assert index.add_queries(given) == QueryReport(1, 0, 1)
    assert index.add_queries([*given, *rows(("one", 1), ("two", 1))]) == QueryReport(1, 2, 1)
    assert index.add_queries([{"query": "wrapped", "document": TEXTS[2].replace(" ", "\n")}]) == QueryReport(1, 0, 0)  # fmt: skip
    for wrong in ({"query": "a"}, {"query": " ", "document": "b"}, {"query": 3, "document": "b"}):
        with pytest.raises(LusiferError, match="row 1 has no"):
            index.add_queries([*rows(("one", 1)), wrong])


def test_a_passage_that_changed_is_not_found_by_its_query(index: Index, tmp_path: Path) -> None:
    asked = TEXTS[12]
    index.add_queries(rows((asked, 3), ("kept", 4)))
    (tmp_path / "notes" / "3.txt").write_text(TEXTS[14], encoding="utf-8")
    index.update([])
    hits = index.search(asked, top_k=20, mode="dense")
    assert all(hit.score == pytest.approx(hit.cosine, abs=1e-5) for hit in hits)
    assert index.queries is not None
    assert index.queries.count_rows() == 2
    index.add_queries([])
    assert [row["query"] for row in index.queries.search().to_list()] == ["kept"]


def test_a_passage_in_two_files_keeps_the_query_where_it_stays(
    index: Index, tmp_path: Path
) -> None:
    (tmp_path / "notes" / "copy.txt").write_text(TEXTS[3], encoding="utf-8")
    index.update([])
    assert index.add_queries(rows((TEXTS[12], 3))) == QueryReport(2, 0, 0)
    index.forget(tmp_path / "notes" / "3.txt")
    index.add_queries([])
    hit = index.search(TEXTS[12], top_k=20, mode="dense")[0]
    assert (Path(hit.path).name, round(hit.score, 2)) == ("copy.txt", 1 - DISCOUNT)


def test_as_a_plain_loop_has_it(index: Index) -> None:
    rng = np.random.default_rng(0)
    pairs = [(f"{TEXTS[8 + i % 8]} {i}", int(rng.integers(8))) for i in range(40)]
    index.add_queries(rows(*pairs))
    question = index.embedder.encode([TEXTS[15]])[0]
    own = dict(zip(TEXTS[:8], index.embedder.encode(TEXTS[:8]) @ question, strict=True))
    discount = min(DISCOUNT, WIDTHS * (max(own.values()) - min(own.values())))
    for (_, i), cosine in zip(pairs, index.embedder.encode([q for q, _ in pairs]) @ question, strict=True):  # fmt: skip
        own[TEXTS[i]] = max(own[TEXTS[i]], cosine - discount)
    hits = index.search(TEXTS[15], top_k=8, mode="dense")
    np.testing.assert_allclose([h.score for h in hits], sorted(own.values(), reverse=True), atol=2e-3)  # fmt: skip
    assert [h.text for h in hits][:3] == sorted(own, key=lambda text: -own[text])[:3]


def test_what_a_filter_keeps_is_found_however_many_queries_lie_nearer(index: Index) -> None:
    near = [(f"{TEXTS[12]} {i}", 3) for i in range(80)]
    index.add_queries(rows(*near, (TEXTS[13], 5)))
    # One passage alone has no width, so that nothing is taken off.
    (hit,) = index.search(TEXTS[12], top_k=1, mode="dense", where=Filter(path="5.txt"))
    due = max(cosine(index, TEXTS[13], TEXTS[12]), cosine(index, TEXTS[5], TEXTS[12]))
    assert hit.score == pytest.approx(due, abs=2e-3)


def test_forgetting_and_compacting_let_queries_go(index: Index, tmp_path: Path) -> None:
    index.add_queries(rows(("a", 1), ("b", 2), ("c", 3)))
    assert index.queries is not None
    index.forget(tmp_path / "notes" / "1.txt")
    assert sorted(row["query"] for row in index.queries.search().to_list()) == ["b", "c"]
    (tmp_path / "notes" / "2.txt").write_text("all new", encoding="utf-8")
    index.update([])
    index.compact()
    assert [row["query"] for row in index.queries.search().to_list()] == ["c"]


def test_an_index_that_is_open_sees_queries_that_another_process_adds(
    index: Index, tmp_path: Path
) -> None:
    other = Index.open(tmp_path / "index", index.model)
    assert first(index, TEXTS[12]) != TEXTS[3]
    other.add_queries(rows((TEXTS[12], 3)))
    assert first(index, TEXTS[12]) == TEXTS[3]
    with pytest.raises(LusiferError, match="row 0 is a tuple"):
        index.add_queries([("a", "b")])  # type: ignore[list-item]
