"""PDF files, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError
from tests.data.test_sections import write_pdf


def test_a_scanned_pdf_is_told(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", ["", ""])
    with pytest.raises(DataError, match="without text"):
        list(sections(tmp_path / "a.pdf"))
