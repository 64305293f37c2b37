"""A corpus of a thousand rows, and a random table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import TEXTS, make_table

ROWS = [f"{TEXTS[i % 16]} {i}" for i in range(1000)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return make_table(tmp_path / "table")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    file = tmp_path / "corpus.jsonl"
    file.write_text(
        "".join(json.dumps({"id": f"d{i}", "text": text}) + "\n" for i, text in enumerate(ROWS)),
        encoding="utf-8",
    )
    return file
