"""The static table: numpy alone, one text at a time, nested, exact to its int8 rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tokenizers import Tokenizer

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.models.backends.static import (
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    StaticConfig,
    load_static,
    save_static,
)
from tests.conftest import TEXTS, make_tokenizer

DIM = 24


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tokenizer, np.ndarray]:
    """A random table over a small vocabulary, saved."""
    folder = tmp_path_factory.mktemp("static")
    make_tokenizer(folder / "words")
    tokenizer = Tokenizer.from_file(str(folder / "words" / "tokenizer.json"))
    rows = (
        np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), DIM)).astype(np.float32)
    )
    save_static(
        folder / "model",
        tokenizer,
        rows,
        StaticConfig(DIM, max_tokens=16, prompts={"query": "who: "}),
    )
    return folder / "model", tokenizer, rows


def naive(tokenizer: Tokenizer, rows: np.ndarray, text: str) -> np.ndarray:
    """The definition, in floats."""
    total = sum(rows[i] for i in tokenizer.encode(text, add_special_tokens=False).ids[:16])
    return np.asarray(total / np.linalg.norm(total))


def test_vectors_are_the_sums_of_the_rows(table: tuple[Path, Tokenizer, np.ndarray]) -> None:
    """int8 keeps the cosine to the floats above 0.999."""
    folder, tokenizer, rows = table
    vectors = lusifer.load(folder).encode(TEXTS)
    assert vectors.shape == (len(TEXTS), DIM)
    assert vectors.dtype == np.float32
    cosines = [float(v @ naive(tokenizer, rows, t)) for v, t in zip(vectors, TEXTS, strict=True)]
    assert min(cosines) > 0.999


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
def test_a_vector_depends_on_its_text_alone(
    table: tuple[Path, Tokenizer, np.ndarray], texts: list[str]
) -> None:
    model = load_static(table[0])
    together = model.encode(texts)
    assert np.array_equal(together, np.concatenate([model.encode([t]) for t in texts]))
    assert np.array_equal(together[::-1], model.encode(texts[::-1]))
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_a_cut_vector_is_the_first_numbers_of_the_whole(
    table: tuple[Path, Tokenizer, np.ndarray],
) -> None:
    whole, cut = (lusifer.load(table[0], dimensions=d).encode(TEXTS) for d in (None, 8))
    np.testing.assert_allclose(
        cut, whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True), atol=1e-6
    )
    with pytest.raises(LusiferError, match="24 numbers"):
        lusifer.load(table[0], dimensions=25)


def test_prompts_and_wrong_texts(table: tuple[Path, Tokenizer, np.ndarray]) -> None:
    model = lusifer.load(table[0])
    assert np.array_equal(model.encode(["the sea"], prompt="query"), model.encode(["who: the sea"]))
    for texts, prompt, message in (
        ("one", None, "list of texts"),
        ([None], None, "NoneType"),
        (["a"], "title", "no prompt 'title'"),
    ):
        with pytest.raises(LusiferError, match=message):
            model.encode(texts, prompt=prompt)  # type: ignore[arg-type]
    assert model.encode([]).shape == (0, DIM)


def test_a_text_of_ten_megabytes_is_its_beginning(
    table: tuple[Path, Tokenizer, np.ndarray],
) -> None:
    model = lusifer.load(table[0])
    long = "The station is behind the old market. " * 270_000
    assert np.array_equal(model.encode([long]), model.encode([long[:2000]]))


def test_it_loads_without_torch(table: tuple[Path, Tokenizer, np.ndarray]) -> None:
    code = f"import lusifer, sys; lusifer.load({str(table[0])!r}).encode(['a']); print(sorted(m for m in sys.modules if m in ('torch', 'transformers')))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        (WEIGHTS, lambda f: f.write_bytes(f.read_bytes()[:200]), "cut short"),
        (WEIGHTS, lambda f: f.unlink(), "cannot be read"),
        (TOKENIZER, lambda f: f.write_text("{"), "cut short"),
        (CONFIG, lambda f: f.write_text(json.dumps({"lusifer": "static", "dim": 25})), "want int8"),
        (CONFIG, lambda f: f.write_text(json.dumps({"lusifer": "static", "dims": 24})), "'dims'"),
    ],
)
def test_damage_is_told(
    table: tuple[Path, Tokenizer, np.ndarray], tmp_path: Path, file: str, damage, message: str
) -> None:  # type: ignore[no-untyped-def]
    import shutil

    shutil.copytree(table[0], tmp_path / "model")
    damage(tmp_path / "model" / file)
    with pytest.raises(ModelError, match=message):
        lusifer.load(tmp_path / "model")
