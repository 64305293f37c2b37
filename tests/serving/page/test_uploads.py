"""Uploaded files land in one folder under safe names, and are found."""

from __future__ import annotations

import asyncio
import threading
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
    assert len(safe_name("a." + "x" * 500).encode()) == LONGEST


def test_files_are_indexed_and_found(table: Path, tmp_path: Path) -> None:
    index = Index.create(tmp_path / "index", str(table))
    uploads = Uploads(tmp_path / "up", index, threading.Event())

    async def work() -> None:
        await uploads.take([("one.txt", TEXTS[0].encode()), ("two.bin", b"\x00\xff" * 50)])
        with pytest.raises(Fault, match="another upload") as caught:
            await uploads.take([("three.txt", b"x")])
        assert caught.value.status == 409
        while uploads.busy:
            await asyncio.sleep(0.02)

    asyncio.run(work())
    assert "1 file added" in uploads.said
    assert TEXTS[0] in index.search(TEXTS[0], top_k=1, mode="dense")[0].text
    assert sorted(file.name for file in (tmp_path / "up").iterdir()) == ["one.txt", "two.bin"]


def test_what_is_refused(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "up", None, threading.Event())  # type: ignore[arg-type]
    for files in ([], [("..", b"x")]):
        with pytest.raises(Fault, match="choose one file"):
            asyncio.run(uploads.take(files))
    (tmp_path / "up").write_text("a file in its place", encoding="utf-8")
    with pytest.raises((Fault, OSError)):
        asyncio.run(uploads.take([("a.txt", b"x")]))
    assert not uploads.busy


def test_a_failure_is_logged_and_the_next_upload_taken(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    uploads = Uploads(tmp_path / "up", None, threading.Event())  # type: ignore[arg-type]  # an index that fails in any way

    async def work() -> None:
        await uploads.take([("one.txt", b"x")])
        while uploads.busy:
            await asyncio.sleep(0.02)

    asyncio.run(work())
    assert uploads.said == "Not indexed: the server failed; its log says why."
    assert "an upload could not be indexed" in caplog.text


def test_one_name_twice_is_numbered_and_the_same_content_kept_once(
    table: Path, tmp_path: Path
) -> None:
    index = Index.create(tmp_path / "index", str(table))
    uploads = Uploads(tmp_path / "up", index, threading.Event())

    async def bring(*files: tuple[str, bytes]) -> str:
        await uploads.take(files)
        while uploads.busy:
            await asyncio.sleep(0.02)
        return uploads.said

    assert asyncio.run(bring(("a.txt", b"one"), ("a.txt", b"two"))) == "2 files added."
    assert asyncio.run(bring(("a.txt", b"one"))) == "0 files added. 1 file there already."
    assert asyncio.run(bring(("a (2).txt", b"three"))) == "1 file added."
    (tmp_path / "up" / "old.pdf").write_bytes(b"no PDF")
    said = asyncio.run(bring(("b.txt", b"\xff\xfe\x00")))
    assert "b.txt" in said
    assert str(tmp_path) not in said
    assert "old.pdf" not in said, "of this upload alone"
    found = {file.name: file.read_bytes() for file in (tmp_path / "up").glob("a*")}
    assert found == {"a.txt": b"one", "a (2).txt": b"two", "a (3).txt": b"three"}


def test_the_server_s_end_stops_indexing_and_its_next_start_goes_on(
    table: Path, tmp_path: Path
) -> None:
    index = Index.create(tmp_path / "index", str(table))
    (tmp_path / "up").mkdir()
    for i, text in enumerate(TEXTS[:6]):
        (tmp_path / "up" / f"{i}.txt").write_text(text, encoding="utf-8")

    async def start(ending: threading.Event) -> str:
        uploads = Uploads(tmp_path / "up", index, ending)
        uploads.resume()
        while uploads.busy:
            await asyncio.sleep(0.02)
        return uploads.said

    ended = threading.Event()
    ended.set()
    assert asyncio.run(start(ended)) == "Not indexed yet: the server ended."
    assert asyncio.run(start(threading.Event())) == "6 files added."
    assert asyncio.run(start(threading.Event())) == ""
    assert len(Index.open(tmp_path / "index", index.model)) == 6
