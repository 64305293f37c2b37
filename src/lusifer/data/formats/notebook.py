"""Notebooks of Jupyter, cell by cell; outputs are left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from lusifer.data.formats.base import Format, Problem, Section, some_text
from lusifer.errors import DataError

LARGEST = 256 << 20  # bytes, most of them pictures


class Notebook(Format):
    """The text and the code of a notebook."""

    endings: ClassVar[tuple[str, ...]] = (".ipynb",)
    has_rows: ClassVar[bool] = False

    def sections(self, path: Path) -> Iterator[Section | Problem]:
        if path.stat().st_size > LARGEST:
            raise DataError(
                path, None, f"is larger than {LARGEST >> 20} MB, too large for a notebook"
            )
        try:
            book = json.loads(path.read_text(encoding="utf-8"))
            cells = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
            texts = [_source(cell) for cell in cells]
        except UnicodeDecodeError:
            raise DataError(path, None, "is not UTF-8 text") from None
        except (
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
            RecursionError,
        ) as error:
            raise DataError(path, None, f"is no notebook ({error})") from None
        cells = [Section(t, number, "cell") for number, t in enumerate(texts, 1) if t.strip()]
        yield from some_text(cells, path)


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(source) if isinstance(source, list) else str(source)
