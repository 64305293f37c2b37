"""Lines, whatever ends them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data.sections import sections


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(end.join(["One", "", "two", "three"]).encode())
    (section,) = sections(tmp_path / "a.txt")
    assert [section.position_at(section.text.index(w)) for w in ("One", "two", "three")] == [
        1,
        3,
        4,
    ]
