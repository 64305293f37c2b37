"""Files are written whole or not at all, and a full disk is one line."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lusifer.errors import LusiferError
from lusifer.io import disk_full, replacing_file, replacing_folder, write_array, write_json
from tests.cli.command import refused, run
from tests.conftest import TEXTS, make_table

# What libraries raise on a full disk, word for word.
FULL = {
    "the system": OSError(errno.ENOSPC, "No space left on device"),
    "a quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "numpy": OSError("102400 requested and 76768 written"),
    "safetensors": Exception(
        "Error while serializing: I/O error: No space left on device (os error 28)"
    ),
    "torch": RuntimeError("[enforce fail at inline_container.cc:668] . No space left on device"),
    "Arrow": OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"),
    "the index's table": RuntimeError(
        "lance error: LanceError(IO): No space left on device (os error 28)"
    ),
}
OTHER = (
    OSError(errno.EIO, "Input/output error"),
    OSError("3 requested"),
    ValueError("space is left"),
    KeyError("written"),
    MemoryError(),
)


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
def test_a_full_disk_is_one_line_and_leaves_what_was_there(
    error: Exception, tmp_path: Path
) -> None:
    assert disk_full(error)
    (tmp_path / "out.txt").write_text("before")

    def into_a_file() -> None:
        with replacing_file(tmp_path / "out.txt") as stream:
            stream.write(b"half")
            raise error

    def into_a_folder() -> None:
        with replacing_folder(tmp_path / "new") as folder:
            (folder / "part").write_text("half")
            raise error

    for write, name in ((into_a_file, "out.txt"), (into_a_folder, "new")):
        with pytest.raises(LusiferError, match=f"{name}: the disk is full"):
            write()
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]
    assert (tmp_path / "out.txt").read_text() == "before"


@pytest.mark.parametrize("error", OTHER, ids=lambda error: type(error).__name__)
def test_other_errors_are_not_taken_for_one(error: Exception) -> None:
    assert not disk_full(error)


@pytest.mark.parametrize(
    "write", [lambda s: np.save(s, np.zeros(9)), lambda s: s.write(b"x" * 9999)]
)
def test_a_device_without_room_is_recognised(write: Callable[..., object]) -> None:
    if not Path("/dev/full").is_char_device():
        pytest.skip("this system has no /dev/full")

    def fill() -> None:
        with open("/dev/full", "wb") as stream:
            write(stream)

    with pytest.raises(OSError, match="No space left") as caught:
        fill()
    assert disk_full(caught.value)


def test_vectors_that_do_not_fit_are_told_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    model = str(make_table(tmp_path))

    def full(*_: object) -> None:
        raise FULL["numpy"]

    monkeypatch.setattr(np, "save", full)
    told = refused("embed", "a.txt", "-o", "v.npy", "-m", model, cwd=tmp_path)
    assert told.startswith("lusifer: v.npy: the disk is full")
    assert not (tmp_path / "v.npy").exists()
    monkeypatch.undo()
    assert run("embed", "a.txt", "-o", "v.npy", "-m", model, cwd=tmp_path).returncode == 0


def test_what_is_written_may_be_read_by_others(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "model") as folder:
        (folder / "deep").mkdir(mode=0o700)
        save_file({"a": np.zeros(3)}, folder / "deep" / "a.safetensors")
        (folder / "b.txt").write_text("b")
        (folder / "b.txt").chmod(0o600)
    write_json(tmp_path / "a.json", {})
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_array(tmp_path / "deep" / "a.npy", np.arange(6).reshape(2, 3))
    assert np.load(tmp_path / "deep" / "a.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    write_json(tmp_path / "a.json", {"שלום": ["日本", 1]})
    assert "日本" in (tmp_path / "a.json").read_text(encoding="utf-8")
