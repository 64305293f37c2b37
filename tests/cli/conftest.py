"""A model and files that verbs are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import TEXTS, make_table


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random table: equal words are near, and nothing else."""
    return str(make_table(tmp_path_factory.mktemp("table")))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.txt").write_text("\n\n".join(TEXTS[4 * i : 4 * i + 4]), encoding="utf-8")
    return folder
