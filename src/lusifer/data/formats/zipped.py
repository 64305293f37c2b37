"""Documents that are ZIP files with XML in them: opened with a limit, so that a small file cannot
become a huge one, and with one clear line where they are damaged.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from lusifer.errors import DataError

LARGEST = 512 << 20  # bytes of a document's parts, unpacked


@contextlib.contextmanager
def opened(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """The parts of a document.

    Args:
        path: of a disk.
        what: the kind of document, for errors: "a Word document".

    Raises:
        DataError: where it is damaged, encrypted, or would unpack to more than any document.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            check_size(parts, path)
            yield parts
    except zipfile.BadZipFile:
        # A document of Office with a password is another kind of file altogether.
        locked = path.read_bytes()[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        why = (
            "is encrypted, or of an Office before 2007" if locked else f"is not {what}, or damaged"
        )
        raise DataError(path, None, why) from None
    except (KeyError, ElementTree.ParseError, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(
            path, None, f"{what} that cannot be read ({' '.join(str(error).split())[:120]})"
        ) from None


def check_size(parts: zipfile.ZipFile, path: Path) -> None:
    """Raise DataError for a document whose parts are larger than any document's."""
    if (size := sum(part.file_size for part in parts.infolist())) > LARGEST:
        raise DataError(path, None, f"unpacks to {size >> 20:,} MB, too large for a document")
