"""A teacher's vectors are made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def test_teacher_vectors_are_kept_block_by_block(
    tmp_path: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted run keeps the blocks it finished; a changed text costs its own block alone."""
    from lusifer.training import teacher_vectors

    monkeypatch.setattr(teacher_vectors, "BLOCK", 4)
    base = str(model_folder("bert"))
    whole = teacher_vectors.teacher_vectors(base, TEXTS, tmp_path / "a", 64)
    first = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "a").iterdir()}
    assert whole.shape == (16, 32)
    assert len(first) == 4
    changed = [*TEXTS[:-1], "Another sentence at the end."]
    again = teacher_vectors.teacher_vectors(base, changed, tmp_path / "a", 64)
    second = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "a").iterdir()}
    assert len(second) == 5
    assert first.items() <= second.items()
    assert np.array_equal(whole[:-1], again[:-1])
    expected = lusifer.sentence_transformer(base).encode(TEXTS, normalize_embeddings=True)
    assert (
        np.abs(whole - expected).max() < 0.02
    )  # bf16 where the machine has it, and float16 on disk
