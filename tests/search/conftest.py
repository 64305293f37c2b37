"""A random table stands for a model; eight short files are indexed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS, make_table


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return LoadedModel.load(make_table(tmp_path_factory.mktemp("table"), 0))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Eight files of two sentences each, in two folders."""
    for i in range(8):
        file = tmp_path / "notes" / ("old" if i % 2 else "new") / f"note {i}'s.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{TEXTS[2 * i]}\n\n{TEXTS[2 * i + 1]}\n", encoding="utf-8")
    return tmp_path / "notes"
