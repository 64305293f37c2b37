"""Texts have keys of their own, and a term says what is wrong with it."""

from __future__ import annotations

import pytest
import torch

from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.losses.pair_terms import PairTerm, PairVectors, token_keys
from lusifer.training.losses.teacher_scores import TeacherScores


def test_keys_are_of_texts_and_not_of_their_padding() -> None:
    left = {
        "input_ids": torch.tensor([[0, 0, 5, 6], [3, 5, 6, 5]]),
        "attention_mask": torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]]),
    }
    right = {
        "input_ids": torch.tensor([[5, 6, 9], [6, 5, 9]]),
        "attention_mask": torch.tensor([[1, 1, 0], [1, 1, 0]]),
    }
    keys = token_keys([left, right])
    assert keys.queries[0] == keys.documents[0, 0]
    assert len({*keys.queries.tolist(), *keys.documents[:, 0].tolist()}) == 3


def test_different_texts_have_different_keys_whatever_their_order_or_length() -> None:
    rows = [[0], [0, 0], [0, 0, 0], [5], [5, 0], [0, 5], [5, 6], [6, 5], [250_000, 1], [1, 250_000]]
    ids, mask = torch.zeros(len(rows), 4, dtype=torch.long), torch.zeros(len(rows), 4)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), 1
    keys = token_keys([{"input_ids": ids, "attention_mask": mask}] * 3)
    assert len(set(keys.queries.tolist())) == len(rows)
    assert keys.documents.shape == (len(rows), 2)
    assert torch.equal(keys.documents[:, 1], keys.queries)


def test_a_term_without_its_call_says_so() -> None:
    class Bare(PairTerm):
        def __call__(self, batch: PairVectors) -> torch.Tensor:
            return super().__call__(batch)

    batch = PairVectors(torch.eye(2), torch.eye(2)[None])
    with pytest.raises(TypeError, match="Bare must say what it is"):
        Bare()(batch)
    with pytest.raises(ValueError, match="a loss's weight is above 0, not -1"):
        Bare(weight=-1)
    assert TeacherScores.scored
    assert not InfoNCE.scored
