"""A folder of files that are written at once, on a disk and in an object store."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.io.folders import StoreFolder


@pytest.fixture(params=["a disk", "an object store"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreFolder:
    name = str(tmp_path / "out") if request.param == "a disk" else f"memory://{uuid.uuid4()}/out"
    return StoreFolder(name)


def test_files_come_and_go_by_their_names(store: StoreFolder) -> None:
    assert store.files() == []
    with store.own("run.json"):
        for name in ("b.bin", "a.json", "日本.txt"):
            store.write(name, name.encode())
        assert store.files() == ["a.json", "b.bin", "日本.txt"]
        assert store.read("日本.txt") == "日本.txt".encode()
        store.write("b.bin", b"anew")
        assert store.read("b.bin") == b"anew"
        store.remove("b.bin")
        store.remove("b.bin")
    assert store.files() == ["a.json", "日本.txt"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'"text"', b"null"])
def test_what_is_no_object_is_told(content: bytes, store: StoreFolder) -> None:
    with store.own("run.json"):
        store.write("run.json", content)
        with pytest.raises(LusiferError, match=r"run\.json: is damaged"):
            store.read_json("run.json")


def test_a_second_run_is_refused_and_a_killed_ones_remains_are_swept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".shard-00001.parquet.x1", ".run.json.x2", ".rejects.jsonl.x3"):
        (out / name).write_bytes(b"half")
    (out / ".mine").write_bytes(b"not ours")
    store = StoreFolder(str(out))
    with store.own("run.json"):
        assert not list(out.glob(".*.x?"))
        with (
            pytest.raises(LusiferError, match="another run is writing there"),
            store.own("run.json"),
        ):
            pass
    assert (out / ".mine").exists()


def test_a_run_that_is_refused_at_once_leaves_nothing(tmp_path: Path) -> None:
    store = StoreFolder(str(tmp_path / "deep" / "out"))

    def refused() -> None:
        with store.own("run.json"):
            store.write("run.json", b"{}")
            raise LusiferError("no such prompt")

    with pytest.raises(LusiferError, match="no such prompt"):
        refused()
    assert not (tmp_path / "deep").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(LusiferError, match="is a file; a run writes into a folder"):
        StoreFolder(str(tmp_path / "a.txt"))
