"""A small decoder: its labels are its ids without the padding, and it loads anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages.pretrain_causal import DecoderBatches, DecoderShape, decoder_config
from lusifer.training.vocabulary import Vocabulary, fast_tokenizer, train_tokenizer
from tests.conftest import TEXTS
from tests.reshaping.test_trim import FOREIGN
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    made = train_tokenizer({"und": [*TEXTS, *FOREIGN]}, Vocabulary(size=400), 0)
    made.save(str(tmp_path / "tokenizer.json"))
    return fast_tokenizer(tmp_path / "tokenizer.json", 64)


def test_padding_is_left_out_of_the_loss_and_the_frame_is_in_it(
    tokenizer: Any, texts: Path, model_folder: Folder
) -> None:
    parsed = load_recipe(recipe("pretrain causal", texts, model_folder))
    make = DecoderBatches(parsed, [*TEXTS[:5], *FOREIGN], tokenizer)
    for step in range(3):
        batch, rows = make(step), make.epochs(step)
        assert torch.equal(batch["labels"] == -100, batch["attention_mask"] == 0)
        for row, labels in zip(rows, batch["labels"], strict=True):
            own = tokenizer(make.texts[row], truncation=True, max_length=64)["input_ids"]
            assert labels[labels != -100].tolist() == own


def test_the_loss_of_a_text_is_the_same_alone_and_beside_a_longer_one(
    tokenizer: Any, texts: Path, model_folder: Folder
) -> None:
    parsed = load_recipe(recipe("pretrain causal", texts, model_folder))
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(decoder_config(parsed, len(tokenizer))).eval()
    both = DecoderBatches(parsed, [FOREIGN[3], " ".join(TEXTS[:2])], tokenizer)(0)
    short = int(both["attention_mask"].sum(1).argmin())
    length = int(both["attention_mask"][short].sum())
    with torch.no_grad():
        beside = model(**{name: value[short : short + 1] for name, value in both.items()}).loss
        alone = model(**{k: v[short : short + 1, :length] for k, v in both.items()}).loss
    torch.testing.assert_close(beside, alone, rtol=1e-4, atol=1e-4)


def test_what_a_run_made_loads_and_is_as_large_as_was_planned(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("pretrain causal", texts, model_folder)
    folder = train(file, ["optim.steps=2", "optim.save_every=2"])
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert model.num_parameters() == plan(file)["parameters"]["total"]
    assert len(tokenizer) == model.config.vocab_size == 310
    assert model.lm_head.weight is model.model.embed_tokens.weight
    with pytest.raises(ValueError, match=r"shape\.hidden must be a multiple of shape\.heads \(3\)"):
        DecoderShape(hidden=32, heads=3)
