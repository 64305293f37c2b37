"""Which files an index takes, and that each one left out is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lusifer.errors import DataError
from lusifer.search.files import walk

TAKEN = (
    "a.txt",
    "b.md",
    "c.html",
    "deep/er/d.jsonl",
    "ein Wort.txt",
    "日本/e.rst",
    "f [1].txt",
    "-g.txt",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*TAKEN, "h.doc", "i.xyz", "j", ".hidden.txt", ".git/k.txt", "ix.lance/l.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text", encoding="utf-8")
    return tmp_path


def test_known_kinds_are_taken_hidden_ones_left_and_others_counted(folder: Path) -> None:
    skipped: list[str] = []
    found = list(walk([folder], skipped))
    assert sorted(Path(file.path).relative_to(folder).as_posix() for file in found) == sorted(TAKEN)
    assert {file.root for file in found} == {str(folder)}
    assert all(
        (file.size, file.modified) == (4, Path(file.path).stat().st_mtime_ns) for file in found
    )
    (line,) = skipped
    assert line.startswith("3 files of kinds that are not read: ")
    assert "no ending 1" in line


@pytest.mark.parametrize("again", ["a.txt", ".", "deep/..", "link.txt", "same"])
def test_a_file_that_is_named_twice_comes_once(again: str, folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "a.txt")
    (folder / "same").symlink_to(folder / "deep", target_is_directory=True)
    paths = [file.path for file in walk([folder / "a.txt", folder / again, folder], [])]
    assert len(paths) == len(set(paths))
    assert paths[0] == str(folder / "a.txt")


def test_a_folder_that_links_to_itself_ends(folder: Path) -> None:
    (folder / "deep" / "loop").symlink_to(folder, target_is_directory=True)
    assert len(list(walk([folder], []))) == len(TAKEN)


def test_a_pipe_is_named_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    skipped: list[str] = []
    assert len(list(walk([folder], skipped))) == len(TAKEN)
    assert f"{folder / 'pipe.txt'}: is no regular file" in skipped
    with pytest.raises(DataError, match="neither a file nor a folder"):
        list(walk([folder / "pipe.txt"], []))


def test_a_link_to_nowhere_and_a_name_that_is_not_utf_8_end_nothing(folder: Path) -> None:
    (folder / "lost.txt").symlink_to(folder / "nothing")
    name = os.fsencode(folder) + b"/caf\xe9.txt"
    try:
        Path(os.fsdecode(name)).write_text("text")
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    skipped: list[str] = []
    assert len(list(walk([folder], skipped))) == len(TAKEN)
    assert any("the name is not UTF-8; rename it" in line for line in skipped)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        list(walk([tmp_path / "nothing"], []))
