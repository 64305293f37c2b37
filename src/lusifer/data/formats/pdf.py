"""PDF, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from lusifer.data.formats.base import Format, Problem, Section
from lusifer.errors import DataError


class PDF(Format):
    """The text that a PDF holds; a scanned one holds none."""

    endings = (".pdf",)
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        import logging

        import pypdf

        # Its notes on odd files say nothing to a user; what matters is raised.
        logging.getLogger("pypdf").setLevel(logging.CRITICAL)
        try:
            reader = pypdf.PdfReader(path)
            if reader.is_encrypted and not reader.decrypt(""):
                raise DataError(path, None, "is encrypted")
            any_text = False
            for number, page in enumerate(reader.pages, 1):
                text = page.extract_text()
                if text.strip():
                    any_text = True
                    yield Section(text, number, "page")
        except DataError:
            raise
        except Exception as error:  # pypdf raises many kinds on a damaged file
            what = " ".join(str(error).split())[:120]
            raise DataError(path, None, f"a PDF that cannot be read ({what})") from None
        if not any_text:
            raise DataError(path, None, "a PDF without text (scanned?)")
