"""`lusifer align`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import refused, run
from tests.conftest import TEXTS


def test_align(tmp_path: Path, model: str) -> None:
    (tmp_path / "a.txt").write_text("\n".join(TEXTS[:6]) + "\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("\n".join([*TEXTS[:3], *TEXTS[4:6]]) + "\n", encoding="utf-8")
    done = run("align", "a.txt", "b.txt", "--by-line", "-m", model, cwd=tmp_path)
    assert done.returncode == 0, done
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert rows[0] == ["1.000", TEXTS[0], TEXTS[0]]
    assert (
        run(
            "align", "a.txt", "b.txt", "--by-line", "-m", model, "-o", "c.jsonl", cwd=tmp_path
        ).returncode
        == 0
    )
    pairs = [
        json.loads(line) for line in (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert pairs[0]["first"] == TEXTS[0]
    assert "no such file" in refused("align", "a.txt", "none.txt", "-m", model, cwd=tmp_path)
    assert ".tsv or .jsonl" in refused("align", "a.txt", "b.txt", "-o", "c.doc", cwd=tmp_path)
    assert "skip is 2" in refused(
        "align", "a.txt", "b.txt", "--skip", "2", "-m", model, cwd=tmp_path
    )
