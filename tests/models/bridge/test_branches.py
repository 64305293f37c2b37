"""Bridges side by side: their vectors are added, their encoder and target are read and held once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.models import varlen
from lusifer.models.bridge import Branches
from lusifer.models.identity import identity
from lusifer.models.varlen import Segments
from lusifer.reshaping.combine import Combining, combine
from lusifer.training.assemble import save_model
from tests.conftest import TEXTS
from tests.models.bridge.test_module import make

Folder = Callable[[str], Path]
KINDS = ({"kind": "mlp", "residual": True, "tokens": 1}, {"kind": "words"})


def two(model_folder: Folder, folder: Path, encoder: str, target: str) -> list[Path]:
    """Two bridges' folders, of one encoder and one target."""
    found = []
    for number, settings in enumerate(KINDS):
        model = make(model_folder, encoder, target, "frozen", **settings)
        with torch.no_grad():  # what starts at zero says something
            for parameter in model[0].connector.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        save_model(model, folder / f"bridge{number}")
        found.append(folder / f"bridge{number}")
    return found


@pytest.mark.parametrize(
    ("encoder", "target"), [("xlm-roberta", "bert"), ("bert", "llama"), ("roberta", "mistral")]
)
def test_vectors_are_added_and_both_models_are_there_once(
    encoder: str, target: str, model_folder: Folder, tmp_path: Path
) -> None:
    bridges = two(model_folder, tmp_path, encoder, target)
    found = combine(bridges, tmp_path / "both", Combining("branches", (3.0, 1.0)))
    assert found == {"weights": [0.75, 0.25]}
    both = lusifer.load(tmp_path / "both")
    first, second = (lusifer.load(folder) for folder in bridges)
    for prompt in (None, "query"):
        due = 0.75 * first.encode(TEXTS, prompt=prompt) + 0.25 * second.encode(TEXTS, prompt=prompt)
        due /= np.linalg.norm(due, axis=1, keepdims=True)
        np.testing.assert_allclose(both.encode(TEXTS, prompt=prompt), due, atol=2e-5)
    module = both.model[0]  # type: ignore[attr-defined]
    assert isinstance(module, Branches)
    assert all(branch.encoder is module.encoder for branch in module.branches)
    assert all(branch.target is module.target for branch in module.branches)
    alone = np.concatenate([both.encode([text]) for text in TEXTS[:4]])
    np.testing.assert_allclose(both.encode(TEXTS[:4]), alone, atol=2e-5)
    library = SentenceTransformer(str(tmp_path / "both"), trust_remote_code=True, device="cpu")
    np.testing.assert_allclose(
        library.encode(TEXTS, prompt="The answer: "), both.encode(TEXTS), atol=2e-5
    )


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
def test_texts_laid_end_to_end_give_the_same(
    pooling: str, model_folder: Folder, tmp_path: Path
) -> None:
    bridges = [
        lusifer.sentence_transformer(folder, device="cpu")[0]
        for folder in two(model_folder, tmp_path, "xlm-roberta", "bert")
    ]
    module = Branches(bridges, (1.0, 2.0), pooling).eval()
    batch = module.preprocess(TEXTS[:5])
    with torch.no_grad():
        padded = module(dict(batch))["token_embeddings"][:, 0]
        lengths = batch["attention_mask"].sum(1).tolist()
        ids = torch.cat([row[:n] for row, n in zip(batch["input_ids"], lengths, strict=True)])
        if not varlen.fits(module.encoder):
            pytest.skip("a family that is not laid end to end")
        laid, rows = module.laid_end_to_end(ids, Segments.of(lengths, torch.device("cpu")))
    torch.testing.assert_close(laid[0], padded, atol=2e-5, rtol=1e-4)
    assert rows.lengths == [1] * 5


def test_english_goes_straight_to_the_target_of_both(model_folder: Folder, tmp_path: Path) -> None:
    combine(two(model_folder, tmp_path, "bert", "bert"), tmp_path / "both", Combining("branches"))
    plain = lusifer.load(tmp_path / "both").encode(TEXTS)
    for file in (tmp_path / "both").rglob("bridge.json"):
        file.write_text(file.read_text().replace('"english": "bridge"', '"english": "target"'))
    routed = lusifer.load(tmp_path / "both")
    english = "Where is the nearest station, please?"
    assert not np.allclose(routed.encode([english]), plain[:1])
    np.testing.assert_allclose(routed.encode(["Wo ist hier der Bahnhof?"]).shape, (1, 32))


def test_other_shares_are_another_model(model_folder: Folder, tmp_path: Path) -> None:
    bridges = two(model_folder, tmp_path, "bert", "bert")
    for name, weights in (("a", (1.0, 1.0)), ("b", (1.0, 2.0)), ("c", (2.0, 2.0))):
        combine(bridges, tmp_path / name, Combining("branches", weights))
    assert identity(tmp_path / "a") == identity(tmp_path / "c") != identity(tmp_path / "b")


def test_what_does_not_stand_side_by_side_is_refused(model_folder: Folder, tmp_path: Path) -> None:
    bridges = two(model_folder, tmp_path, "bert", "bert")
    save_model(make(model_folder, "bert", "bert", "lora"), tmp_path / "lora")
    save_model(make(model_folder, "xlm-roberta", "bert", "frozen"), tmp_path / "other")
    save_model(make(model_folder, "bert", "llama", "frozen"), tmp_path / "llama")
    for others, weights, says in (
        ([tmp_path / "lora"], (), "has trained its encoder"),
        ([tmp_path / "other"], (), "the bridges' encoders are"),
        ([tmp_path / "llama"], (), "the bridges' targets are"),
        ([model_folder("bert")], (), "is no bridge"),
        ([], (), "takes two models or more"),
        ([bridges[1]], (1.0,), "2 weights, one a model; 1 are given"),
        ([bridges[1]], (1.0, 0.0), "the weights of bridges are above 0"),
    ):
        with pytest.raises(LusiferError, match=says):
            combine([bridges[0], *others], tmp_path / "both", Combining("branches", weights))
        assert not (tmp_path / "both").exists()
    combine(bridges, tmp_path / "both", Combining("branches"))
    with pytest.raises(ModelError, match="not a bridge"):
        lusifer.merge(tmp_path / "both", tmp_path / "whole")
    file = tmp_path / "both" / "branches.json"
    for damage in ({"branches": ["nowhere"]}, {"pooling": "max"}, {"shares": [1]}):
        whole = json.loads(file.read_text())
        file.write_text(json.dumps(whole | damage))
        with pytest.raises(ModelError):
            lusifer.load(tmp_path / "both")
        file.write_text(json.dumps(whole))
    lusifer.load(tmp_path / "both")
