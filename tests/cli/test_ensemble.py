"""`lusifer ensemble`, as a user types it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import refused, run
from tests.conftest import TEXTS, make_table


def test_made_and_used(tmp_path: Path, model: str) -> None:
    other = make_table(tmp_path / "other", 3)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    done = run("ensemble", model, str(other), "--into", "both", "--weights", "2,1", cwd=tmp_path)
    assert "both: 2 models, vectors of 32 numbers" in done.stdout
    few = run(
        "ensemble",
        model,
        str(other),
        "--into",
        "few",
        "--how",
        "project",
        "--dimensions",
        "8",
        "--texts",
        "texts.txt",
        cwd=tmp_path,
    )
    assert "vectors of 8 numbers" in few.stdout
    assert run("similar", "-m", "both", TEXTS[0], TEXTS[1], cwd=tmp_path).returncode == 0
    assert "write a number a model" in refused(
        "ensemble", model, str(other), "--into", "x", "--weights", "a,b", cwd=tmp_path
    )
