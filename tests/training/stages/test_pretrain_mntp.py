"""Masked next-token prediction: each hidden token is named by the state before it, in both
directions' sight; what is made attends both ways wherever it is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError, ModelError
from lusifer.models import causal_lm, families
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages.pretrain_mntp import HiddenTokens, MaskedNextToken, adapted
from tests.conftest import TEXTS
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    lines = "".join(f"eng_Latn\t{text}\n" for text in TEXTS)
    (tmp_path / "texts.tsv").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("ratio", [0.01, 0.2, 0.9])
def test_a_share_is_hidden_at_least_one_and_never_what_no_state_precedes(
    ratio: float, texts: Path, model_folder: Folder
) -> None:
    parsed = load_recipe(recipe("pretrain mntp", texts, model_folder), [f"ratio={ratio}"])
    tokenizer = families.load_tokenizer(model_folder("llama"))
    make = HiddenTokens(parsed, TEXTS, tokenizer)
    hidden = tokens = 0
    for step in range(20):
        batch = make(step)
        ids, mask, labels = batch["input_ids"], batch["attention_mask"], batch["labels"]
        chosen = labels != -100
        assert chosen.any(1).all()
        assert not chosen[:, 0].any()
        assert (mask[chosen] == 1).all()
        assert (ids[chosen] == make.mask).all()
        assert not torch.isin(labels[chosen], make.special).any()
        whole = torch.where(chosen, labels, ids)
        for row, number in enumerate(make.epochs(step)):
            assert whole[row][mask[row] == 1].tolist() == tokenizer(TEXTS[number])["input_ids"]
        hidden += int(chosen.sum())
        tokens += int((mask.bool() & ~torch.isin(whole, make.special)).sum())
    assert hidden / tokens == pytest.approx(ratio, abs=0.05)
    assert torch.equal(make(3)["input_ids"], make(3)["input_ids"])


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma2", "gemma3_text"])
def test_the_loss_is_the_library_s_over_all_positions(
    family: str, texts: Path, model_folder: Folder
) -> None:
    parsed = load_recipe(recipe("pretrain mntp", texts, model_folder))
    model = causal_lm(model_folder(family)).eval()
    batch = HiddenTokens(parsed, TEXTS, families.load_tokenizer(model_folder(family)))(0)
    ours = MaskedNextToken(model)
    with torch.no_grad():
        logits = model(batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        due = F.cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten())
        torch.testing.assert_close(ours(**batch)["loss"], due, rtol=1e-4, atol=1e-4)
        # A token behind the hidden one tells of it, as no causal model could know.
        other = dict(batch)
        last = batch["attention_mask"].sum(1).long() - 2
        other["input_ids"] = batch["input_ids"].clone()
        other["input_ids"][torch.arange(len(last)), last] = make_other(batch["input_ids"], last)
        early = batch["labels"].clone()
        early[torch.arange(early.shape[1])[None] >= last[:, None]] = -100
        kept = (early != -100).any(1)
        assert kept.any()
        a, b = (
            ours(**{k: v[kept] for k, v in (x | {"labels": early}).items()})["loss"]
            for x in (batch, other)
        )
        assert abs(float(a) - float(b)) > 1e-5


def make_other(ids: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Another word in the place of each row's."""
    return (ids[torch.arange(len(at)), at] + 7) % 90 + 10


@pytest.mark.parametrize("lora", ["{rank: 8, alpha: 16, dropout: 0.0}", "null"])
def test_what_is_made_learnt_and_attends_both_ways_anywhere(
    lora: str, texts: Path, model_folder: Folder
) -> None:
    file = recipe("pretrain mntp", texts, model_folder)
    changes = [f"lora={lora}", "batch_size=16", "optim.steps=80", "optim.save_every=80"]
    parsed = load_recipe(file, changes)
    folder = train(file, changes)
    tokenizer = families.load_tokenizer(folder)
    batch = HiddenTokens(parsed, TEXTS, tokenizer)(3)
    with torch.no_grad():
        before, after = (
            float(MaskedNextToken(causal_lm(f).eval())(**batch)["loss"])
            for f in (model_folder("llama"), folder)
        )
    assert after < before - 0.5
    plain = SentenceTransformer(str(folder), device="cpu")
    one, other = (plain[0](plain.preprocess([t])) for t in ("the market", "the harbour"))
    assert not torch.allclose(one["token_embeddings"][0, 0], other["token_embeddings"][0, 0])
    vectors = plain.encode(TEXTS[:4], normalize_embeddings=True)
    np.testing.assert_allclose(lusifer.load(folder).encode(TEXTS[:4]), vectors, atol=1e-5)
    assert (
        plan(file, changes)["parameters"]["total"]
        == adapted(causal_lm(folder), parsed).num_parameters()
    )


def test_wrong_recipes_are_one_line(texts: Path, model_folder: Folder) -> None:
    file = recipe("pretrain mntp", texts, model_folder)
    for changes, said in (
        (["ratio=0"], "ratio must be above 0 and below 1"),
        (["ratio=1"], "ratio must be above 0 and below 1"),
        (["mask=''"], "which the tokenizer has no token for"),
    ):
        with pytest.raises(ConfigError, match=said):
            train(file, changes)
    with pytest.raises(ModelError, match="a language model is wanted"):
        train(file, [f"base={model_folder('bert')}"])
