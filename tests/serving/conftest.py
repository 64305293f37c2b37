"""A tiny table behind HTTP, an index of a few notes, and a model whose pace a test decides."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from lusifer.errors import ModelError
from lusifer.models.embedder import BaseEmbedder
from lusifer.models.load import LoadedModel
from lusifer.search.index import Index
from lusifer.serving.app import create_app
from lusifer.serving.shelf import Ready
from tests.conftest import TEXTS, make_table


class Paced(BaseEmbedder):
    """Vectors by a text's hash. It waits for `gate`, notes what it was given, and fails for texts
    that begin with "bad".
    """

    dim = 4
    max_tokens = 8
    normalized = True
    prompts: Mapping[str, str] = {"query": "q: ", "document": "d: "}  # type: ignore[assignment]

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[tuple[list[str], str | None]] = []

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Any:
        self.gate.wait(30)
        self.calls.append((list(texts), prompt))
        if any(text.startswith("bad") for text in texts):
            raise ModelError("the model gave NaN")
        return np.stack([vector_of(text, prompt) for text in texts])


def vector_of(text: str, prompt: str | None) -> Any:
    digest = hashlib.sha256(f"{prompt}|{text}".encode()).digest()
    found = np.frombuffer(digest[:16], dtype=np.uint8).reshape(4, 4).sum(1).astype(np.float32) + 1
    return found / np.linalg.norm(found)


@pytest.fixture
def paced() -> Paced:
    return Paced()


@pytest.fixture
def ready(paced: Paced) -> Ready:
    return Ready(LoadedModel("paced", "h" * 64, paced), None)


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("serving") / "table", 0)


@pytest.fixture(scope="session")
def notes_index(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    """Eight notes of two sentences, one of three short paragraphs, in one index."""
    folder = tmp_path_factory.mktemp("served")
    notes = folder / "notes"
    notes.mkdir()
    for i in range(8):
        text = f"{TEXTS[2 * i]}\n\n{TEXTS[2 * i + 1]}\n"
        (notes / f"note {i} & co.txt").write_text(text, encoding="utf-8")
    paragraphs = [" ".join(TEXTS[i : i + 8]) for i in range(0, 16, 4)]
    (notes / "long.md").write_text("\n\n".join(paragraphs * 3), encoding="utf-8")
    Index.create(folder / "index", str(table)).update(notes)
    return folder / "index"


@pytest.fixture
def client(table: Path, notes_index: Path) -> Iterator[TestClient]:
    """The whole server in this process."""
    app = create_app(f"tiny={table}", index=notes_index)
    with TestClient(app, base_url="http://localhost") as made:
        yield made
