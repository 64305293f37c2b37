"""Notebooks, cell by cell, without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError
from tests.data.formats.test_office import SCRIPTS


def test_cells(tmp_path: Path) -> None:
    cells = [{"cell_type": "markdown", "source": [f"# {t}\n", "text"]} for t in SCRIPTS]
    cells.append({"cell_type": "code", "source": "print(1)", "outputs": [{"text": ["secret"]}]})
    cells.append({"cell_type": "code", "source": []})
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    found = list(sections(tmp_path / "a.ipynb"))
    assert [s.text for s in found] == [*(f"# {t}\ntext" for t in SCRIPTS), "print(1)"]
    assert [s.position for s in found] == [1, 2, 3, 4, 5, 6]
    (tmp_path / "old.ipynb").write_text(
        json.dumps({"worksheets": [{"cells": [{"input": "1 + 1"}]}]})
    )
    assert next(iter(sections(tmp_path / "old.ipynb"))).text == "1 + 1"


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"{}", b'{"cells": 3}', b'{"cells": [3]}', b"\xff\xfe\xff", b"[" * 100_000],
)
def test_what_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ipynb").write_bytes(content)
    with pytest.raises(DataError, match=r"no notebook|not UTF-8"):
        list(sections(tmp_path / "a.ipynb"))


def test_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text('{"cells": []}')
    with pytest.raises(DataError, match="holds no text"):
        list(sections(tmp_path / "a.ipynb"))
