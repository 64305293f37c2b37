"""Checkpoints hold what is trained alone, and put it back to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformerTrainingArguments

import lusifer
from lusifer.models import TRAINED, Bridge, BridgeConfig, Lora, Part
from lusifer.training.adapters import add_lora
from lusifer.training.assemble import assemble
from lusifer.training.loop import StepBatches, arguments
from lusifer.training.losses.contrastive import ContrastiveLoss
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.optim import Optim
from lusifer.training.trainers import BridgeSentenceTrainer, PartSentenceTrainer, SentenceTrainer
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def trainer(kind: type[SentenceTrainer], model: Any, folder: Path) -> Any:
    def batch(step: int) -> dict[str, Any]:
        parts = {"query": TEXTS[:4], "document": TEXTS[4:8]}
        made = {name: model.preprocess(list(texts)) for name, texts in parts.items()}
        keys = ("input_ids", "attention_mask")
        return {f"{name}_{key}": made[name][key] for name in made for key in keys}

    optim = Optim(steps=2, save_every=2, workers=0, precision="fp32", lr=1e-2)
    return kind(
        model=model,
        args=arguments(optim, folder, 0, SentenceTransformerTrainingArguments),
        train_dataset=StepBatches(optim.batches, batch),
        loss=ContrastiveLoss(model, [InfoNCE(temperature=0.1, mask=None)]),
    )


def lora(model_folder: Folder) -> Any:
    model = lusifer.sentence_transformer(model_folder("bert"))
    torch.manual_seed(1)
    add_lora(model, Lora(rank=2))
    return model


def bridge(model_folder: Folder) -> Any:
    encoder, target = (Part(str(model_folder(name))) for name in ("xlm-roberta", "bert"))
    made = Bridge.new(BridgeConfig(encoder, target, max_tokens=64))
    made.set_trainable()
    return assemble(made, "cpu")


@pytest.mark.parametrize(
    ("kind", "make"), [(PartSentenceTrainer, lora), (BridgeSentenceTrainer, bridge)]
)
def test_a_checkpoint_holds_what_is_trained_and_puts_it_back(
    kind: type[SentenceTrainer], make: Callable[[Folder], Any], model_folder: Folder, tmp_path: Path
) -> None:
    model = make(model_folder)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    trainer(kind, model, tmp_path).train()
    (file,) = tmp_path.glob(f"checkpoint-2/**/{TRAINED}")
    assert len(load_file(file)) == len(trained)
    fresh = make(model_folder)
    other = trainer(kind, fresh, tmp_path / "again")
    other._load_from_checkpoint(str(file.parent))
    after = dict(fresh.named_parameters())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, after[name]), name
