"""A cross-encoder as a function: a score a pair, in order, whatever stands beside it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from lusifer.errors import ModelError
from lusifer.models.reranker import cross_encoder, load_reranker
from tests.conftest import TEXTS, make_table

Folder = Callable[[str], Path]
PAIRS = [(TEXTS[i], TEXTS[-i]) for i in range(12)] + [("駅はどこ", "市場の裏"), ("", ""), ("a", " ".join(TEXTS))]  # fmt: skip


@pytest.fixture(params=["bert", "xlm-roberta"])
def folder(request: pytest.FixtureRequest, model_folder: Folder, tmp_path: Path) -> Path:
    model = cross_encoder(str(model_folder(request.param)), seed=1)
    model.max_seq_length = 128
    model.save_pretrained(str(tmp_path / "reranker"))
    return tmp_path / "reranker"


def test_scores_are_the_library_s_and_a_pair_s_alone(folder: Path) -> None:
    score = load_reranker(str(folder))
    found = score(PAIRS)
    np.testing.assert_allclose(found, [score([pair])[0] for pair in PAIRS], atol=1e-5)
    np.testing.assert_allclose(
        found, CrossEncoder(str(folder), device="cpu").predict(PAIRS), atol=1e-6
    )
    order = random.Random(0).sample(range(len(PAIRS)), len(PAIRS))
    np.testing.assert_allclose(score([PAIRS[i] for i in order]), np.array(found)[order], atol=1e-5)
    assert all(isinstance(value, float) for value in found)
    assert score([]) == []


def test_a_new_head_is_drawn_from_its_seed_and_leaves_the_caller_s_numbers_alone(
    model_folder: Folder,
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    heads = [
        cross_encoder(str(model_folder("bert")), seed=seed).model.classifier.weight
        for seed in (1, 1, 2)
    ]
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_what_is_no_reranker_is_one_line(model_folder: Folder, tmp_path: Path) -> None:
    three = CrossEncoder(str(model_folder("bert")), num_labels=3, device="cpu")
    three.save_pretrained(str(tmp_path / "three"))
    for name, said in (
        (str(model_folder("bert")), "is an encoder and no reranker"),
        (str(model_folder("xlm-roberta")), "is an encoder and no reranker"),
        (str(tmp_path / "three"), "gives one score a pair; this model gives 3"),
        (str(make_table(tmp_path / "table")), "cannot be loaded as a cross-encoder"),
        (str(tmp_path / "nowhere"), "no such model folder"),
    ):
        with pytest.raises(ModelError, match=said) as told:
            load_reranker(name)
        assert "\n" not in str(told.value)
