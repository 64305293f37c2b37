"""The paper's first stage: what is masked, what is predicted, and by which head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import lusifer
from lusifer.errors import ModelError
from lusifer.training.run import load_recipe, train
from lusifer.training.stages import align
from tests.conftest import TEXTS
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


def test_a_decoder_made_here_is_aligned_to_and_finetuned(texts: Path, model_folder: Folder) -> None:
    """The paper's whole path, with a target that the project made itself."""
    made = train(recipe("pretrain causal", texts, model_folder, output=str(texts / "decoder")))
    changes = [f"bridge.target.base={made}"]
    first = train(recipe("align", texts, model_folder, output=str(texts / "one")), changes)
    last = train(
        recipe(
            "contrastive of a bridge",
            texts,
            model_folder,
            output=str(texts / "two"),
            base=str(first),
        ),
        changes,
    )
    assert lusifer.load(last).encode(TEXTS).shape == (16, 32)


def test_the_mask_is_on_what_the_encoder_reads_and_the_next_token_is_hidden(
    texts: Path, model_folder: Folder
) -> None:
    """Fault 1: the mask stood on the decoder's input, and the LM loss saw the next token."""
    parsed = load_recipe(recipe("align", texts, model_folder))
    bridge = align.Bridge.new(parsed.bridge)
    head = align.load_lm(parsed.bridge, bridge)
    rows = [(t, t, True) for t in TEXTS]
    batch = align.AlignBatches(
        parsed, rows, bridge, align.families.load_tokenizer(model_folder("llama"))
    )(0)
    mask_id = bridge.tokenizer.mask_token_id
    share = (
        (batch["input_ids"] == mask_id).sum()
        / (batch["attention_mask"].sum() - 2 * len(batch["input_ids"]))
    ).item()
    assert 0.3 < share < 0.7
    assert (batch["target_ids"] != mask_id).all()
    assert batch["attention_mask"].bool().any(1).all()
    model = align.Aligner(bridge, head).eval()
    taken: list[torch.Tensor] = []
    head.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0].detach().clone()))
    one = {k: v[:1] for k, v in batch.items()}
    last = int(one["target_mask"].sum()) - 1
    changed = {k: v.clone() for k, v in one.items()}
    changed["target_ids"][0, last] = 5
    with torch.no_grad():
        model(**one)
        model(**changed)
    assert torch.equal(*taken), "what predicts a token must not see it"
    other = {k: v.clone() for k, v in one.items()}
    other["input_ids"][0, 2] = 7
    with torch.no_grad():
        model(**other)
    assert not torch.equal(taken[0], taken[2]), "what the encoder reads must matter"


def test_the_alignment_loss_is_the_language_models_own(texts: Path, model_folder: Folder) -> None:
    """Against a plain loop: states, then tokens, through transformers' causal LM."""
    import transformers

    parsed = load_recipe(recipe("align", texts, model_folder, mask_ratio=0.0))
    bridge = align.Bridge.new(parsed.bridge)
    model = align.Aligner(bridge, align.load_lm(parsed.bridge, bridge)).eval()
    rows = [(t, t, True) for t in TEXTS]
    batch = align.AlignBatches(
        parsed, rows, bridge, align.families.load_tokenizer(model_folder("llama"))
    )(0)
    whole = transformers.AutoModelForCausalLM.from_pretrained(model_folder("llama"))
    losses, n = torch.zeros(()), 0
    with torch.no_grad():
        got = model(**batch)["loss"]
        for i in range(len(batch["input_ids"])):
            keep, wanted = (
                batch["attention_mask"][i].bool(),
                batch["target_ids"][i][batch["target_mask"][i].bool()],
            )
            states, _ = bridge.join(
                *bridge.encode_tokens(
                    batch["input_ids"][i][keep][None],
                    torch.ones(1, int(keep.sum()), dtype=torch.long),
                )
            )
            joined = torch.cat([states, whole.get_input_embeddings()(wanted)[None]], 1)
            logits = whole(inputs_embeds=joined).logits[0, states.shape[1] - 1 : -1]
            losses += torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")
            n += len(wanted)
    torch.testing.assert_close(got, losses / n, atol=1e-5, rtol=1e-5)


def test_align_refuses_a_backbone_without_its_head(
    texts: Path, model_folder: Folder, tmp_path: Path
) -> None:
    """transformers would give it a random head, and say so only in a warning."""
    import shutil

    import transformers

    shutil.copytree(model_folder("llama"), tmp_path / "backbone")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "backbone")
    config.tie_word_embeddings = False
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "backbone")
    with pytest.raises(ModelError, match="no LM head"):
        train(recipe("align", texts, model_folder), [f"bridge.target.base={tmp_path / 'backbone'}"])


def test_align_needs_a_target_that_writes(texts: Path, model_folder: Folder) -> None:
    with pytest.raises(ModelError, match="decoder target"):
        train(recipe("align", texts, model_folder), [f"bridge.target.base={model_folder('bert')}"])
