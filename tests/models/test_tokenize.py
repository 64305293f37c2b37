"""Texts to ids with the tokenizer's own threads: cut at the length, or whole in pieces that fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import transformers
from hypothesis import given, strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from lusifer.models.tokenize import FEW, TextTokenizer, padded
from tests.conftest import TEXTS, make_tokenizer

SAID = [*TEXTS, "", "駅は古い市場の裏にあります。", "สถานีอยู่หลังตลาด", "Größe", "أين السوق؟", "👩‍👩‍👧 🛳️"]  # fmt: skip
KINDS = ["bpe", "bytes", "words", "unigram"]


def of_kind(kind: str, folder: Path) -> Tokenizer:
    """A tokenizer over our texts."""
    if kind == "bpe":
        make_tokenizer(folder)
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    special = ["<s>", "</s>", "<unk>"]
    if kind == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.train_from_iterator(
            TEXTS,
            trainers.BpeTrainer(
                vocab_size=300,
                special_tokens=special,
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            ),
        )
    elif kind == "unigram":
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.train_from_iterator(
            TEXTS,
            trainers.UnigramTrainer(
                vocab_size=150, special_tokens=special, unk_token="<unk>", show_progress=False
            ),
        )
    else:
        made = Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.train_from_iterator(
            TEXTS,
            trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False),
        )
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return made


@pytest.fixture(params=KINDS)
def tokenizer(request: pytest.FixtureRequest, tmp_path: Path) -> Tokenizer:
    return of_kind(request.param, tmp_path)


@pytest.mark.parametrize("longest", [3, 8, 64])
def test_ids_are_those_of_each_text_alone_cut_at_the_length(
    tokenizer: Tokenizer, longest: int
) -> None:
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    due = [tokenizer.encode(text).ids for text in SAID]
    tokenizer.enable_padding(length=99)  # what the file says of padding is not asked
    tokenizer.enable_truncation(2)
    found = TextTokenizer(tokenizer, longest)(SAID)
    assert [ids.tolist() for ids in found] == due
    assert {ids.dtype for ids in found} == {np.dtype(np.uint32)}
    assert (tokenizer.truncation or {})["max_length"] == 2, "the one that was given stays as it was"


def test_what_no_token_reaches_is_not_read(tokenizer: Tokenizer) -> None:
    made = TextTokenizer(tokenizer, 8)
    blank = " " * (FEW * 8)
    assert made([blank + "market"])[0].tolist() == made([blank])[0].tolist()
    assert made([blank[1:] + "m"])[0].tolist() == made([blank[1:] + "market"])[0].tolist()


@pytest.mark.parametrize("prompt", ["", "query: ", "a prompt that fills it all " * 9])
def test_pieces_are_the_text_in_order_and_fit_behind_the_prompt(
    tokenizer: Tokenizer, prompt: str
) -> None:
    made = TextTokenizer(tokenizer, 24)
    text = " ".join(TEXTS * 2)
    found = made.pieces(text, prompt)
    assert "".join(piece for piece, _ in found).replace(" ", "") == text.replace(" ", "")
    whole = Tokenizer.from_str(tokenizer.to_str())
    whole.no_truncation()
    whole.no_padding()
    assert sum(tokens for _, tokens in found) == len(
        whole.encode(text, add_special_tokens=False).ids
    )
    if len(prompt) < 24:
        room = 24 - len(whole.encode(prompt).ids)
        assert max(tokens for _, tokens in found) <= room
        # As they are read, too: a word that is cut in two must not lose its end.
        again = [len(whole.encode(piece, add_special_tokens=False).ids) for piece, _ in found]
        assert max(again) <= max(room, 1)
    assert made.pieces("A short one.", "") == [
        ("A short one.", len(whole.encode("A short one.", add_special_tokens=False).ids))
    ]
    assert made.pieces("", "") == [("", 0)]


@given(st.lists(st.lists(st.integers(5, 99), max_size=9), max_size=6), st.integers(1, 12))
def test_padded_rows_are_the_rows(rows: list[list[int]], width: int) -> None:
    ids, mask = padded([np.array(row, dtype=np.uint32) for row in rows], 1, width)
    assert ids.shape == mask.shape == (len(rows), max([width, *map(len, rows)]))
    assert [own[real == 1].tolist() for own, real in zip(ids, mask, strict=True)] == rows
    assert (ids[mask == 0] == 1).all()
    assert (np.diff(mask, axis=1) <= 0).all(), "padding is on the right"


def test_a_library_s_tokenizer_cuts_the_same(tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    fast = transformers.AutoTokenizer.from_pretrained(tmp_path)
    own = TextTokenizer(fast.backend_tokenizer, 9)
    theirs = fast(SAID, truncation=True, max_length=9)["input_ids"]
    assert [ids.tolist() for ids in own(SAID)] == theirs
