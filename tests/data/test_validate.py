"""Every bad line has its name."""

from __future__ import annotations

from pathlib import Path

from lusifer.data.validate import validate
from tests.data.test_rows import write


def test_validate_names_every_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_bytes(b"who\tme\nwho\t\nsame\tsame\nonly\n\xff\t.\nwhy\tbecause\n")
    report = validate(file, ["query", "document"])
    assert (report.rows, report.bad, report.ok) == (2, 4, False)
    assert [p.line for p in report.problems] == [2, 3, 4, 5]
    assert "'document' is empty" in report.problems[0].what
    assert "own document" in report.problems[1].what
    assert validate(write(tmp_path, "good.jsonl")).ok
    assert not validate(tmp_path / "none.tsv", ["t"]).ok
