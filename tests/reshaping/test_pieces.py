"""Of every kind of tokenizer: a text whose pieces are all kept is spelt as before, whatever is cut."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from lusifer.errors import ConfigError, ModelError
from lusifer.reshaping.pieces import count_pieces, trim_tokenizer, wanted_pieces
from tests.conftest import TEXTS

FOREIGN = [
    "Der Bahnhof liegt hinter dem alten Markt.", "المحطة خلف السوق القديم", "स्टेशन पुराने बाज़ार के पीछे है।", "駅は古い市場の裏にある。",
    "Kituo kiko nyuma ya soko la zamani.", "สถานีอยู่หลังตลาดเก่า", "Станция за старым рынком.", "🙂 ﬁne, naïve café…",
]  # fmt: skip
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def byte_level() -> Tokenizer:
    """As GPT-2's, Llama 3's, Qwen's and SmolLM2's."""
    made = Tokenizer(models.BPE(ignore_merges=False))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\s?\p{L}+|\p{N}|\s?[^\s\p{L}\p{N}]+|\s+"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.train_from_iterator(
        TEXTS + FOREIGN,
        trainers.BpeTrainer(
            vocab_size=500,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    made.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    made.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.RobertaProcessing(
                ("</s>", made.token_to_id("</s>")), ("<s>", made.token_to_id("<s>"))
            ),
        ]
    )
    return made


def taken_whole() -> Tokenizer:
    """As Llama 3's, which takes a word that is a piece without merging it; one such cannot be merged."""
    document = json.loads(byte_level().to_str())
    document["model"]["ignore_merges"] = True
    pieces = document["model"]["vocab"]
    for added in document["added_tokens"]:
        pieces[added["content"]] = added["id"]
    pieces["orchestra"] = len(pieces)
    made: Tokenizer = Tokenizer.from_str(json.dumps(document))
    assert made.encode("orchestra").tokens[1:-1] == ["orchestra"]
    return made


def gemma_like() -> Tokenizer:
    """As Gemma's and Llama 2's: BPE over characters, other characters in bytes."""
    made = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    made.train_from_iterator(
        TEXTS + FOREIGN[:5],
        trainers.BpeTrainer(
            vocab_size=620, special_tokens=[*SPECIAL, *bytes_], show_progress=False
        ),
    )
    frame = [("<s>", made.token_to_id("<s>"))]
    made.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A <s> $B", frame)
    return made


def end_of_word() -> Tokenizer:
    """As CLIP's: a word's last character has a mark."""
    made = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, end_of_word_suffix="</w>", show_progress=False
    )
    made.train_from_iterator(TEXTS + FOREIGN, trainer)
    return made


def inside_a_word() -> Tokenizer:
    """BPE whose pieces inside a word have a mark, as WordPiece's have."""
    made = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, continuing_subword_prefix="##", show_progress=False
    )
    made.train_from_iterator(TEXTS + FOREIGN, trainer)
    return made


def word_piece() -> Tokenizer:
    """As BERT's."""
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        TEXTS + FOREIGN,
        trainers.WordPieceTrainer(vocab_size=400, special_tokens=SPECIAL, show_progress=False),
    )
    made.post_processor = processors.BertProcessing(
        ("</s>", made.token_to_id("</s>")), ("<s>", made.token_to_id("<s>"))
    )
    return made


