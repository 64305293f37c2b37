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


def test_whiten_and_map(tmp_path: Path, model_folder: Callable[[str], Path]) -> None:
    model = str(model_folder("bert"))
    rows = [f"{code}\t{text} {i}" for i, text in enumerate(TEXTS * 4) for code in ("de", "en")]
    (tmp_path / "texts.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    asked = ("texts.tsv", "--columns", "language,text", "--language-column", "language")
    done = run("reshape", "whiten", model, *asked, "--power", ".5", "--language-axes", "1", "-o", "w", cwd=tmp_path)  # fmt: skip
    assert "128 texts in 2 languages; mean cosine of two of them" in done.stdout
    assert "wrote w, 31 numbers a vector; its vectors do not fit an index" in done.stdout
    for more, line in (
        (("--dim", "40"), "dim is 40; it is from 1 to 32"),
        (("--power", "2"), "power is 2.0; it is from 0"),
        (("--language-axes", "2"), "differ along 1 axes at most"),
    ):
        assert line in refused("reshape", "whiten", model, *asked, *more, "-o", "x", cwd=tmp_path)
    pairs = [f"{text} {i}\t{text} {i}" for i, text in enumerate(TEXTS * 4)]
    (tmp_path / "pairs.tsv").write_text("\n".join([*pairs, "a\t"]) + "\n", encoding="utf-8")
    named = ("pairs.tsv", "--columns", "source,target")
    done = run("reshape", "map", model, "w", *named, "--kind", "ridge", "-o", "m", cwd=tmp_path)
    assert "58 pairs; P@1 of 6 others among 64: " in done.stdout
    assert "by CSLS" in done.stdout
    for more, line in (
        (("--kind", "csls"), "csls rotates, and the vectors have 32 and 31 numbers"),
        (("--kind", "turn"), "--kind"),
    ):
        assert line in refused("reshape", "map", model, "w", *named, *more, "-o", "x", cwd=tmp_path)
    assert not (tmp_path / "x").exists()
