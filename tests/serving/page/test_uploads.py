"""Uploaded files land in one folder under safe names, and are found."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lusifer.search.index import Index
from lusifer.serving.faults import Fault
from lusifer.serving.page.uploads import LONGEST, Uploads, safe_name
from tests.conftest import TEXTS


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("note.txt", "note.txt"), ("../../etc/passwd", "passwd"), ("C:\\temp\\a b.md", "a b.md"), ("..", ""), ("", ""), (".hidden", "hidden"),
        ("a\x00b.txt", "a_b.txt"), ("नोट.txt", "नोट.txt"), ("笔记.md", "笔记.md"), ("e\u0301.txt", "é.txt"), ('q?"<>|.txt', "q_____.txt"), ("a.", "a"),
    ],
)  # fmt: skip
def test_names(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_long_names_are_cut_before_their_ending() -> None:
    name = safe_name("字" * 500 + ".txt")
    assert name.endswith(".txt")
    assert len(name.encode()) <= LONGEST
    assert safe_name("a." + "x" * 500) == ""


def test_files_are_indexed_and_found(table: Path, tmp_path: Path) -> None:
    index = Index.create(tmp_path / "index", str(table))
    uploads = Uploads(tmp_path / "up", index)

    async def work() -> None:
        uploads.take([("one.txt", TEXTS[0].encode()), ("two.bin", b"\x00\xff" * 50)])
        with pytest.raises(Fault, match="another upload") as caught:
            uploads.take([("three.txt", b"x")])
        assert caught.value.status == 409
        while uploads.busy:
            await asyncio.sleep(0.02)

    asyncio.run(work())
    assert "1 file added" in uploads.said
    assert TEXTS[0] in index.search(TEXTS[0], top_k=1, mode="dense")[0].text
    assert sorted(file.name for file in (tmp_path / "up").iterdir()) == ["one.txt", "two.bin"]


def test_what_is_refused(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "up", None)  # type: ignore[arg-type]
    for files in ([], [("..", b"x")]):
        with pytest.raises(Fault, match="choose one file"):
            uploads.take(files)
    (tmp_path / "up").write_text("a file in its place", encoding="utf-8")
    with pytest.raises((Fault, OSError)):
        uploads.take([("a.txt", b"x")])


def test_a_failure_is_logged_and_the_next_upload_taken(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uploads = Uploads(tmp_path / "up", None)  # type: ignore[arg-type]  # an index that fails in any way

    async def work() -> None:
        uploads.take([("one.txt", b"x")])
        while uploads.busy:
            await asyncio.sleep(0.02)

    asyncio.run(work())
    assert uploads.said == "Not indexed: the server failed; its log says why."
    assert "an upload could not be indexed" in caplog.text
