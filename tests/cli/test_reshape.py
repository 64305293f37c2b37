"""`lusifer reshape`, as a user types it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.command import refused, run
from tests.conftest import TEXTS


def test_trimmed_and_used(tmp_path: Path, model: str) -> None:
    rows = "".join(f"eng_Latn\t{text}\n" for text in TEXTS[:8] * 3)
    (tmp_path / "texts.tsv").write_text(rows, encoding="utf-8")
    asked = ("texts.tsv", "--columns", "language,text", "--language-column", "language")
    done = run("reshape", "trim", model, *asked, "--into", "small", cwd=tmp_path)
    assert "wrote small: " in done.stdout
    assert "eng_Latn" in done.stdout
    assert "100.0%" in done.stdout
    assert "1.0000" in done.stdout
    said = run("similar", "-m", "small", TEXTS[0], TEXTS[1], cwd=tmp_path)
    assert said.stdout == run("similar", "-m", model, TEXTS[0], TEXTS[1], cwd=tmp_path).stdout


def test_bad_input_is_one_line(tmp_path: Path, model: str) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    for asked, line in (
        (("texts.txt", "-l", "th"), "no text is in th; the files have en"),
        (("none.txt",), "none.txt: no such file"),
        (("texts.txt", "--pieces", "3"), "special pieces alone are 5"),
        (("texts.txt", "--language-column", "code"), "there is no column 'code'"),
    ):
        assert line in refused("reshape", "trim", model, *asked, "-o", "small", cwd=tmp_path)
    assert not (tmp_path / "small").exists()


def test_extended_and_used(tmp_path: Path, model: str) -> None:
    rows = "".join(f"the words {i}\ttakamiru soranoki verikosa {i % 3}\n" for i in range(60))
    (tmp_path / "texts.tsv").write_text(rows, encoding="utf-8")
    for rows_by in ("mean", "translations"):
        asked = ("--columns", "english,text", "--rows", rows_by, "--pieces", "20")
        done = run("reshape", "extend", model, "texts.tsv", *asked, "-o", rows_by, cwd=tmp_path)
        assert f"wrote {rows_by}: 20 new pieces" in done.stdout or "new pieces" in done.stdout
        assert run("similar", "-m", rows_by, TEXTS[0], TEXTS[1], cwd=tmp_path).returncode == 0
    line = refused("reshape", "extend", model, "texts.tsv", "--columns", "_,text", "--rows", "translations", "-o", "x", cwd=tmp_path)  # fmt: skip
    assert "wants a column english; its columns are text" in line
    line = refused("reshape", "extend", model, "texts.tsv", "--rows", "median", "-o", "x", cwd=tmp_path)  # fmt: skip
    assert "--rows is 'median'" in line


def test_pruned_and_used(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    model = str(model_folder("bert"))
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    done = run("reshape", "prune", model, "--keep", "1", "--texts", "texts.txt", "-o", "one", cwd=tmp_path)  # fmt: skip
    assert "wrote one, layers " in done.stdout
    done = run("reshape", "prune", model, "--layers", "0-1", "-o", "two", cwd=tmp_path)
    assert "wrote two, layers 0, 1;" in done.stdout
    for odd in ("3-1", "0-9999999999"):
        assert "is no stretch of layers" in refused("reshape", "prune", model, "--layers", odd, "-o", "x", cwd=tmp_path)  # fmt: skip
    assert "write numbers and stretches" in refused("reshape", "prune", model, "--layers", "a", "-o", "x", cwd=tmp_path)  # fmt: skip
    assert "one of both" in refused("reshape", "prune", model, "-o", "x", cwd=tmp_path)
