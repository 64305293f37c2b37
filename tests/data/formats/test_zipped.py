"""A small file that would become a huge one is refused before it is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lusifer.data.formats import zipped
from lusifer.data.sections import sections
from lusifer.errors import DataError


@pytest.mark.parametrize("ending", [".docx", ".odt", ".epub", ".xlsx"])
def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    monkeypatch.setattr(zipped, "LARGEST", 1 << 20)
    with zipfile.ZipFile(tmp_path / f"a{ending}", "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("content.xml", b" " * (3 << 20))
    assert (tmp_path / f"a{ending}").stat().st_size < 20_000
    with pytest.raises(DataError, match="unpacks to 3 MB, too large"):
        list(sections(tmp_path / f"a{ending}"))


def test_damaged_parts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as parts:
        parts.writestr("content.xml", "<a><b></a>")
    with pytest.raises(DataError, match="an OpenDocument file that cannot be read"):
        list(sections(tmp_path / "a.odt"))
    with zipfile.ZipFile(tmp_path / "b.odt", "w") as parts:
        parts.writestr("other.xml", "<a/>")
    with pytest.raises(DataError, match="cannot be read"):
        list(sections(tmp_path / "b.odt"))
