"""Electronic books, chapter by chapter, in the order in which they are read."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote
from xml.etree import ElementTree

from lusifer.data.formats.base import Format, Problem, Section
from lusifer.data.formats.html import blocks_of
from lusifer.data.formats.zipped import opened
from lusifer.errors import DataError

CONTAINER = "META-INF/container.xml"
PACKAGE = "{http://www.idpf.org/2007/opf}"


class EPUB(Format):
    """The pages of a book, which are XHTML."""

    endings: ClassVar[tuple[str, ...]] = (".epub",)
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        found = False
        with opened(path, "an EPUB") as parts:
            names = set(parts.namelist())
            if "META-INF/encryption.xml" in names and b"EncryptedData" in parts.read(
                "META-INF/rights.xml"
                if "META-INF/rights.xml" in names
                else "META-INF/encryption.xml"
            ):
                raise DataError(path, None, "is encrypted")
            for number, name in enumerate(_pages(parts), 1):
                if name not in names:
                    yield Problem(str(path), number, f"the chapter {name} is missing")
                    continue
                page = parts.read(name).decode("utf-8", "replace")
                text = "\n\n".join(block.text for block in blocks_of(page) if block.tag != "title")
                if text.strip():
                    found = True
                    yield Section(text, number, "chapter")
        if not found:
            raise DataError(path, None, "holds no text")


def _pages(parts: zipfile.ZipFile) -> Iterator[str]:
    """The names of the pages in reading order."""
    container = ElementTree.fromstring(parts.read(CONTAINER))
    root = next(e.get("full-path", "") for e in container.iter() if e.tag.endswith("rootfile"))
    package = ElementTree.fromstring(parts.read(root))
    places = {
        item.get("id"): posixpath.normpath(
            posixpath.join(posixpath.dirname(root), unquote(item.get("href", "")))
        )
        for item in package.iter(f"{PACKAGE}item")
    }
    for item in package.iter(f"{PACKAGE}itemref"):
        if place := places.get(item.get("idref")):
            yield place
