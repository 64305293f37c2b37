"""`lusifer diagnose`: figures by language, in as many tables as the width asks for."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from lusifer.cli.diagnose import ONE_TABLE, SPACE, TOKENS, _tables
from tests.cli.command import refused, run

ROWS: list[dict[str, Any]] = [
    dict.fromkeys((*SPACE, *TOKENS), 0.5)
    | {"language": "deu_Latn", "outliers": 3, "changes": {"no_accents": 0.25}},
    {"language": "tha_Thai", "mexa": 0.12345, "premium": None, "changes": {"typing": 1.0}},
]
THINGS = {
    "eng_Latn": ("I like {}", "bread rain music winter letters cats rivers books".split()),
    "deu_Latn": ("Ich mag {}", "Brot Regen Musik Winter Briefe Katzen Flüsse Bücher".split()),
    "hin_Deva": ("मुझे {} पसंद है", "रोटी बारिश संगीत सर्दी चिट्ठी बिल्ली नदी किताब".split()),
}


def cells(table: Table) -> dict[str, list[str]]:
    """A table's columns, by their heads."""
    return {str(column.header): [str(cell) for cell in column.cells] for column in table.columns}


def test_narrow_tables_hold_what_a_wide_one_holds() -> None:
    (wide,) = _tables(ROWS, ONE_TABLE)
    narrow = _tables(ROWS, ONE_TABLE - 1)
    assert len(narrow) == 3
    parts: dict[str, list[str]] = {}
    for table in narrow:
        parts |= cells(table)
    assert parts == cells(wide)


def test_a_figure_that_is_not_there_is_blank_and_a_count_is_whole() -> None:
    (table,) = _tables(ROWS, ONE_TABLE)
    found = cells(table)
    assert found["language"] == ["deu_Latn", "tha_Thai"]
    assert found["outliers"] == ["3", ""]
    assert found["mexa"] == ["0.500", "0.123"]
    assert found["premium"] == ["0.500", ""]
    assert found["no accents"] == ["0.250", ""]
    assert found["typing"] == ["", "1.000"]


def test_without_changes_there_is_no_table_of_them() -> None:
    assert len(_tables([row | {"changes": {}} for row in ROWS], 80)) == 2


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """SIB-200's file, with sentences of ours."""
    lines = [
        f"{language}\ttest\t{8 * k + i}\thome\t{form.format(word)} {k}"
        for language, (form, words) in THINGS.items()
        for k in range(3)
        for i, word in enumerate(words)
    ]
    file = tmp_path / "suite" / "classification" / "sib200.tsv.xz"
    file.parent.mkdir(parents=True)
    file.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode()))
    return tmp_path / "suite"


def test_what_is_printed_is_what_is_kept(suite: Path, tmp_path: Path, model: str) -> None:
    asked = ("diagnose", model, "--suite", str(suite), "--sentences", "24", "-o", "results")
    done = run(*asked, "--anchor", model, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "results").glob("*/diagnosis.json")
    found = json.loads(kept.read_text(encoding="utf-8"))
    assert {row["language"] for row in found["languages"]} == set(THINGS)
    for row in found["languages"]:
        (line,) = [line for line in done.stdout.splitlines() if f" {row['language']} " in line]
        assert f" {row['premium']:.3f} " in line
    assert found["drift"]["cosine"] == pytest.approx(1.0)
    assert found["drift"]["anchor"] == model
    assert "drift: " in done.stdout
    assert str(kept.relative_to(tmp_path)) in done.stderr.replace("\n", "")
    some = run(*asked, "--languages", "hi", cwd=tmp_path).stdout
    assert ("hin_Deva" in some, "deu_Latn" in some) == (True, False)
    assert "at least 20" in refused(*asked[:4], "--sentences", "5", cwd=tmp_path)
