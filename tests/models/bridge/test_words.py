"""Words: where they begin in every kind of tokenizer, their states, and the target's own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from lusifer.errors import ModelError
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.bridge.connectors.words import WordsConfig
from lusifer.models.bridge.words import WordPooling, frame, whole_words, word_marks
from lusifer.models.families import embeddings
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
SPECIAL = ["<s>", "</s>", "<pad>", "<unk>"]


def tokenizer(pieces: list[str], kind: str) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer of just these pieces."""
    vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *pieces])}
    if kind == "wordpiece":
        whole = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
        whole.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    else:
        whole = Tokenizer(models.Unigram([(piece, -1.0) for piece in vocabulary], unk_id=3))
        whole.pre_tokenizer = pre_tokenizers.Metaspace()
    frame_of_a_text = [("<s>", 0), ("</s>", 1)]
    whole.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=frame_of_a_text
    )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=whole, **names)


def words(of: transformers.PreTrainedTokenizerFast, text: str) -> list[list[str]]:
    """Which pieces fall into which word, read off the pooled states: state i is the i-th unit
    vector.
    """
    ids = of(text, return_tensors="pt")["input_ids"]
    pooled, mask = WordPooling(of)(ids, torch.eye(ids.shape[1])[None], torch.ones_like(ids))
    pieces = of.convert_ids_to_tokens(ids[0].tolist())
    for row in pooled[0]:
        torch.testing.assert_close(
            row[row > 0], torch.full_like(row[row > 0], 1 / max(1, int((row > 0).sum())))
        )
    return [
        [pieces[i] for i in row.nonzero()[:, 0].tolist()]
        for row, real in zip(pooled[0], mask[0], strict=True)
        if real
    ]


def test_words_begin_at_marks_at_signs_and_in_scripts_without_spaces_everywhere() -> None:
    pieces = [
        "▁",
        "▁it",
        "'",
        "s",
        "▁the",
        "sta",
        "tion",
        ".",
        "駅",
        "は",
        "ど",
        "こ",
        "▁न",
        "ा",
        "म",
    ]
    of = tokenizer(
        [*pieces, "###", "2020"], "unigram"
    )  # "###" is no sign of a word-piece vocabulary
    assert words(of, "駅2020こ") == [["駅"], ["2020"], ["こ"]]
    assert words(of, "it's the station.") == [
        ["▁it"],
        ["'"],
        ["s"],
        ["▁the"],
        ["sta", "tion"],
        ["."],
    ]
    assert words(of, "駅はどこ") == [["駅"], ["は"], ["ど"], ["こ"]]
    assert words(of, "नाम") == [["▁न", "ा", "म"]], "a vowel sign goes on with its word"


def test_words_of_a_wordpiece_tokenizer() -> None:
    of = tokenizer(["it", "'", "s", "sta", "##tion", ".", "the"], "wordpiece")
    assert words(of, "it's the station.") == [
        ["it"],
        ["'"],
        ["s"],
        ["the"],
        ["sta", "##tion"],
        ["."],
    ]


def test_words_of_a_byte_level_tokenizer() -> None:
    """RoBERTa's and ModernBERT's kind: bytes written as characters, line breaks as pieces."""
    spelt = ["Ġ", "it", "Ġit", "Ċ", "sta", "tion", ".", "###"]
    japanese = [bytes_as_characters(c) for c in ("駅", "は")]
    half = bytes_as_characters("é")[0]
    of = tokenizer([*spelt, *japanese, half], "unigram")
    starts, breaks, skipped = (
        dict(zip(of.convert_ids_to_tokens(range(len(of))), m, strict=True)) for m in word_marks(of)
    )
    assert [starts[p] for p in ("Ġit", "sta", "tion", ".", *japanese, half)] == [
        True,
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert [breaks[p] for p in ("Ġ", "Ċ", ".", japanese[0], "sta", half)] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert [skipped[p] for p in ("Ġ", "Ċ", "<s>", "sta", half)] == [True, True, True, False, False]


def bytes_as_characters(text: str) -> str:
    written = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    return "".join(part for part, _ in written)


def test_a_masked_piece_stays_in_its_word() -> None:
    of = tokenizer(["▁sta", "tion", "s", "<mask>"], "unigram")
    of.add_special_tokens({"mask_token": "<mask>"})
    starts, breaks, skipped = word_marks(of)
    assert not any(m[of.mask_token_id] for m in (starts, breaks, skipped))


def test_a_text_without_a_word_keeps_one_state_and_padding_changes_nothing() -> None:
    of = tokenizer(["▁", "▁it", "s"], "unigram")
    pool = WordPooling(of)
    ids = torch.tensor([[0, 1, 2, 2, 2], [0, 5, 6, 5, 1]])
    mask = torch.tensor([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]])
    states = torch.randn(2, 5, 3)
    pooled, kept = pool(ids, states, mask)
    assert kept.tolist() == [[1, 0], [1, 1]]
    torch.testing.assert_close(pooled[0, 0], states[0, 0])
    torch.testing.assert_close(pooled[1, 0], states[1, 1:3].mean(0))
    torch.testing.assert_close(pooled[1, 1], states[1, 3])
    alone, _ = pool(ids[:1, :2], states[:1, :2], mask[:1, :2])
    torch.testing.assert_close(alone[0, 0], pooled[0, 0])


