"""`lusifer data validate` as a user starts it."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from tests.cli.command import refused, run


def test_validate_prints_every_bad_line(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("eng\tgood\nbad\n\tx\n", encoding="utf-8")
    done = run("data", "validate", "a.tsv", "--columns", "language,text", cwd=tmp_path)
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["a.tsv:2", "a.tsv:3"]
    assert "1 good rows, 2 bad" in done.stdout
    (tmp_path / "a.tsv").write_text("eng\tgood\n", encoding="utf-8")
    assert (
        run("data", "validate", "a.tsv", "--columns", "language,text", cwd=tmp_path).returncode == 0
    )


@pytest.mark.parametrize("name", ["nothing.tsv", "nothing.jsonl", "nothing"])
def test_a_file_that_is_not_there_is_no_bad_line(name: str, tmp_path: Path) -> None:
    done = run("data", "validate", name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"{name}: no such file\n")


def test_each_file_has_its_line_and_one_bad_one_is_enough(tmp_path: Path) -> None:
    (tmp_path / "gut.txt").write_text("Grüße\nनमस्ते\n", encoding="utf-8")
    (tmp_path / "좋은.tsv.xz").write_bytes(lzma.compress("kor\t안녕\n".encode()))
    good = run("data", "validate", "gut.txt", "좋은.tsv.xz", "--columns", "_,text", cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines() == [
        "gut.txt: 2 good rows, 0 bad",
        "좋은.tsv.xz: 1 good rows, 0 bad",
    ]
    (tmp_path / "bad.txt").write_bytes(b"one\nna\xefve\n")
    mixed = run("data", "validate", "bad.txt", "gut.txt", cwd=tmp_path)
    assert mixed.returncode == 2
    assert mixed.stdout.splitlines()[1] == "gut.txt: 2 good rows, 0 bad"
    assert mixed.stderr.startswith("bad.txt:2: not UTF-8")


@pytest.mark.parametrize("show", [0, 2, 7])
def test_no_more_bad_lines_are_printed_than_asked_for(show: int, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("eng\n" * 7, encoding="utf-8")
    asked = ("--columns", "language,text", "--show", str(show))
    done = run("data", "validate", "a.tsv", *asked, cwd=tmp_path)
    named = [line for line in done.stderr.splitlines() if line.startswith("a.tsv:")]
    lines = [line for line in named if not line.startswith("a.tsv: ")]
    assert [line.split(": ")[0] for line in lines] == [f"a.tsv:{i + 1}" for i in range(show)]
    more = [f"a.tsv: … and {7 - show} more"] if show < 7 else []
    assert [line for line in named if line not in lines] == more


def test_a_column_without_a_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("eng\tx\n", encoding="utf-8")
    assert "--columns text,: column 2 has no name" in refused(
        "data", "validate", "a.tsv", "--columns", "text,", cwd=tmp_path
    )
