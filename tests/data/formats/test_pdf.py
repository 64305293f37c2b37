"""PDF files, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError

PDF_PAGE = "BT /F1 12 Tf 20 100 Td ({}) Tj ET"


def write_pdf(path: Path, pages: list[str]) -> None:
    """A small PDF, a line of text a page, written by hand."""
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for text in pages:
        stream = PDF_PAGE.format(text) if text else ""
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        content = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents {content} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = "%PDF-1.4\n", []
    for number, entry in enumerate(objects, 1):
        places.append(len(body))
        body += f"{number} 0 obj\n{entry}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\n"
    path.write_bytes(f"{body}startxref\n{body.index('xref')}\n%%EOF\n".encode())


def test_a_scanned_pdf_is_told(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", ["", ""])
    with pytest.raises(DataError, match="without text"):
        list(sections(tmp_path / "a.pdf"))
