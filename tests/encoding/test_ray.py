"""Several workers write what one process writes."""

from __future__ import annotations

from pathlib import Path

import pytest

import lusifer
from tests.encoding.test_bulk import content


@pytest.mark.filterwarnings("ignore")  # ray's own
def test_workers_on_ray_write_what_one_process_writes(
    corpus: Path, table: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray")
    with corpus.open("a") as stream:
        stream.write("not json\n")
    settings = {"model": table, "keep": ["id"], "shard_rows": 130, "skip_bad": True}
    lusifer.encode(str(corpus), tmp_path / "one", **settings)  # type: ignore[arg-type]
    told: list[int] = []
    lusifer.encode(
        str(corpus),
        tmp_path / "two",
        engine="ray",
        workers=2,
        tell=lambda rows, tokens: told.append(rows),
        **settings,
    )  # type: ignore[arg-type]
    assert content(tmp_path / "two") == content(tmp_path / "one")
    assert sum(told) == 1000
