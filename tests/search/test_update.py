"""An index follows its files, and survives a kill at any moment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search import update as indexing
from lusifer.search.index import Index
from lusifer.search.query import Filter, search
from lusifer.search.table import table_errors
from tests.conftest import TEXTS
from tests.search.test_index import rows


def test_an_update_touches_what_changed_and_nothing_else(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    before = rows(index)
    read: list[str] = []
    original = indexing.sections
    monkeypatch.setattr(indexing, "sections", lambda path: read.append(str(path)) or original(path))
    assert index.update([]).unchanged == 8
    assert not read
    changed, gone, touched = sorted(notes.rglob("*.txt"))[:3]
    changed.write_text("A fox sleeps under the bridge.\n", encoding="utf-8")
    gone.unlink()
    os.utime(touched, (1, 1))
    (notes / "more.md").write_text("Owls hunt at night.\n", encoding="utf-8")
    report = index.update([])
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 6)
    assert sorted(read) == sorted(map(str, (changed, notes / "more.md")))
    after = rows(index)
    unchanged = [row for row in before if row[0] not in (str(changed), str(gone))]
    assert [
        row for row in after if row[0] not in (str(changed), str(notes / "more.md"))
    ] == unchanged
    assert not search(index, TEXTS[0], mode="text", where=Filter(path=gone.name))
    fresh = Index.create(tmp_path / "fresh", model)
    fresh.update([notes])
    assert rows(fresh) == after


def test_a_path_outside_those_named_is_left_alone(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes / "old"])
    assert index.update([notes / "new"]).removed == 0
    assert len({row[0] for row in rows(index)}) == 8


@pytest.mark.parametrize("batch", [1, 3, 1024])
@pytest.mark.parametrize("stop", [1, 2, 4])
def test_killed_while_indexing_it_ends_the_same(
    notes: Path,
    tmp_path: Path,
    model: LoadedModel,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    stop: int,
) -> None:
    monkeypatch.setattr(indexing, "BATCH", batch)
    whole = Index.create(tmp_path / "whole", model)
    whole.update([notes])
    parts = Index.create(tmp_path / "parts", model)
    calls = 0
    original = indexing.Update._list

    def killed(self: indexing.Update, finished: Any, known: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == stop:
            raise KeyboardInterrupt
        original(self, finished, known)

    monkeypatch.setattr(indexing.Update, "_list", killed)
    try:
        parts.update([notes])
    except KeyboardInterrupt:
        assert calls == stop
    monkeypatch.setattr(indexing.Update, "_list", original)
    again = Index.open(tmp_path / "parts", model)
    again.update([notes])
    assert rows(again) == rows(whole)


def test_a_change_that_was_killed_ends_the_same(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    file = min(notes.rglob("*.txt"))
    file.write_text(f"{TEXTS[3]}\n\n{TEXTS[9]}\n", encoding="utf-8")
    original = indexing.Update._list
    monkeypatch.setattr(
        indexing.Update, "_list", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        index.update([])
    monkeypatch.setattr(indexing.Update, "_list", original)
    index.update([])
    fresh = Index.create(tmp_path / "fresh", model)
    fresh.update([notes])
    assert rows(index) == rows(fresh)


@pytest.mark.parametrize("step", ["listed", "dropped"])
def test_killed_between_the_list_and_the_rows_it_ends_the_same(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A changed file of as many passages, or one that goes and comes back as it was: counts alone
    would not tell.
    """
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    file = min(notes.rglob("*.txt"))
    text, stat = file.read_text(encoding="utf-8"), file.stat()
    if step == "listed":
        file.write_text("\n\n".join(text.strip().split("\n\n")[::-1]), encoding="utf-8")
    else:
        file.unlink()
    tables = {"rows": index.rows, "files": index.files}
    done: list[str] = []
    for name, table in tables.items():

        def once(condition: str, name: str = name, original: Any = table.delete) -> None:
            original(condition)
            done.append(name)
            raise KeyboardInterrupt

        monkeypatch.setattr(table, "delete", once)
    with pytest.raises(KeyboardInterrupt):
        index.update([notes])
    monkeypatch.undo()
    if step == "dropped":
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    again = Index.open(tmp_path / "index", model)
    again.update([notes])
    fresh = Index.create(tmp_path / "fresh", model)
    fresh.update([notes])
    assert rows(again) == rows(fresh)


