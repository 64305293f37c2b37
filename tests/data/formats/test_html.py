"""Pages of the web, as text."""

from __future__ import annotations

from pathlib import Path

from lusifer.data.sections import sections


def test_a_page_keeps_its_lines_and_leaves_its_scripts(tmp_path: Path) -> None:
    page = "<html><head><title>Tea &amp; bread</title>\n<style>p {}</style>\n<body><p>First\nline.\n<script>var a;</script>\n<p>Second."
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    (section,) = sections(tmp_path / "a.html")
    assert section.text == "Tea & bread\n\nFirst line.\n\nSecond."
    assert [
        section.position_at(section.text.index(word)) for word in ("Tea", "First", "Second")
    ] == [
        1,
        3,
        6,
    ]
