"""Listing what an index holds, taking files out of it, giving back space."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.models import LoadedModel
from lusifer.search import Forgotten, Index
from tests.conftest import TEXTS, make_table


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return LoadedModel.load(make_table(tmp_path_factory.mktemp("table")))


# Names that a table's query language, a glob or a path could take for something else.
NAMES = ("plain.txt", "it's.txt", "日本.txt", "a [1]*.txt", "deep/ein Wort.txt")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    for i, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n\n".join(TEXTS[3 * i : 3 * i + 3]), encoding="utf-8")
    return folder


@pytest.fixture
def index(notes: Path, tmp_path: Path, model: LoadedModel) -> Index:
    made = Index.create(tmp_path / "index", model)
    made.update([notes])
    return made


def found(index: Index) -> set[str]:
    return {hit.path for text in TEXTS[:15] for hit in index.search(text, top_k=50)}


def test_files_are_listed_with_their_passages(index: Index, notes: Path) -> None:
    listed = index.list_files()
    assert [file.path for file in listed] == sorted(str(notes / name) for name in NAMES)
    assert sum(file.passages for file in listed) == len(index)
    for file in listed:
        there = Path(file.path).stat()
        assert (file.size, file.modified) == (there.st_size, there.st_mtime_ns)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_forgotten_is_found_no_more(index: Index, notes: Path, name: str) -> None:
    before, passages = found(index), len(index)
    gone = index.forget([notes / name])
    assert (gone.files, gone.followed) == (1, (str(notes),))
    assert len(index) == passages - gone.passages
    assert found(index) == before - {str(notes / name)}
    assert (notes / name).exists()


def test_a_folder_that_is_forgotten_is_not_read_again(index: Index, notes: Path) -> None:
    passages = len(index)
    assert index.forget([notes]) == Forgotten(len(NAMES), passages, ())
    assert (len(index), index.list_files()) == (0, [])
    report = index.update([])
    assert (report.added, report.passages) == (0, 0)


def test_a_part_of_a_followed_folder_comes_back_with_the_next_update(
    index: Index, notes: Path
) -> None:
    passages = len(index)
    assert index.forget([notes / "deep"]).followed == (str(notes),)
    assert index.update([]).added == 1
    assert len(index) == passages


def test_what_is_deleted_already_can_be_forgotten(index: Index, notes: Path) -> None:
    (notes / NAMES[0]).unlink()
    assert index.forget([notes / NAMES[0]]).followed == ()


def test_what_the_index_does_not_know_is_told_and_nothing_is_lost(
    index: Index, notes: Path
) -> None:
    passages = len(index)
    with pytest.raises(LusiferError, match="nothing of it is in the index"):
        index.forget([notes / NAMES[0], notes / "other.txt"])
    assert len(index) == passages


def test_compacting_gives_back_space_and_changes_no_hit(
    index: Index, notes: Path, tmp_path: Path
) -> None:
    def size() -> int:
        return sum(f.stat().st_size for f in (tmp_path / "index").rglob("*") if f.is_file())

    for i in range(4):
        (notes / NAMES[0]).write_text("\n\n".join(TEXTS[i : i + 3]), encoding="utf-8")
        index.update([])
    before = size(), [index.search(text, top_k=50) for text in TEXTS[:5]]
    index.compact()
    assert size() < before[0]
    assert [index.search(text, top_k=50) for text in TEXTS[:5]] == before[1]
    assert [Index.open(index.uri, index.model).search(t, top_k=50) for t in TEXTS[:5]] == before[1]
