"""Texts by id: put in, changed, left as they are, taken out; files beside them are not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search.index import Index
from lusifer.search.query import Filter
from tests.conftest import TEXTS

IDS = ["plain", "it's", "日本/1", "a [1]*", "नोट"]


@pytest.fixture
def index(model: LoadedModel, tmp_path: Path) -> Index:
    return Index.create(tmp_path / "index", model)


def test_put_in_changed_and_taken_out(index: Index) -> None:
    rows = [{"id": name, "text": text} for name, text in zip(IDS, TEXTS, strict=False)]
    report = index.add(rows)
    assert (report.added, report.changed, report.unchanged, report.passages) == (5, 0, 0, 5)
    for name, text in zip(IDS, TEXTS, strict=False):
        hit = index.search(text, top_k=1, mode="dense")[0]
        assert (hit.path, hit.text) == (f"text:{name}", text)
    assert index.search(TEXTS[1], where=Filter(path="it's"))[0].path == "text:it's"
    again = index.add([*rows[:4], {"id": IDS[4], "text": TEXTS[9]}])
    assert (again.added, again.changed, again.unchanged, again.passages) == (0, 1, 4, 5)
    assert index.search(TEXTS[9], top_k=1, mode="dense")[0].path == f"text:{IDS[4]}"
    assert index.delete([IDS[1], IDS[2]]) == 2
    assert len(index) == 3
    assert index.delete(IDS[0]) == 1
    assert [file.path for file in index.list_files()] == sorted(f"text:{name}" for name in IDS[3:])
    with pytest.raises(LusiferError, match="plain: no text of that id"):
        index.delete([IDS[3], "plain"])
    assert len(index) == 2, "and then none goes"


def test_the_last_of_one_id_counts_and_a_long_text_is_several_passages(index: Index) -> None:
    report = index.add(
        [
            {"id": "a", "text": TEXTS[0]},
            {"id": "a", "text": TEXTS[1]},
            {"id": 7, "text": "\n\n".join(TEXTS * 4)},
        ]
    )
    assert report.added == 2
    assert [
        hit.text
        for hit in index.search(TEXTS[1], top_k=1, mode="dense", where=Filter(path="text:a"))
    ] == [TEXTS[1]]
    assert len(index.around("text:7", 0, after=1000)) > 2


def test_files_and_texts_leave_each_other_alone(index: Index, notes: Path) -> None:
    index.add([{"id": "a", "text": TEXTS[0]}])
    index.update(notes)
    before = len(index)
    index.update([])
    assert len(index) == before
    index.delete("a")
    assert len(index) == before - 1
    index.add([{"id": "b", "text": TEXTS[1]}])
    index.forget(notes)
    assert [file.path for file in index.list_files()] == ["text:b"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("text", "row 0 is str"), ({"text": "a"}, "has no id"), ({"id": "a"}, "has no text"), ({"id": "a", "text": ""}, "has no text"),
        ({"id": "a", "text": 3}, "has no text"), ({"id": None, "text": "a"}, "has no id"), ({"id": "a", "text": "\ud800"}, "half a character"),
    ],
)  # fmt: skip
def test_wrong_rows(index: Index, row: object, said: str) -> None:
    with pytest.raises(LusiferError, match=said):
        index.add([row])  # type: ignore[list-item]
    assert len(index) == 0


def test_a_text_without_words_is_told(index: Index) -> None:
    report = index.add([{"id": "a", "text": " \n "}, {"id": "b", "text": TEXTS[0]}])
    assert report.skipped == ["text:a: holds no text"]
    assert report.passages == 1
