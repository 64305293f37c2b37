"""A static table as sentence-transformers' own and back: the same vectors, prompts and format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

import lusifer
from lusifer.models.backends.static import StaticConfig, read_static_config, save_static
from lusifer.models.static_table import read_table, write_as
from tests.conftest import TEXTS, make_tokenizer

SAID = [*TEXTS, "Wo ist der market?", "the 駅 of stone", "word " * 300]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with prompts, a length of its own and a card."""
    make_tokenizer(tmp_path / "words")
    tokenizer = Tokenizer.from_file(str(tmp_path / "words" / "tokenizer.json"))
    rows = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 16))
    about = {"languages": "English", "figures": {"bitext": 0.5}}
    config = StaticConfig(16, 40, {"query": "ask: ", "task": "数える ", "document": ""}, about)
    save_static(tmp_path / "table", tokenizer, rows.astype(np.float32), config)
    return tmp_path / "table"


def test_its_vectors_and_prompts_are_the_table_s(table: Path) -> None:
    model, ours = read_table(table, "cpu"), lusifer.load(table)
    np.testing.assert_allclose(model.encode(SAID), ours.encode(SAID), atol=1e-5)
    np.testing.assert_allclose(
        model.encode(SAID, prompt_name="query"), ours.encode(SAID, prompt="query"), atol=1e-5
    )
    assert model.prompts == dict(ours.prompts)
    assert not model.training


def test_written_back_it_is_the_table_with_its_length_but_not_its_figures(
    table: Path, tmp_path: Path
) -> None:
    (tmp_path / "back").mkdir()
    write_as(read_table(table, "cpu"), table, tmp_path / "back")
    assert read_static_config(tmp_path / "back") == replace(read_static_config(table), about={})
    ours, back = lusifer.load(table), lusifer.load(tmp_path / "back")
    np.testing.assert_allclose(back.encode(SAID), ours.encode(SAID), atol=1e-6)
    np.testing.assert_array_equal(back.rows, ours.rows)  # type: ignore[attr-defined]
    assert sorted(p.name for p in (tmp_path / "back").iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_what_was_learnt_is_what_is_written(table: Path, tmp_path: Path) -> None:
    model = read_table(table, "cpu")
    model[0].embedding.weight.data.mul_(-3)
    (tmp_path / "back").mkdir()
    write_as(model, table, tmp_path / "back")
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "back").encode(SAID), -lusifer.load(table).encode(SAID), atol=1e-5
    )


def test_another_model_is_written_as_the_library_writes_it(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    write_as(model, model_folder("bert"), tmp_path / "model")
    np.testing.assert_array_equal(
        SentenceTransformer(str(tmp_path / "model"), device="cpu").encode(SAID), model.encode(SAID)
    )
    assert not (tmp_path / "model" / "README.md").exists()
