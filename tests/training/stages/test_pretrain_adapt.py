"""Adapting an encoder: what is hidden is named, in translations too; the vector comes to carry the text;
what is made is the base with other weights.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError, ModelError
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages.pretrain_adapt import (
    HiddenBatches,
    MaskedEncoder,
    base_of,
    pooled,
    read_rows,
    sinusoids,
)
from tests.conftest import TEXTS
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.fixture
def file(texts: Path, model_folder: Folder) -> Path:
    return recipe("pretrain adapt", texts, model_folder)


def test_a_share_is_hidden_and_a_translation_stands_beside_its_text_either_first(
    file: Path,
) -> None:
    parsed = load_recipe(file, ["ratio=0.4", "batch_size=8"])
    rows = read_rows(parsed.data)
    model = base_of(parsed)
    make = HiddenBatches(parsed, rows, model.tokenizer, 32)
    hidden = tokens = same = 0
    orders = set()
    for step in range(30):
        batch = make(step)
        chosen = batch["labels"] != -100
        whole = torch.where(chosen, batch["labels"], batch["input_ids"])
        special = torch.isin(whole, make.special)
        assert not (chosen & (special | (batch["attention_mask"] == 0))).any()
        hidden += int(chosen.sum())
        tokens += int((~special & (batch["attention_mask"] == 1)).sum())
        same += int((chosen & (batch["input_ids"] == batch["labels"])).sum())
        again = batch["rebuild_labels"] != -100
        assert (batch["rebuild_ids"][again] == model.tokenizer.mask_token_id).all()
        assert torch.equal(torch.where(again, batch["rebuild_labels"], batch["rebuild_ids"]), whole)
        for row, number in enumerate(make.epochs(step)):
            text, english = rows[number]
            read = whole[row][batch["attention_mask"][row] == 1].tolist()
            options = [(text, english), (english, text)] if english else [(text,)]
            made = [
                model.tokenizer(*o, truncation="longest_first", max_length=32)["input_ids"]
                for o in options
            ]
            assert read in made
            if english and made[0] != made[1]:
                orders.add(made.index(read))
    assert hidden / tokens == pytest.approx(0.4, abs=0.04)
    assert 0.05 < same / hidden < 0.2
    assert orders == {0, 1}


def test_a_text_alone_is_framed_as_such_beside_pairs(file: Path) -> None:
    parsed = load_recipe(file, ["batch_size=2", "rebuild=null", "ratio=0.001"])
    tokenizer = base_of(parsed).tokenizer
    batch = HiddenBatches(parsed, [(TEXTS[0], ""), (TEXTS[1], TEXTS[2])], tokenizer, 64)(0)
    whole = torch.where(batch["labels"] != -100, batch["labels"], batch["input_ids"])
    rows = [
        ids[mask == 1].tolist() for ids, mask in zip(whole, batch["attention_mask"], strict=True)
    ]
    assert tokenizer(TEXTS[0])["input_ids"] in rows


def test_the_loss_is_the_cross_entropy_of_the_hidden(file: Path) -> None:
    parsed = load_recipe(file, ["rebuild=null"])
    model = base_of(parsed).eval()
    adapter = MaskedEncoder(model, None, 0).eval()
    batch = HiddenBatches(parsed, read_rows(parsed.data), model.tokenizer, 32)(0)
    with torch.no_grad():
        inputs = {k: v for k, v in batch.items() if k != "labels"}
        states = model[0].auto_model(**inputs).last_hidden_state
        table = model[0].auto_model.get_input_embeddings().weight
        logits = adapter.norm(F.gelu(adapter.dense(states))) @ table.T
        due = F.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())
        torch.testing.assert_close(adapter(**batch)["loss"], due, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "modernbert"])
def test_the_decoder_writes_from_the_vector(family: str, texts: Path, model_folder: Folder) -> None:
    file = recipe("pretrain adapt", texts, model_folder, base=str(model_folder(family)))
    parsed = load_recipe(file, ["rebuild.ratio=1.0"])
    model = base_of(parsed).eval()
    adapter = MaskedEncoder(model, parsed.rebuild, 0).eval()
    batch = HiddenBatches(parsed, read_rows(parsed.data), model.tokenizer, 32)(1)
    features = model[0]({k: batch[k] for k in ("input_ids", "attention_mask")})
    vector = pooled(model, features).detach().requires_grad_()
    args = (batch["rebuild_ids"], batch["attention_mask"], batch["rebuild_labels"])
    adapter._rebuilt(vector, *args).backward()  # type: ignore[no-untyped-call]
    assert vector.grad is not None
    assert (vector.grad.abs().sum(1) > 0).all()
    plain = float(MaskedEncoder(model, None, 0).eval()(**batch)["loss"].detach())
    both = float(adapter(**batch)["loss"].detach())
    assert both > plain


def test_what_is_made_learnt_and_is_the_base_otherwise(file: Path, model_folder: Folder) -> None:
    changes = ["batch_size=8", "optim.steps=60", "optim.save_every=60", "optim.lr=3e-3"]
    changes += ["validation={every: 20, rows: 4}"]
    folder = train(file, changes)
    from lusifer.training.run_log import validated

    ((_, _, first, best, _),) = validated(folder.parent)
    assert best < first
    base, made = (SentenceTransformer(str(f), device="cpu") for f in (model_folder("bert"), folder))
    assert base.state_dict().keys() == made.state_dict().keys()
    vectors = made.encode(TEXTS[:4], normalize_embeddings=True)
    np.testing.assert_allclose(lusifer.load(folder).encode(TEXTS[:4]), vectors, atol=1e-5)
    assert np.abs(base.encode(TEXTS[:4], normalize_embeddings=True) - vectors).max() > 1e-3
    found = plan(file)["parameters"]
    assert found["total"] > sum(p.numel() for p in base.parameters())


def test_positions_are_the_paper_s() -> None:
    made = sinusoids(7, 5)
    assert made.shape == (7, 5)
    assert float(made[3, 2]) == pytest.approx(np.sin(3 / 10_000 ** (2 / 5)), abs=1e-6)
    assert float(made[3, 3]) == pytest.approx(np.cos(3 / 10_000 ** (2 / 5)), abs=1e-6)


def test_wrong_recipes_are_one_line(file: Path, model_folder: Folder, texts: Path) -> None:
    cases: list[tuple[list[str], Any, str]] = [
        (["ratio=1"], ConfigError, "ratio must be above 0 and below 1"),
        (["rebuild.ratio=0"], ConfigError, "rebuild.ratio is above 0"),
        (["data.sources=[]"], ConfigError, "at least one source"),
        (["data.sources.0.columns=[language, english]"], ConfigError, "needs a column named text"),
        ([f"base={model_folder('llama')}"], ModelError, "a decoder is adapted by method: mntp"),
    ]
    for changes, kind, said in cases:
        with pytest.raises(kind, match=said) as error:
            train(file, changes)
        assert "\n" not in str(error.value)
