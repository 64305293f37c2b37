"""Documents stay where the base put them: their vectors are kept by row, and a router holds both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

import lusifer
from lusifer.data.row_store import RowStore
from lusifer.training.query_side import Documents, add_frozen, beside_its_base, frozen_vectors
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
ROWS = [(f"q{i}", TEXTS[i], TEXTS[-i - 1]) for i in range(5)]


def write(folder: Path, rows: list[tuple[str, str, str]]) -> RowStore:
    return RowStore.write(folder, ((row, []) for row in rows), 3)


def test_documents_are_all_texts_but_the_queries_row_by_row(tmp_path: Path) -> None:
    documents = Documents(write(tmp_path / "s", [("где", "тут", "там"), ("どこ", "ここ", "そこ")]))
    assert list(documents) == ["тут", "там", "ここ", "そこ"]
    assert len(documents) == 4


def test_each_text_s_vector_is_the_base_s_after_the_prompt(
    model_folder: Folder, tmp_path: Path
) -> None:
    folder = model_folder("bert")
    base = lusifer.sentence_transformer(folder)
    stores = [write(tmp_path / "a", ROWS), write(tmp_path / "b", ROWS[::-1])]
    frozen = frozen_vectors(base, str(folder), "D: ", 32, stores, tmp_path)
    batch: dict[str, torch.Tensor] = {}
    places = [(1, 4), (0, 2), (1, 0)]
    add_frozen(batch, frozen, stores, places, 2)
    plain = lusifer.sentence_transformer(folder)
    for name, column in (("document_frozen", 1), ("negative_0_frozen", 2)):
        texts = [f"D: {stores[source][row][column]}" for source, row in places]
        wanted = plain.encode(texts, normalize_embeddings=True)
        np.testing.assert_allclose(batch[name].numpy(), wanted, atol=1e-5)
    kept = {file: file.stat().st_size for file in tmp_path.glob("frozen-*/vectors.f32")}
    assert len(kept) == 1
    frozen_vectors(base, str(folder), "D: ", 32, stores, tmp_path)
    assert {file: file.stat().st_size for file in kept} == kept


def test_a_router_sends_each_side_its_own_way(model_folder: Folder, tmp_path: Path) -> None:
    base, tuned = (lusifer.sentence_transformer(model_folder("bert")) for _ in range(2))
    with torch.no_grad():
        tuned[0].auto_model.embeddings.word_embeddings.weight.neg_()
    tuned.prompts = {"query": "Frage: "}
    made = beside_its_base(tuned, base)
    texts = [*TEXTS[:3], "Где вокзал?"]
    np.testing.assert_allclose(made.encode_document(texts), base.encode(texts), atol=1e-5)
    queries = tuned.encode(texts, prompt_name="query")
    np.testing.assert_allclose(made.encode_query(texts), queries, atol=1e-5)
    made.save(str(tmp_path / "router"), create_model_card=False)
    loaded = lusifer.load(tmp_path / "router")
    unit = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    np.testing.assert_allclose(loaded.encode(texts, prompt="query"), unit, atol=1e-5)
