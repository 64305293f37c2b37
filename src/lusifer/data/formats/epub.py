"""Electronic books, chapter by chapter, in the order in which they are read."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote
from xml.etree import ElementTree

from lusifer.data.formats.base import Format, Problem, Section, some_text
from lusifer.data.formats.html import blocks_of
from lusifer.data.formats.zipped import opened
from lusifer.errors import DataError

CONTAINER = "META-INF/container.xml"
ENCRYPTION, RIGHTS = "META-INF/encryption.xml", "META-INF/rights.xml"
PACKAGE = "{http://www.idpf.org/2007/opf}"


class EPUB(Format):
    """The pages of a book, which are XHTML."""

    endings: ClassVar[tuple[str, ...]] = (".epub",)
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        with opened(path, "an EPUB") as parts:
            yield from some_text(_chapters(parts, path), path)


def _chapters(parts: zipfile.ZipFile, path: Path) -> Iterator[Section | Problem]:
    names = set(parts.namelist())
    locked = RIGHTS if RIGHTS in names else ENCRYPTION
    if ENCRYPTION in names and b"EncryptedData" in parts.read(locked):
        raise DataError(path, None, "is encrypted")
    for number, name in enumerate(_pages(parts), 1):
        if name not in names:
            yield Problem(str(path), number, f"the chapter {name} is missing")
            continue
        page = parts.read(name).decode("utf-8", "replace")
        text = "\n\n".join(block.text for block in blocks_of(page) if block.tag != "title")
        if text.strip():
            yield Section(text, number, "chapter")


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
