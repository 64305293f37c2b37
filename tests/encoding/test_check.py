"""Damaged shards are found."""

from __future__ import annotations

from pathlib import Path

import pytest

import lusifer
from lusifer.encoding.check import check_vectors
from lusifer.errors import LusiferError


def content(folder: Path) -> dict[str, bytes]:
    """All files of a run, but the lock."""
    return {
        file.name: file.read_bytes() for file in folder.iterdir() if file.name != ".lusifer-lock"
    }


@pytest.mark.parametrize("format", ["parquet", "safetensors"])
@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_shard_is_found_and_made_anew(
    damage: str, manifest: bool, format: str, corpus: Path, table: Path, tmp_path: Path
) -> None:
    def run() -> None:
        lusifer.encode(str(corpus), tmp_path / "v", model=table, shard_rows=200, format=format)  # type: ignore[call-overload]

    run()
    whole = content(tmp_path / "v")
    assert check_vectors(tmp_path / "v") == 5
    shard = tmp_path / "v" / f"shard-00002.{format}"
    raw = shard.read_bytes()
    if damage == "gone":
        shard.unlink()
    else:
        shard.write_bytes(raw[:500] if damage == "cut" else raw[:-9] + b"x" + raw[-8:])
    with pytest.raises(LusiferError, match=r"1 shards are missing, cut short or changed"):
        check_vectors(tmp_path / "v")
    if not manifest:
        if damage == "changed":
            return  # without a hash nobody can tell
        (tmp_path / "v" / "manifest.json").unlink()
    run()
    assert content(tmp_path / "v") == whole
