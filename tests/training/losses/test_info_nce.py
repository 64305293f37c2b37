"""InfoNCE in chunks is InfoNCE: loss and gradients equal the plain formula's, whatever is masked,
gathered or cached.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings as how, strategies as st

from lusifer.training.losses.info_nce import (
    DIRECTIONS,
    InfoNCE,
    info_nce,
    unit_rows,
)
from lusifer.training.losses.pair_terms import Keys


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
