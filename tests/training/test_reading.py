"""How a base reads: the direction of attention, the pooling, and an end token for the last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import processors

import lusifer
from lusifer.errors import ConfigError
from lusifer.training.reading import Reading, end_with_eos, read_as, read_plainly
from tests.conftest import CAUSAL, TEXTS, make_table
from tests.models.test_tokenize import KINDS, of_kind

Folder = Callable[[str], Path]


@pytest.mark.parametrize("family", CAUSAL)
def test_a_direction_is_taken_kept_and_read_by_others(
    family: str, tmp_path: Path, model_folder: Folder
) -> None:
    found = {}
    for attention in ("causal", "bidirectional"):
        model = lusifer.sentence_transformer(model_folder(family), device="cpu")
        read_as(model, Reading(attention=attention), family)  # type: ignore[arg-type]
        due = model.encode(TEXTS[:4], normalize_embeddings=True)
        model.save(str(tmp_path / attention), create_model_card=False)
        theirs = SentenceTransformer(str(tmp_path / attention), device="cpu")
        found[attention] = theirs.encode(TEXTS[:4], normalize_embeddings=True)
        np.testing.assert_allclose(found[attention], due, atol=1e-5)
    assert np.abs(found["causal"] - found["bidirectional"]).max() > 1e-3


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken", "weightedmean", "max"])
def test_a_pooling_is_taken_and_kept(pooling: str, tmp_path: Path, model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("qwen3"), device="cpu")
    read_as(model, Reading(pooling=pooling), "qwen3")  # type: ignore[arg-type]
    assert model[1].pooling_mode == pooling
    due = model.encode(TEXTS[:4], normalize_embeddings=True)
    model.save(str(tmp_path / "kept"), create_model_card=False)
    np.testing.assert_allclose(lusifer.load(tmp_path / "kept").encode(TEXTS[:4]), due, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("frame", ["bare", "bos"])
def test_every_text_ends_in_the_end_token_and_is_else_as_it_was(
    kind: str, frame: str, tmp_path: Path
) -> None:
    backend = of_kind(kind, tmp_path)
    backend.post_processor = processors.TemplateProcessing(
        single="$A" if frame == "bare" else "<s> $A", special_tokens=[("<s>", 0)]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", model_max_length=512
    )
    texts = ["Where is the station?", "", "१२ ぁ", "word " * 60]
    before = [tokenizer(t)["input_ids"] for t in texts]
    end_with_eos(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for made in (tokenizer, again):
        assert [made(t)["input_ids"] for t in texts] == [
            [*ids, tokenizer.eos_token_id] for ids in before
        ]
        cut = made(texts[-1], truncation=True, max_length=9)["input_ids"]
        assert len(cut) == 9
        assert cut[-1] == tokenizer.eos_token_id
    end_with_eos(again)  # once is enough
    assert again(texts[0])["input_ids"] == [*before[0], tokenizer.eos_token_id]


def test_a_tokenizer_without_padding_is_given_some(model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("llama"), device="cpu")
    model.tokenizer.pad_token = None
    read_as(model, Reading(pooling="lasttoken"), "llama")
    both = model.encode([TEXTS[0], " ".join(TEXTS[:5])])
    np.testing.assert_allclose(model.encode([TEXTS[0]])[0], both[0], atol=1e-5)
    assert torch.isfinite(torch.from_numpy(both)).all()


CHAT = "{% for m in messages %}<s> You are of help. {{ m['content'] }} </s>{% endfor %}"


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_a_chat_model_that_is_trained_on_plain_texts_is_used_on_plain_texts(
    family: str, tmp_path: Path, model_folder: Folder
) -> None:
    shutil.copytree(model_folder(family), tmp_path / "chat")
    (tmp_path / "chat" / "chat_template.jinja").write_text(CHAT, encoding="utf-8")
    plain = lusifer.sentence_transformer(model_folder(family), device="cpu")
    chat = lusifer.sentence_transformer(tmp_path / "chat", device="cpu")
    due = plain.preprocess(TEXTS[:2])["input_ids"]
    assert chat.preprocess(TEXTS[:2])["input_ids"].shape != due.shape  # it is wrapped
    read_plainly(chat)
    assert torch.equal(chat.preprocess(TEXTS[:2])["input_ids"], due)
    chat.save(str(tmp_path / "kept"), create_model_card=False)
    again = SentenceTransformer(str(tmp_path / "kept"), device="cpu")
    assert torch.equal(again.preprocess(TEXTS[:2])["input_ids"], due)
    rows = "".join(f"{text[:20]}\t{text}\n" for text in TEXTS)
    (tmp_path / "pairs.tsv").write_text(rows, encoding="utf-8")
    source = {"files": ["pairs.tsv"], "columns": ["query", "document"]}
    made = lusifer.train(
        {
            "stage": "contrastive",
            "output": str(tmp_path / "out"),
            "base": str(tmp_path / "chat"),
            "data": {"root": str(tmp_path), "sources": [source]},
            "negatives": 0,
            "batch_size": 4,
            "optim": {"steps": 1, "workers": 0},
        }
    )
    used = SentenceTransformer(str(made), device="cpu")
    assert torch.equal(used.preprocess(TEXTS[:2])["input_ids"], due)


def test_what_a_base_cannot_do_is_one_line(tmp_path: Path, model_folder: Folder) -> None:
    bert = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    for reading in (Reading(attention="causal"), Reading(echo=True)):
        with pytest.raises(ConfigError, match=r"are for decoders \(llama.*not bert"):
            read_as(bert, reading, "x")
    table = lusifer.sentence_transformer(make_table(tmp_path / "table"), device="cpu")
    with pytest.raises(ConfigError, match="reading is for transformers"):
        read_as(table, Reading(pooling="cls"), "x")
    with pytest.raises(ValueError, match="in one reading"):
        Reading(attention="bidirectional", echo=True)
