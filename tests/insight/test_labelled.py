"""Labelled rows come from every format; what has no text or label is left out and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lusifer.errors import DataError
from lusifer.insight.labelled import by_language, read_labelled

ROWS = [
    ("de", "gut", "Das war schön."),
    ("hi", "gut", "बहुत अच्छा"),
    ("ar", "schlecht", "سيئ جدا"),
    ("ja", "gut", "良かった"),
    ("sw", "schlecht", "mbaya"),
]


def test_tsv_csv_and_jsonl_give_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(
        "".join("\t".join(row) + "\n" for row in ROWS), encoding="utf-8"
    )
    (tmp_path / "a.csv").write_text(
        "lang,label,text\n" + "".join(",".join(row) + "\n" for row in ROWS), encoding="utf-8"
    )
    lines = [json.dumps(dict(zip(("lang", "label", "text"), row, strict=True))) for row in ROWS]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    tsv = read_labelled(
        [str(tmp_path / "a.tsv")], language="lang", columns=("lang", "label", "text")
    )
    assert tsv.texts == [row[2] for row in ROWS]
    assert tsv.languages == ["de", "hi", "ar", "ja", "sw"]
    for name in ("a.csv", "a.jsonl"):
        assert read_labelled([str(tmp_path / name)], language="lang") == tsv
    assert dict(by_language(["b", "a", "b"])) == {"a": [1], "b": [0, 2]}


def test_rows_that_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    lines = [
        '{"text": "a", "label": "x"}',
        '{"text": " ", "label": "x"}',
        '{"text": "b", "label": ""}',
        "{broken",
        '{"text": "c", "label": "y"}',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    rows = read_labelled([str(file)])
    assert rows.texts == ["a", "c"]
    assert [reason.split(": ")[0].rpartition(":")[2] for reason in rows.skipped] == ["2", "3", "4"]


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text('{"text": " ", "label": "x"}\n')
    with pytest.raises(DataError, match="holds no row with text and label"):
        read_labelled([str(tmp_path / "empty.jsonl")])
    with pytest.raises(DataError, match="no such file"):
        read_labelled([str(tmp_path / "none.jsonl")])