def test_a_first_run_leaves_no_earlier_version_and_a_later_one_those_that_may_be_read(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    assert len(index.rows.list_versions()) == 1
    reader = Index.open(tmp_path / "index", model)
    (notes / "more.txt").write_text(TEXTS[9], encoding="utf-8")
    sorted((notes / "old").iterdir())[0].unlink()
    index.update([notes])
    assert len(index.rows.list_versions()) > 1
    assert reader.search(TEXTS[8])[0].text  # what the reader has open is still there


def test_files_that_cannot_be_read_are_named_and_the_others_indexed(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    (notes / "binary.txt").write_bytes(b"\x00\x01")
    (notes / "latin.txt").write_bytes("Straße".encode("latin-1"))
    index = Index.create(tmp_path / "index", model)
    report = index.update([notes])
    assert report.added == 8
    assert [Path(reason.split(":")[0]).name for reason in report.skipped] == [
        "binary.txt",
        "latin.txt",
    ]
    (notes / "latin.txt").write_text("Straße nach Rom", encoding="utf-8")
    assert index.update([notes]).added == 1
    (notes / "latin.txt").write_bytes("Straße".encode("latin-1"))
    assert len(index.update([notes]).skipped) == 2
    assert not search(index, "Straße nach Rom", mode="text")


def test_a_full_disk_is_told_and_the_index_stays(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    before = rows(index)
    (notes / "more.txt").write_text("Owls hunt at night.\n", encoding="utf-8")

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("lance error: LanceError(IO): No space left on device (os error 28)")

    monkeypatch.setattr(index.rows, "add", full)
    with pytest.raises(LusiferError, match="the disk is full"):
        index.update([notes])
    again = Index.open(tmp_path / "index", model)
    assert rows(again) == before
    assert again.update([notes]).added == 1


def test_bad_rows_files_and_names_are_told_and_end_nothing(
    tmp_path: Path, model: LoadedModel
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.txt").write_text("The harbour is closed.")
    (folder / "rows.jsonl").write_text('{"a": "A red boat."}\n{"a": "cut \\ud83d"}\n{oops\n')
    (folder / "none.jsonl").write_text('{"a": "cut \\ud83d"}\n')
    (folder / "empty.txt").write_text("")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    os.mkfifo(folder / "pipe.txt")
    with open(os.fsencode(folder) + b"/caf\xe9.txt", "wb") as stream:
        stream.write(b"named in Latin-1")
    index = Index.create(tmp_path / "index", model)
    report = index.update([folder])
    assert report.added == 3
    told = "\n".join(report.skipped)
    for wanted in (
        "rows.jsonl:2: holds half a character",
        "rows.jsonl:3: not JSON",
        "none.jsonl:1: holds half a character",
        "empty.txt: holds no text",
        "pipe.txt: is no regular file",
        "caf\\xe9.txt: the name is not UTF-8",
        "1 files of kinds that are not read: .png 1",
    ):
        assert wanted in told
    assert search(index, "A red boat.", top_k=1)[0].position == 1


def test_a_folder_that_is_away_keeps_its_passages(tmp_path: Path, model: LoadedModel) -> None:
    notes, empty = tmp_path / "notes", tmp_path / "empty"
    for folder in (notes, empty):
        folder.mkdir()
    (notes / "a.txt").write_text("The museum opens at nine.")
    index = Index.create(tmp_path / "index", model)
    index.update([notes, empty])
    notes.rename(tmp_path / "away")
    report = index.update([])
    assert (report.passages, report.removed) == (1, 0)
    assert "is not there now; 1 files of it stay" in report.skipped[0]
    (tmp_path / "away").rename(notes)
    (empty / "b.txt").write_text("The theatre opens at six.")
    assert index.update([]).added == 1  # a folder that was empty at first is remembered
    (notes / "a.txt").write_text("The museum opens at ten o'clock.")
    assert index.update([notes / "a.txt"]).changed == 1
    (notes / "c.txt").write_text("The pool is closed.")
    assert index.update([]).added == 1  # so is that of which one file was named


@pytest.mark.parametrize("how", ["a generator", "a string", "a path", "a list", "map"])
def test_paths_are_named_in_any_way_and_lose_nothing(
    how: str, notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    given: Any = {
        "a generator": (path for path in [notes]),
        "a string": str(notes),
        "a path": notes,
        "a list": [notes],
        "map": map(str, [notes]),
    }[how]
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    report = index.update(given)
    assert (report.removed, report.unchanged) == (0, 8)
    again: Any = {"a generator": (p for p in [notes]), "map": map(str, [notes])}.get(how, given)
    assert index.forget(again).files == 8


def test_a_call_that_fails_follows_nothing(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    index = Index.create(tmp_path / "index", model)
    with pytest.raises(LusiferError, match="no such file or folder"):
        index.update([notes, tmp_path / "nothing"])
    assert index.update([]).passages == 0


def test_the_place_of_a_drive_that_is_not_mounted_keeps_its_passages(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes / "old", notes / "new"])
    (notes / "old").rename(tmp_path / "away")
    (notes / "old").mkdir()
    report = index.update([])
    assert (report.removed, report.unchanged) == (0, 4)
    assert any("is empty now; 4 files of it stay" in line for line in report.skipped)
    assert index.forget(notes / "old").files == 4


@pytest.mark.parametrize("named", ["itself", "its folder"])
def test_a_folder_that_cannot_be_read_keeps_its_passages(
    named: str, notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes / "old", notes / "new"] if named == "itself" else [notes])
    walk = os.walk

    def locked(root: Path, onerror: Any) -> Any:
        for folder, folders, files in walk(root):
            if Path(folder).name == "old":
                onerror(PermissionError(13, "Permission denied", folder))
            else:
                yield folder, folders, files

    iterdir = Path.iterdir

    def listed(self: Path) -> Any:
        if self.name == "old":
            raise PermissionError(13, "Permission denied", str(self))
        return iterdir(self)

    monkeypatch.setattr(os, "walk", locked)
    monkeypatch.setattr(Path, "iterdir", listed)
    report = index.update([])
    assert report.removed == 0
    assert any("old: cannot be read (Permission denied)" in line for line in report.skipped)
    monkeypatch.undo()
    assert index.update([]).unchanged == 8


def test_a_temporary_folder_that_is_missing_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(LusiferError, match="TMPDIR to a folder that can"), table_errors("ix"):
        raise RuntimeError("lance error: Failed to create temp dir: No such file (os error 2)")


@pytest.mark.parametrize("how", ["written in place", "moved over it", "two change places"])
def test_another_content_of_equal_length_and_time_is_seen(
    how: str, tmp_path: Path, model: LoadedModel
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in (("a", "The cat sleeps here."), ("b", "The dog sleeps here.")):
        (folder / f"{name}.txt").write_text(text)
        os.utime(folder / f"{name}.txt", ns=(10**18, 10**18))
    index = Index.create(tmp_path / "index", model)
    index.update(folder)
    if how == "two change places":
        (folder / "a.txt").rename(folder / "c.txt")
        (folder / "b.txt").rename(folder / "a.txt")
        (folder / "c.txt").rename(folder / "b.txt")
    else:
        new = folder / ("a.txt" if how == "written in place" else "new.txt")
        new.write_text("The dog sleeps here.")
        os.utime(new, ns=(10**18, 10**18))
        new.rename(folder / "a.txt")
    assert index.update(folder).changed == (2 if how == "two change places" else 1)
    found = {row["path"]: row["text"] for row in index.rows.to_arrow().to_pylist()}
    assert found[str(folder / "a.txt")] == "The dog sleeps here."


def test_a_file_that_was_only_touched_is_not_embedded_again(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update(notes)
    for file in notes.rglob("*.txt"):
        file.touch()
        file.chmod(0o600)
    report = index.update(notes)
    assert (report.changed, report.unchanged) == (0, 8)