def unigram() -> Tokenizer:
    """As XLM-R's and mE5's."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(TEXTS + FOREIGN, trainer)
    made.add_special_tokens(["<mask>"])
    return made


def word_level() -> Tokenizer:
    made = Tokenizer(models.WordLevel(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(
        TEXTS + FOREIGN, trainers.WordLevelTrainer(special_tokens=SPECIAL, show_progress=False)
    )
    return made


KINDS: dict[str, Callable[[], Tokenizer]] = {
    one.__name__: one
    for one in (
        byte_level, taken_whole, gemma_like, end_of_word, inside_a_word, word_piece, unigram, word_level
    )
}  # fmt: skip
MADE: dict[str, Tokenizer] = {}


def tokenizer_of(kind: str) -> Tokenizer:
    return MADE.setdefault(kind, KINDS[kind]())


def spelt(tokenizer: Tokenizer, text: str) -> list[str]:
    return [tokenizer.id_to_token(i) for i in tokenizer.encode(text).ids]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_corpus_needs_spells_it_as_before(kind: str) -> None:
    whole = tokenizer_of(kind)
    keep = wanted_pieces(whole, count_pieces(whole, FOREIGN))
    small = trim_tokenizer(whole, keep)
    assert small.get_vocab_size() == len(keep) < whole.get_vocab_size()
    assert [spelt(small, text) for text in FOREIGN] == [spelt(whole, text) for text in FOREIGN]
    # What a number meant before, it means still, by its place among those kept.
    for text in FOREIGN:
        assert keep[small.encode(text).ids].tolist() == whole.encode(text).ids


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.55, 0.7, 0.85, 1.0])
def test_a_text_whose_pieces_are_kept_is_spelt_as_before(kind: str, share: float) -> None:
    whole = tokenizer_of(kind)
    counts = count_pieces(whole, TEXTS)
    all_of = wanted_pieces(whole, counts)
    always = len(wanted_pieces(whole, np.zeros_like(counts)))
    keep = wanted_pieces(whole, counts, always + max(1, int(share * (len(all_of) - always))))
    small, left = trim_tokenizer(whole, keep), set(keep.tolist())
    texts = [*TEXTS, *FOREIGN, *(word for text in TEXTS + FOREIGN for word in text.split())]
    known = [text for text in texts if left.issuperset(whole.encode(text).ids)]
    assert known
    for text in known:
        assert keep[small.encode(text).ids].tolist() == whole.encode(text).ids, text


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(st.text(max_size=30), st.integers(0, 200))
def test_any_text_is_still_read(kind: str, text: str, drop: int) -> None:
    whole = tokenizer_of(kind)
    counts = count_pieces(whole, TEXTS)
    keep = wanted_pieces(whole, counts)
    always = len(wanted_pieces(whole, np.zeros_like(counts)))
    keep = wanted_pieces(whole, counts, max(always + 1, len(keep) - drop))
    small = trim_tokenizer(whole, keep)
    ids = small.encode(text).ids
    if set(keep.tolist()).issuperset(whole.encode(text).ids):
        assert keep[ids].tolist() == whole.encode(text).ids
    if kind in ("byte_level", "gemma_like", "taken_whole"):
        assert "<unk>" not in spelt(small, text.replace("<unk>", ""))


def test_special_pieces_keep_their_places_in_a_frame() -> None:
    for kind in ("byte_level", "gemma_like", "word_piece"):
        whole = tokenizer_of(kind)
        small = trim_tokenizer(whole, wanted_pieces(whole, count_pieces(whole, TEXTS[:2])))
        assert spelt(small, TEXTS[0])[0] == "<s>"
        whole.enable_padding(pad_id=whole.token_to_id("<pad>"), pad_token="<pad>")
        padded = trim_tokenizer(whole, wanted_pieces(whole, count_pieces(whole, TEXTS[:2])))
        whole.no_padding()
        assert padded.padding["pad_id"] == padded.token_to_id("<pad>")


def test_what_frames_a_text_stays_though_nobody_added_it() -> None:
    """A frame, or padding, of pieces that stand in the vocabulary alone."""
    whole = Tokenizer(models.WordPiece({"[UNK]": 0, "[PAD]": 1, "[CLS]": 5, "a": 9, "b": 12}, unk_token="[UNK]"))  # fmt: skip
    whole.pre_tokenizer = pre_tokenizers.Whitespace()
    whole.post_processor = processors.TemplateProcessing("[CLS] $A", "[CLS] $A $B", [("[CLS]", 5)])
    whole.enable_padding(pad_id=1, pad_token="[PAD]")
    keep = wanted_pieces(whole, count_pieces(whole, ["b"]))
    assert keep.tolist() == [0, 1, 5, 12]
    assert trim_tokenizer(whole, keep).encode("b").tokens == ["[CLS]", "b"]


def test_a_text_that_reads_like_an_added_piece_is_spelt_as_before() -> None:
    whole = tokenizer_of("unigram")
    whole = Tokenizer.from_str(whole.to_str())
    whole.add_special_tokens(["<k>"])
    counts = np.ones(1 + max(whole.get_vocab().values()), dtype=np.int64)
    small = trim_tokenizer(whole, wanted_pieces(whole, counts))
    for text in ("the \uff1ck\uff1e market", "the <k> market"):
        assert spelt(small, text) == spelt(whole, text)


def test_how_often_a_piece_must_be_needed() -> None:
    whole = tokenizer_of("word_level")
    counts = count_pieces(whole, TEXTS)
    keep = wanted_pieces(whole, counts, at_least=3)
    assert {whole.id_to_token(int(i)) for i in keep} - set(SPECIAL) == {
        whole.id_to_token(int(i)) for i in np.flatnonzero(counts >= 3)
    }


def test_what_cannot_be_trimmed_is_told() -> None:
    whole = tokenizer_of("unigram")
    with pytest.raises(ConfigError, match="its special pieces alone are 5"):
        wanted_pieces(whole, count_pieces(whole, TEXTS), 5)

    class Other:
        def to_str(self) -> str:
            return '{"model": {"type": "Tiktoken"}}'

    with pytest.raises(ModelError, match="of the kind Tiktoken cannot be trimmed; Unigram, BPE"):
        wanted_pieces(Other(), np.zeros(1, dtype=np.int64))
