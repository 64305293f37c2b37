"""A token that pulls sentences together is found, whatever it is, and no other."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.errors import LusiferError
from lusifer.evaluation.diagnostics import sticky
from lusifer.models.token_access import TokenAccess
from tests.conftest import make_table
from tests.evaluation.oracle import Oracle


class Planted:
    """A static model in which one token outweighs all others, at the cosine that single tokens have
    among each other.
    """

    dim = 16
    max_tokens = 99
    prompts: Mapping[str, str] = {}

    def __init__(self, tokenizer: Any, planted: str) -> None:
        self.tokenizer = tokenizer
        rng = np.random.default_rng(0)
        self.rows = rng.normal(size=(tokenizer.get_vocab_size(), 16)).astype(np.float32)
        self.rows[:, :2] = 0
        self.rows /= np.linalg.norm(self.rows, axis=1, keepdims=True)
        self.planted = planted

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        made = []
        for text in texts:
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
            times = text.split(" ").count(self.planted)
            total = sum((self.rows[i] for i in ids), np.zeros(16, dtype=np.float32))
            length = float(np.linalg.norm(total)) or 1.0
            total /= length
            total[0] += (
                0.75  # so that two texts without a word in common have a cosine of about 0.36
            )
            made.append(
                np.array([0.6, 0.8, *[0.0] * 14], dtype=np.float32) if times else total
            )  # and this has it with all
        out = np.array(made, dtype=np.float32)
        out /= np.linalg.norm(out, axis=1, keepdims=True)
        return out


def test_a_planted_sticky_token_is_found_and_no_other() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)]
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0} | {w: i + 1 for i, w in enumerate(words)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rng = np.random.default_rng(3)
    sentences = [" ".join(rng.choice(words[:250], 6)) for _ in range(200)]
    model = Planted(tokenizer, "wlm")
    assert "wlm" in words
    value, found = sticky.detect(model, sentences)
    assert value == pytest.approx(0.36, abs=0.05)
    assert [s.token for s in found] == ["wlm"]
    assert found[0].share > 0.9
    with pytest.raises(LusiferError, match="does not tell its tokens"):
        sticky.detect(Oracle(), sentences)


@pytest.mark.parametrize("name", ["default", "static"])
def test_usable_tokens_stay_one_token_when_written(name: str) -> None:
    tokens = TokenAccess.of(lusifer.load(name))
    assert tokens is not None
    some = sticky.usable(tokens, limit=50)
    assert len(some) == 50
    assert all(len(ids) == 1 for ids in tokens.ids(some))
    assert some == sticky.usable(tokens, limit=50)


def test_sentences_that_are_all_alike_leave_nothing_to_pull(tmp_path: Path) -> None:
    model = lusifer.load(make_table(tmp_path))
    value, found = sticky.detect(model, ["The sea is wide."] * 40, limit=40)
    assert -1 <= value <= 1
    assert found == []


def test_the_unknown_token_is_no_token_that_one_can_write() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0, "море": 1, "海": 2, "two words": 3}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    assert sticky.usable(TokenAccess(tokenizer, 0)) == ["море", "海"]


@pytest.mark.parametrize("text", ["Das Meer ist weit.", "海は広い。", "البحر واسع", ""])
def test_a_token_is_put_where_it_is_said(text: str) -> None:
    rng = random.Random(0)
    before, behind, between = (
        sticky._inserted(text, "x", position, rng) for position in ("before", "behind", "between")
    )
    times = " ".join(["x"] * sticky.TIMES)
    assert (before, behind) == (f"{times} {text}", f"{text} {times}")
    assert between.split(" ").count("x") == sticky.TIMES
    assert " ".join(word for word in between.split(" ") if word != "x") == text