def test_the_targets_words_and_frame() -> None:
    of = tokenizer(["it", "'", "sta", "##tion", "été", "7"], "wordpiece")
    assert [text for _, text in whole_words(of)] == ["it", "'", "sta", "7"]
    assert frame(of) == ([0], [1])
    marked = tokenizer(["▁it", "s", "▁2", "3", "."], "unigram")
    assert [text for _, text in whole_words(marked)] == ["it", "2", "3", "."]
    cased = tokenizer(["▁The", "▁THE", "▁the", "the", "▁City"], "unigram")
    assert [text for _, text in whole_words(cased)] == ["the", "City"], (
        "twins of one text would share its weight"
    )
    with pytest.raises(ModelError, match="no whole English word"):
        whole_words(tokenizer(["▁été", "és"], "unigram"))


@pytest.mark.parametrize(
    ("encoder", "target"), [("xlm-roberta", "bert"), ("bert", "llama"), ("modernbert", "gemma2")]
)
def test_before_training_an_english_word_is_the_targets_own(
    encoder: str, target: str, model_folder: Folder
) -> None:
    connector = WordsConfig(nearest=1)
    bridge = Bridge.new(
        BridgeConfig(
            Part(str(model_folder(encoder))),
            Part(str(model_folder(target))),
            connector,
            max_tokens=64,
        )
    ).eval()
    known = whole_words(transformers.AutoTokenizer.from_pretrained(model_folder(target)))
    before, behind = frame(transformers.AutoTokenizer.from_pretrained(model_folder(target)))
    table, scale = embeddings(bridge.target)
    texts = [text for _, text in known]
    same = {text: [i for i, other in known if other == text] for text in texts}
    batch = bridge.preprocess(texts)
    states, mask = bridge.encode_tokens(batch["input_ids"], batch["attention_mask"])
    single = mask.sum(1) == 1
    assert single.sum() > len(texts) / 2
    with torch.no_grad():
        joined, joined_mask = bridge.join(states, mask)
    for row in single.nonzero()[:, 0].tolist():
        length = int(joined_mask[row].sum())
        assert length == len(before) + 1 + len(behind)
        distance = (table[same[texts[row]]] * scale - joined[row, len(before)]).abs().amax(-1).min()
        assert float(distance) < 1e-5, texts[row]


def byte_level() -> Tokenizer:
    """RoBERTa's kind: no mark before a text's first word."""
    whole = Tokenizer(models.BPE())
    whole.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return trained(
        whole, trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **SIZE)
    )


def gemma_like() -> Tokenizer:
    """Spaces are ▁, and nothing is put before a text."""
    whole = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    whole.normalizer = normalizers.Replace(" ", "▁")
    whole.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    return trained(whole, trainers.BpeTrainer(**SIZE))


def unigram() -> Tokenizer:
    """XLM-R's kind: ▁ before each word, the first too."""
    whole = Tokenizer(models.Unigram())
    whole.pre_tokenizer = pre_tokenizers.Metaspace()
    return trained(whole, trainers.UnigramTrainer(unk_token="<unk>", **SIZE))


def word_piece() -> Tokenizer:
    """BERT's kind."""
    whole = Tokenizer(models.WordPiece(unk_token="<unk>"))
    whole.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return trained(whole, trainers.WordPieceTrainer(**SIZE))


SIZE: dict[str, Any] = {"vocab_size": 330, "special_tokens": SPECIAL, "show_progress": False}


def trained(whole: Tokenizer, trainer: Any) -> Tokenizer:
    whole.train_from_iterator(TEXTS, trainer)
    return whole


@pytest.mark.parametrize("framed", [True, False])
@pytest.mark.parametrize("kind", [byte_level, gemma_like, unigram, word_piece])
def test_every_word_is_one_whatever_the_tokenizer(
    kind: Callable[[], Tokenizer], framed: bool
) -> None:
    whole = kind()
    if framed:
        whole.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
        )
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    of = transformers.PreTrainedTokenizerFast(tokenizer_object=whole, **names)
    for text in (text.rstrip(".") for text in TEXTS[:8]):
        assert len(words(of, text)) == len(text.split()), text
    ids = [
        of(text, return_tensors="pt")["input_ids"] for text in ("Bread is here.", "Owls is here.")
    ]
    pool = WordPooling(of)
    states = torch.nn.functional.one_hot(torch.arange(330)).float()
    first, second = (pool(i, states[i], torch.ones_like(i))[0][0, 0] for i in ids)
    assert not torch.equal(first, second), "texts that differ in the first word alone"
