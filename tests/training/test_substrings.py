"""Rows that share what their spellings share: the sum of a token's pieces, found the naive way."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lusifer.training.substrings import Substrings

TOKENS = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "<0x41>",
    "▁",
    "▁stations",
    "▁station",
    "stat",
    "ion",
    "s",
    "at",
    "<mask>",
]


def parts(token: str) -> set[str]:
    """The naive way: all pieces of two characters or more within a token."""
    if token.startswith("<"):
        return set()
    return {
        piece
        for piece in TOKENS
        if piece in token and piece != token and len(piece) >= 2 and piece[0] != "<"
    }


def test_a_row_is_the_sum_of_the_pieces_within_its_spelling() -> None:
    made = Substrings(TOKENS, 2)
    table = torch.randn(len(TOKENS), 4, dtype=torch.float64)
    chosen = np.array([6, 7, 8, 0, 4, 6])
    for row, token in zip(made.rows(table, chosen), chosen, strict=True):
        inside = [TOKENS.index(piece) for piece in sorted(parts(TOKENS[token]))]
        expected = table[token] + sum(table[i] for i in inside) * max(len(inside), 1) ** -0.5
        torch.testing.assert_close(row, expected, rtol=1e-6, atol=1e-6)
    assert parts("▁stations") == {"▁station", "stat", "ion", "at"}
    assert len(made.rows(table, np.zeros(0, dtype=np.int64))) == 0


def test_what_was_seen_within_a_token_was_learnt() -> None:
    made = Substrings(TOKENS, 2)
    learnt = made.learnt(np.array([token == "▁station" for token in TOKENS]))
    assert {token for token, known in zip(TOKENS, learnt, strict=True) if known} == {
        "▁station",
        "stat",
        "ion",
        "at",
    }


@pytest.mark.parametrize(
    ("tokens", "whole", "inside"),
    [
        (["▁станция", "стан", "ция", "я"], "▁станция", {"стан", "ция"}),
        (["▁駅の裏", "駅の", "の裏", "裏"], "▁駅の裏", {"駅の", "の裏"}),
        (["▁बाज़ार", "बाज़", "ार", "बा"], "▁बाज़ार", {"बाज़", "ार", "बा"}),
        (["<0xE9>", "0x", "xE9>"], "<0xE9>", set()),
        (["<mask>", "mask", "ask"], "<mask>", set()),
    ],
)
def test_pieces_are_characters_and_not_bytes(
    tokens: list[str], whole: str, inside: set[str]
) -> None:
    made = Substrings(tokens, 2)
    own = made.parts[made.starts[0] : made.starts[0] + made.counts[0]]
    assert tokens[own[0]] == whole
    assert {tokens[i] for i in own[1:]} == inside


def test_gradients_reach_the_pieces_and_nothing_else() -> None:
    made = Substrings(TOKENS, 2)
    table = torch.zeros(len(TOKENS), 3, requires_grad=True)
    made.rows(table, np.array([TOKENS.index("▁station")])).sum().backward()  # type: ignore[no-untyped-call]
    assert table.grad is not None
    moved = {token for token, row in zip(TOKENS, table.grad, strict=True) if row.abs().sum() > 0}
    assert moved == {"▁station", *parts("▁station")}
