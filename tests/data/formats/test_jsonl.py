"""A JSON object a line: rows, sections and bad lines, each with its place."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from lusifer.data.formats.base import Problem, Row
from lusifer.data.formats.jsonl import JSONL

SAID = [
    "Where is the ferry?",
    "Wo ist die Fähre?",
    "フェリーはどこですか。",
    "أين العبّارة؟",
    "🛳️ \t\\",
]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_json_wrote_is_read_back_in_order(ascii_only: bool, end: str, tmp_path: Path) -> None:
    lines = [
        json.dumps({"n": i, "text": text}, ensure_ascii=ascii_only) for i, text in enumerate(SAID)
    ]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(end.join(lines).encode()))
    path = str(tmp_path / "a.jsonl.gz")
    assert list(JSONL().rows(path, ["text", "n"], ["n"])) == [
        Row(path, i + 1, {"text": text, "n": str(i)}) for i, text in enumerate(SAID)
    ]
    assert JSONL().count(path) == len(SAID)


def test_blank_lines_count_and_are_no_rows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('\n{"text": "one"}\n  \n\n{"text": "two"}\n', "utf-8")
    found = JSONL().rows(str(tmp_path / "a.jsonl"), None, ())
    assert [(row.line, row.values) for row in found if isinstance(row, Row)] == [
        (2, {"text": "one"}),
        (5, {"text": "two"}),
    ]


def test_a_bad_line_is_told_with_its_place_and_the_next_is_read(tmp_path: Path) -> None:
    bad = ["{broken", "[1]", '"text"', "null", '{"body": "x"}', '{"text": ' + "9" * 5000 + "}"]
    content = "\n".join([*bad, '{"text": "駅"}'])
    (tmp_path / "a.jsonl").write_text(content, "utf-8")
    *wrong, last = JSONL().rows(str(tmp_path / "a.jsonl"), ["text"], ())
    assert all(isinstance(item, Problem) for item in wrong)
    assert [(item.line, item.what[:22]) for item in wrong if isinstance(item, Problem)] == [
        (1, "not JSON (Expecting pr"),
        (2, "a list, expected a JSO"),
        (3, "a str, expected a JSON"),
        (4, "a NoneType, expected a"),
        (5, "no key 'text'; the key"),
        (6, "JSON that cannot be re"),
    ]
    assert isinstance(last, Row)
    assert (last.line, last.values) == (7, {"text": "駅"})


def test_a_section_is_a_line_s_strings_and_a_line_without_any_is_none(tmp_path: Path) -> None:
    lines = ['{"title": "Тесто", "n": 3, "tags": ["хлеб", "—"]}', '{"n": 1}', '["ਰੋਟੀ"]', "{"]
    (tmp_path / "a.ndjson").write_text("\n".join(lines), "utf-8")
    first, second, wrong = JSONL().sections(tmp_path / "a.ndjson")
    assert not isinstance(first, Problem)
    assert not isinstance(second, Problem)
    assert (first.text, first.position, first.unit) == ("Тесто\nхлеб", 1, "row")
    assert (second.text, second.position, second.unit) == ("ਰੋਟੀ", 3, "row")
    assert isinstance(wrong, Problem)
    assert wrong.line == 4
