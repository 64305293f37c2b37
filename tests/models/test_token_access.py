"""A model's tokens are counted as its own tokenizer writes them, whatever kind it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

import lusifer
from lusifer.models.token_access import TokenAccess
from tests.conftest import TEXTS, make_table
from tests.reshaping.test_trim import FOREIGN, unigram

MIXED = [*TEXTS[:4], *FOREIGN, "", "a 🦊 b"]


class Model:
    """All that is asked of a model here: its tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer


def of(tokenizer: Any) -> TokenAccess:
    found = TokenAccess.of(Model(tokenizer))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_torch_model_s_tokens_are_its_tokenizer_s(
    model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    for folder in (model_folder("modernbert"), unigram(tmp_path / "unigram")):
        model = lusifer.load(folder)
        tokens = TokenAccess.of(model)
        assert tokens is not None
        own = lusifer.sentence_transformer(folder).tokenizer
        assert tokens.ids(MIXED) == [own.encode(t, add_special_tokens=False) for t in MIXED]
        assert tokens.unknown == own.unk_token_id


def test_the_model_cuts_as_before_and_the_count_does_not(tmp_path: Path) -> None:
    model: Any = lusifer.load(make_table(tmp_path))
    model.tokenizer.enable_truncation(4)
    model.tokenizer.enable_padding(length=9)
    tokens = TokenAccess.of(model)
    assert tokens is not None
    count, _ = tokens.count([TEXTS[0]])
    assert count > 9
    assert len(model.tokenizer.encode(TEXTS[0]).ids) == 9


@pytest.mark.parametrize(
    ("model", "trainer"),
    [
        (models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer),
        (models.WordLevel(unk_token="[UNK]"), trainers.WordLevelTrainer),
        (models.BPE(unk_token="[UNK]"), trainers.BpeTrainer),
    ],
)
def test_what_a_tokenizer_does_not_know_is_counted(model: Any, trainer: Any) -> None:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    made = trainer(vocab_size=200, special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(TEXTS, made)
    tokens = of(tokenizer)
    assert tokens.unknown == 1
    known, foreign = tokens.count(TEXTS), tokens.count(["станция", "駅"])
    assert known[1] == 0
    assert foreign[1] == foreign[0] > 0


def test_bytes_are_never_unknown() -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False)
    )
    tokens = of(tokenizer)
    assert tokens.unknown is None
    count, unknown = tokens.count(FOREIGN)
    assert count > 0
    assert unknown == 0
    assert tokens.count([]) == (0, 0)
