"""Weak pairs from structure: what stands below a heading answers it; what follows a term defines
it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.curation.from_structure import pairs
from lusifer.curation.report import CurationReport
from lusifer.curation.steps import structure_pairs
from lusifer.errors import DataError, LusiferError

MARKDOWN = """# Baking

Bread is baked in the [old oven](http://x.y) behind the *mill*.

## Sour dough
Take flour and water and wait.

A second paragraph says how long to wait for it.

```
# no heading
```

Hydration
: The share of water in a dough, by weight.

- **Crumb**: the inside of a loaf, without its crust.
- `oven` - where the loaf is baked, hot and dry.

Short
-----
Too short.
"""
RST = """Library
=======

The library closes at six on Fridays.

Members
-------

Members may take :doc:`four books <books>` home for a month.

They may ask for more at the desk.
"""
HTML = """<html><script>var x;</script><body><h1>River</h1><nav><p>home</p></nav><p>Two ferries cross the river <b>each hour</b>.</p>
<h2>Fares</h2><p>A crossing costs two coins for each person.</p><p>Children and dogs cross without paying anything.</p>
<dl><dt>Ferry</dt><dd>A boat that carries people across water.</dd></dl></body></html>"""


def found(
    tmp_path: Path, name: str, text: str
) -> tuple[list[tuple[str, str, str, int]], CurationReport]:
    (tmp_path / name).write_text(text, encoding="utf-8")
    report = CurationReport("structure", {})
    return [
        (p["template"], p["query"], p["document"], int(p["place"].rpartition(":")[2]))
        for p in pairs(tmp_path / name, report)
    ], report


def test_markdown(tmp_path: Path) -> None:
    rows, report = found(tmp_path, "a.md", MARKDOWN)
    assert rows == [
        ("heading-paragraph", "Baking", "Bread is baked in the old oven behind the mill.", 1),
        ("term-definition", "Hydration", "The share of water in a dough, by weight.", 14),
        ("term-definition", "Crumb", "the inside of a loaf, without its crust.", 17),
        ("term-definition", "oven", "where the loaf is baked, hot and dry.", 18),
        ("heading-paragraph", "Sour dough", "Take flour and water and wait.", 5),
        (
            "title-section",
            "Baking: Sour dough",
            "Take flour and water and wait.\nA second paragraph says how long to wait for it.",
            5,
        ),
    ]
    assert report.dropped == {"fewer than 20 letters": 1}


def test_restructured_text_and_html(tmp_path: Path) -> None:
    rows, _ = found(tmp_path, "a.rst", RST)
    assert [row[:3] for row in rows] == [
        ("heading-paragraph", "Library", "The library closes at six on Fridays."),
        ("heading-paragraph", "Members", "Members may take four books home for a month."),
        (
            "title-section",
            "Library: Members",
            "Members may take four books home for a month.\nThey may ask for more at the desk.",
        ),
    ]
    rows, _ = found(tmp_path, "a.html", HTML)
    assert [row[:2] for row in rows] == [
        ("heading-paragraph", "River"), ("term-definition", "Ferry"), ("heading-paragraph", "Fares"), ("title-section", "River: Fares"),
    ]  # fmt: skip
    assert "home" not in str(rows)


def test_what_has_no_structure_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("plain words\n", encoding="utf-8")
    with pytest.raises(LusiferError, match="no heading"):
        structure_pairs([str(tmp_path / "a.md")], tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()
    with pytest.raises(DataError, match="no structure that is known"):
        found(tmp_path, "a.csv", "a,b\n")
    (tmp_path / "b.md").write_bytes(b"# caf\xe9\n")
    with pytest.raises(DataError, match=r"b\.md:1: not UTF-8"):
        list(pairs(tmp_path / "b.md", CurationReport("", {})))
