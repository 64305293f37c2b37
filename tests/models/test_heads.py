"""Words and tokens beside the one vector: their scores are the definition's, and they are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ModelError
from lusifer.models.heads import Heads, HybridEmbedder, multi_scores, sparse_scores
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def model(model_folder: Folder) -> SentenceTransformer:
    torch.manual_seed(0)
    made = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    made.append(Heads(32, 8, made.tokenizer.all_special_ids))
    return made.eval()


def made_of(model: SentenceTransformer, texts: list[str]) -> dict[str, torch.Tensor]:
    with torch.inference_mode():
        return dict(model(model.preprocess(texts)))


def test_scores_are_the_definition_s_two_loops(model: SentenceTransformer) -> None:
    queries, documents = made_of(model, ["the sea", *TEXTS[:3]]), made_of(model, TEXTS[2:8])
    sparse, multi = sparse_scores(queries, documents), multi_scores(queries, documents)
    special = set(model.tokenizer.all_special_ids)
    for i in range(4):
        for j in range(6):
            weights: list[dict[int, float]] = []
            for side, row in ((queries, i), (documents, j)):
                found: dict[int, float] = {}
                for word, weight in zip(
                    side["input_ids"][row].tolist(),
                    side["sparse_weights"][row].tolist(),
                    strict=True,
                ):
                    if word not in special:
                        found[word] = max(weight, found.get(word, 0.0))
                weights.append(found)
            expected = sum(w * weights[1].get(word, 0.0) for word, w in weights[0].items())
            assert float(sparse[i, j]) == pytest.approx(expected, abs=1e-5)
            own = queries["token_vectors"][i][queries["attention_mask"][i].bool()]
            other = documents["token_vectors"][j][documents["attention_mask"][j].bool()]
            assert float(multi[i, j]) == pytest.approx(
                float((own @ other.T).amax(1).mean()), abs=1e-5
            )


def test_only_one_query_s_cosines_are_held_for_the_gradient(model: SentenceTransformer) -> None:
    """What the forward pass keeps does not grow by (query tokens x document tokens) a pair."""
    held: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    sides = []
    for texts in (16, 48):
        vectors = torch.randn(texts, 30, 8, requires_grad=True)
        sides.append({"token_vectors": vectors, "attention_mask": torch.ones(texts, 30)})
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        scores = multi_scores(*sides)
    kept = sum(tensor.numel() for tensor in held.values())
    assert kept < 16 * 48 * 30 * 30 / 10  # a tenth of the cosines of all pairs
    torch.autograd.backward(scores.sum())
    gradients = [side["token_vectors"].grad for side in sides]
    plain = torch.einsum("nqd,mtd->nmqt", sides[0]["token_vectors"], sides[1]["token_vectors"])
    for side in sides:
        side["token_vectors"].grad = None
    torch.autograd.backward(plain.amax(3).mean(2).sum())
    for side, gradient in zip(sides, gradients, strict=True):
        torch.testing.assert_close(gradient, side["token_vectors"].grad)


def test_a_long_text_a_batch_and_padding_change_nothing(
    model_folder: Folder, tmp_path: Path
) -> None:
    made = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    embedder = HybridEmbedder(made, Heads(32, 8, made.tokenizer.all_special_ids))
    texts = ["a", " ".join(TEXTS), TEXTS[3], ""]
    together = embedder.encode_multi(texts)
    for text, vectors in zip(texts, together, strict=True):
        np.testing.assert_allclose(vectors, embedder.encode_multi([text])[0], atol=1e-5)
    assert embedder.encode_sparse([""]) == [{}]


def test_heads_from_disk_give_the_same_and_damage_is_told(
    model_folder: Folder, tmp_path: Path
) -> None:
    heads = Heads(32, 8, [2, 0, 2])
    heads.write(tmp_path)
    embedders = [
        HybridEmbedder(lusifer.sentence_transformer(model_folder("bert"), device="cpu"), each)
        for each in (heads, Heads.read(tmp_path))
    ]
    texts = [*TEXTS[:3], "Größe 駅", ""]
    assert embedders[0].encode_sparse(texts) == embedders[1].encode_sparse(texts)
    for one, other in zip(*(each.encode_multi(texts) for each in embedders), strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)
    whole = (tmp_path / "heads.json").read_text(encoding="utf-8")
    for damage in ('{"width": 32}', whole.replace('"dim": 8', '"dim": 9'), "{"):
        (tmp_path / "heads.json").write_text(damage, encoding="utf-8")
        with pytest.raises(ModelError, match=r"heads\.(json|safetensors): ") as told:
            Heads.read(tmp_path)
        assert "\n" not in str(told.value)


def test_a_score_is_dense_and_sparse_and_multi_in_their_shares(model_folder: Folder) -> None:
    torch.manual_seed(0)
    made = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    model = HybridEmbedder(made, Heads(32, 8, made.tokenizer.all_special_ids))
    queries, documents = TEXTS[:3], [TEXTS[1], TEXTS[0], "The sea and the station.", TEXTS[9]]
    words = model.encode_sparse(queries), model.encode_sparse(documents)
    assert all(weight > 0 for found in words[0] for weight in found.values())
    multi = model.encode_multi(queries), model.encode_multi(documents)
    due = model.encode(queries) @ model.encode(documents).T
    for i, q in enumerate(words[0]):
        for j, d in enumerate(words[1]):
            due[i, j] += 0.3 * sum(weight * d.get(word, 0.0) for word, weight in q.items())
            due[i, j] += (multi[0][i] @ multi[1][j].T).max(1).mean()
    np.testing.assert_allclose(model.score(queries, documents), due, atol=1e-5)
