"""Documents are cut into sentences, aligned, and joined again."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.errors import DataError
from lusifer.insight.align_documents import align_documents
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS


def test_documents_and_lines(model: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A title\n\n" + " ".join(TEXTS[:6]), encoding="utf-8")
    (tmp_path / "b.html").write_text(
        f"<h1>A title</h1><p>{' '.join(TEXTS[:3])}</p><p>{' '.join(TEXTS[3:6])}</p>",
        encoding="utf-8",
    )
    found = align_documents(model.embedder, tmp_path / "a.md", tmp_path / "b.html")
    same = [pair for pair in found if pair.first == pair.second]
    assert len(same) >= 5
    assert " ".join(pair.first for pair in found if pair.first).endswith(" ".join(TEXTS[:6]))
    (tmp_path / "a.txt").write_text("\n".join(TEXTS[:6]) + "\n", encoding="utf-8")
    lines = align_documents(model.embedder, tmp_path / "a.txt", tmp_path / "a.txt", by_line=True)
    assert [pair.first for pair in lines] == TEXTS[:6] == [pair.second for pair in lines]


def test_what_is_refused(model: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One sentence.\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01")
    for by_line in (False, True):
        for name, said in (
            ("none.txt", "no such file"),
            ("binary.txt", "NUL"),
            ("empty.txt", "empty|no sentence|no text"),
        ):
            with pytest.raises(DataError, match=said):
                align_documents(
                    model.embedder, tmp_path / "a.txt", tmp_path / name, by_line=by_line
                )
