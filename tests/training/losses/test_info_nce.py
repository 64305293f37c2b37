"""InfoNCE in chunks is InfoNCE: loss and gradients equal the plain formula's, whatever is masked,
gathered or cached.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings as how, strategies as st
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MatryoshkaLoss,
    MultipleNegativesRankingLoss,
)

from lusifer.errors import LusiferError
from lusifer.models.families import no_dropout
from lusifer.models.sentence_transformer import sentence_transformer
from lusifer.training.losses.contrastive import ContrastiveLoss
from lusifer.training.losses.info_nce import (
    DIRECTIONS,
    InfoNCE,
    info_nce,
    unit_rows,
)
from lusifer.training.losses.pair_terms import Keys, token_keys
from lusifer.training.losses.teacher_scores import TeacherScores, ranking_divergence
from tests.conftest import TEXTS


def plain(q: torch.Tensor, d: torch.Tensor, s: InfoNCE, keys: Keys | None) -> torch.Tensor:
    """One pair of loops over rows and candidates, as the papers write it."""
    n = len(q)
    losses = []
    for i in range(n):
        positive = q[i] @ d[0, i]
        by_direction = []
        for direction in s.directions:
            x = q[i] if direction.startswith("query") else d[0, i]
            candidates = (
                [(0, j, q[j]) for j in range(n)]
                if direction.endswith("query")
                else [(k, j, d[k, j]) for k in range(len(d)) for j in range(n)]
            )
            logits = []
            for k, j, y in candidates:
                cosine = x @ y
                if j == i and direction in ("query_to_query", "doc_to_doc"):
                    continue
                if j == i and k == 0:
                    logits.append(cosine - s.margin)
                    continue
                if s.mask is not None and cosine > positive + s.mask:
                    continue
                if keys is not None:
                    document = keys.documents[j, k if direction.endswith("doc") else 0]
                    if document == keys.documents[i, 0] or (
                        k == 0 and keys.queries[j] == keys.queries[i]
                    ):
                        continue
                logits.append(cosine)
            by_direction.append(
                torch.stack(logits) / s.temperature
                if logits
                else torch.full((1,), float("-inf")).to(q)
            )
        p = (positive - s.margin) / s.temperature
        if s.partition == "joint":
            losses.append(torch.cat(by_direction).logsumexp(0) - p)
        else:
            losses.append(torch.stack([b.logsumexp(0) for b in by_direction]).mean() - p)
    return torch.stack(losses).mean()


def vectors(n: int, k: int, seed: int = 0, d: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    q = F.normalize(torch.randn(n, d, generator=generator, dtype=torch.float64), dim=-1)
    near = q + 0.7 * torch.randn(1 + k, n, d, generator=generator, dtype=torch.float64)
    return q.requires_grad_(), F.normalize(near, dim=-1).requires_grad_()


@how(deadline=None)
@given(
    n=st.integers(1, 9),
    k=st.integers(0, 2),
    chunk=st.integers(1, 10),
    margin=st.sampled_from([0.0, 0.3]),
    mask=st.sampled_from([None, -0.2, 0.1]),
    others=st.sets(st.sampled_from(DIRECTIONS[1:])),
    joint=st.booleans(),
    keyed=st.booleans(),
)
def test_chunks_give_the_plain_loss_and_its_gradients(
    n: int,
    k: int,
    chunk: int,
    margin: float,
    mask: float | None,
    others: set[Any],
    joint: bool,
    keyed: bool,
) -> None:
    joint = joint or bool({"query_to_query", "doc_to_doc"} & others)
    settings = InfoNCE(
        temperature=0.05,
        margin=margin,
        mask=mask,
        directions=("query_to_doc", *sorted(others)),
        partition="joint" if joint else "per_direction",
        chunk=chunk,
    )
    q, d = vectors(n, k)
    generator = torch.Generator().manual_seed(1)
    keys = (
        Keys(
            torch.randint(0, 5, (n,), generator=generator),
            torch.randint(0, 6, (n, 1 + k), generator=generator),
        )
        if keyed
        else None
    )
    expected = plain(q, d, settings, keys)
    wanted = torch.autograd.grad(expected, (q, d))
    found = info_nce(q, d, settings, keys)
    torch.testing.assert_close(found, expected, atol=1e-9, rtol=1e-9)
    for a, b in zip(torch.autograd.grad(3 * found, (q, d)), wanted, strict=True):
        torch.testing.assert_close(a, 3 * b, atol=1e-8, rtol=1e-8)
    with torch.no_grad():
        torch.testing.assert_close(info_nce(q, d, settings, keys), expected)


def test_unit_rows_and_their_gradients_are_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lusifer.training.losses.info_nce.ROWS", 3)
    x = torch.randn(8, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(8, 5, dtype=torch.float64)
    torch.testing.assert_close(unit_rows(x), F.normalize(x, dim=-1))
    own = torch.autograd.grad((unit_rows(x) * weights).sum(), x)[0]
    plain = torch.autograd.grad((F.normalize(x, dim=-1) * weights).sum(), x)[0]
    torch.testing.assert_close(own, plain, rtol=1e-10, atol=1e-12)


def test_parts_of_the_rows_add_up_to_the_whole() -> None:
    """What several processes compute: each its own rows against all candidates."""
    q, d = vectors(8, 1)
    settings = InfoNCE(temperature=0.05, directions=("query_to_doc", "doc_to_doc"), chunk=3)
    whole = info_nce(q, d, settings)
    parts = [info_nce(q, d, settings, first=first, rows=4) for first in (0, 4)]
    torch.testing.assert_close(sum(parts) / 2, whole)
    for a, b in zip(
        torch.autograd.grad(sum(parts) / 2, (q, d)), torch.autograd.grad(whole, (q, d)), strict=True
    ):
        torch.testing.assert_close(a, b)


def test_a_false_negative_and_an_equal_text_get_no_gradient() -> None:
    q = F.normalize(torch.tensor([[1.0, 0, 0.1], [0, 1, 0]]), dim=-1)
    d = F.normalize(
        torch.tensor([[[0.8, 0, 0.6], [1, 0.3, 0.1]]]), dim=-1
    ).requires_grad_()  # the other's is nearer to query 0
    kept = torch.autograd.grad(info_nce(q, d, InfoNCE(temperature=0.05, mask=None), rows=1), d)[0]
    masked = torch.autograd.grad(info_nce(q, d, InfoNCE(temperature=0.05, mask=0.1), rows=1), d)[0]
    assert kept[0, 1].abs().max() > 1
    assert masked.abs().max() < 1e-6
    same = Keys(torch.tensor([1, 2]), torch.tensor([[7], [7]]))
    assert (
        torch.autograd.grad(info_nce(q, d, InfoNCE(temperature=0.05, mask=None), same, rows=1), d)[
            0
        ]
        .abs()
        .max()
        < 1e-6
    )


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


def test_the_divergence_is_nothing_where_teacher_and_student_agree() -> None:
    q, d = (side.detach() for side in vectors(5, 3))
    scores = torch.einsum("nd,knd->nk", q, d)
    assert float(ranking_divergence(q, d, scores / 0.02, 0.02)) == pytest.approx(0, abs=1e-9)
    assert float(ranking_divergence(q, d, -scores / 0.02, 0.02)) > 1


@pytest.fixture
def model(model_folder: Callable[[str], Path]) -> Any:
    model = sentence_transformer(model_folder("bert"), device="cpu").double()
    no_dropout(model)
    return model


def columns(model: Any, k: int = 1) -> list[dict[str, torch.Tensor]]:
    texts = [*TEXTS, *(t[::-1] for t in TEXTS)]
    n = len(texts) // (2 + k)
    return [model.preprocess(texts[i * n : (i + 1) * n]) for i in range(2 + k)]


def gradients(
    model: Any, make: Callable[[Any], Any], labels: torch.Tensor | None = None
) -> tuple[float, list[torch.Tensor]]:
    model = copy.deepcopy(model).train()
    loss = make(model)([dict(f) for f in columns(model)], labels)
    loss.backward()
    return loss.item(), [p.grad for p in model.parameters() if p.grad is not None]


def test_the_loss_is_the_librarys_where_nothing_of_ours_is_on(model: Any) -> None:
    for partner, settings in (
        (MultipleNegativesRankingLoss, {}),
        (CachedMultipleNegativesRankingLoss, {"mini_batch_size": 4}),
    ):
        for directions in (("query_to_doc",), DIRECTIONS):
            value, grads = gradients(
                model,
                lambda m, p=partner, s=settings, d=directions: p(m, scale=50, directions=d, **s),
            )
            ours, own = gradients(
                model,
                lambda m, d=directions: ContrastiveLoss(
                    m,
                    [InfoNCE(temperature=0.02, mask=None, directions=d, chunk=3)],
                    mini_batch_size=4,
                ),
            )
            assert ours == pytest.approx(value, rel=1e-5)
            for a, b in zip(own, grads, strict=True):
                torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kl", [0.0, 0.5])
@pytest.mark.parametrize("dims", [None, [16, 8]])
def test_cached_gradients_are_the_plain_ones(model: Any, kl: float, dims: list[int] | None) -> None:
    settings = InfoNCE(
        temperature=0.02,
        margin=0.1,
        mask=0.1,
        directions=("query_to_doc", "query_to_query", "doc_to_doc"),
        chunk=4,
    )
    labels = torch.rand(len(columns(model)[0]["input_ids"]), 2) if kl else None

    def make(**cached: int) -> Callable[[Any], Any]:
        def of(m: Any) -> Any:
            terms = [settings, TeacherScores(weight=kl)] if kl else [settings]
            loss = ContrastiveLoss(m, terms, **cached)
            return MatryoshkaLoss(m, loss, dims) if dims else loss

        return of

    dims = dims and [model.get_embedding_dimension(), *dims]
    value, grads = gradients(model, make(), labels)
    for cached in ({"mini_batch_size": 3}, {"mini_batch_num_tokens": 20}):
        again, own = gradients(model, make(**cached), labels)
        assert again == pytest.approx(value, rel=1e-6)
        for a, b in zip(own, grads, strict=True):
            torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"chunk": 0}, "chunk must be at least 1"),
        ({"directions": ("doc_to_doc",)}, "directions must hold query_to_doc"),
        (
            {"directions": ("query_to_doc", "doc_to_doc"), "partition": "per_direction"},
            "per_direction is for",
        ),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        InfoNCE(**wrong)


def test_a_teacher_without_scores_is_refused(model: Any) -> None:
    with pytest.raises(LusiferError, match="wants its score"):
        ContrastiveLoss(model, [InfoNCE(), TeacherScores()])(columns(model), torch.zeros(2, 2))
    with pytest.raises(LusiferError, match="has 1 column"):
        ContrastiveLoss(model, [InfoNCE()])(columns(model)[:1])
