"""Books, chapter by chapter, in the order of their spine."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lusifer.data.formats import Problem
from lusifer.data.sections import sections
from lusifer.errors import DataError
from tests.data.formats.test_office import SCRIPTS


def write(path: Path, chapters: list[str], missing: bool = False, encrypted: bool = False) -> Path:
    items = "".join(
        f'<item id="c{i}" href="text/chapter%20{i}.xhtml"/>' for i in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{i}"/>' for i in reversed(range(len(chapters))))
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr(
            "META-INF/container.xml",
            '<c xmlns="urn:x"><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></c>',
        )
        parts.writestr(
            "OEBPS/book.opf",
            f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>',
        )
        if encrypted:
            parts.writestr("META-INF/encryption.xml", "<e><EncryptedData/></e>")
        for i, text in enumerate(chapters):
            if not (missing and i == 0):
                parts.writestr(
                    f"OEBPS/text/chapter {i}.xhtml",
                    f"<html><head><title>no</title><style>p {{}}</style></head><body><p>{text}</p></body></html>",
                )
    return path


def test_chapters_in_reading_order(tmp_path: Path) -> None:
    found = list(sections(write(tmp_path / "a.epub", SCRIPTS)))
    assert [(s.text, s.position, s.unit) for s in found] == [
        (t, i, "chapter") for i, t in enumerate(reversed(SCRIPTS), 1)
    ]


def test_what_is_missing_or_locked(tmp_path: Path) -> None:
    found = list(sections(write(tmp_path / "a.epub", SCRIPTS, missing=True)))
    assert isinstance(found[-1], Problem)
    assert len(found) == 5
    for name, chapters, encrypted, said in (
        ("b.epub", ["<br/>"], False, "holds no text"),
        ("c.epub", SCRIPTS, True, "is encrypted"),
    ):
        with pytest.raises(DataError, match=said):
            list(sections(write(tmp_path / name, chapters, encrypted=encrypted)))
    (tmp_path / "d.epub").write_bytes(b"text")
    with pytest.raises(DataError, match="not an EPUB, or damaged"):
        list(sections(tmp_path / "d.epub"))
