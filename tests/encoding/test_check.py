"""Damaged shards are found."""

from __future__ import annotations

from pathlib import Path

import pytest

import lusifer
from lusifer.encoding.check import check_vectors
from lusifer.errors import LusiferError
from tests.encoding.test_bulk import content


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


@pytest.mark.parametrize("content", ["{}", '{"shards": 3}', '{"shards": [{}]}', '{"shards": [1]}'])
def test_a_manifest_without_shards_is_told_and_can_be_made_anew(
    content: str, corpus: Path, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    lusifer.encode(str(corpus), out, model=table, shard_rows=300)
    (out / "manifest.json").write_text(content)
    with pytest.raises(
        LusiferError, match=r"manifest\.json: is damaged \(no shards\); delete this"
    ):
        check_vectors(out)
    (out / "manifest.json").unlink()
    lusifer.encode(str(corpus), out, model=table, shard_rows=300)
    assert check_vectors(out) == 4


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_a_shard_that_cannot_be_read_is_told_by_name(
    damage: str, corpus: Path, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    lusifer.encode(str(corpus), out, model=table, shard_rows=300)
    shard = out / "shard-00001.parquet"
    whole = shard.read_bytes()
    shard.unlink()
    if damage != "gone":
        shard.write_bytes(whole[:200] if damage == "cut" else b"PAR1 no")
    with pytest.raises(LusiferError, match=r"shard-00001\.parquet: is missing or damaged"):
        list(lusifer.read_vectors(out))
