"""`lusifer cluster`, as a user types it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import refused, run
from tests.insight.conftest import labelled


def test_clusters_and_what_is_refused(tmp_path: Path, model: str) -> None:
    (tmp_path / "a.txt").write_text("\n".join(labelled(90).texts) + "\n", encoding="utf-8")
    done = run("cluster", "a.txt", "--into", "out", "-m", model, "--clusters", "3", cwd=tmp_path)
    assert done.returncode == 0, done
    assert "out: 3 clusters of 90 texts, 0 in none" in done.stdout
    assert (tmp_path / "out" / "clusters.html").exists()
    assert "must be one of topics, same" in refused(
        "cluster", "a.txt", "-o", "x", "--method", "magic", cwd=tmp_path
    )
    assert "no such file" in refused("cluster", "none.txt", "-o", "x", "-m", model, cwd=tmp_path)
