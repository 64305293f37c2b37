"""What the target's inputs look like: means of its own token embeddings, kept, and the loss against
them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from lusifer.models import Bridge, BridgeConfig, Part
from lusifer.training import inputs
from lusifer.training.inputs import InputLoss, mean_inputs
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
MIXED = [*TEXTS[:5], "Der Markt ist alt.", "駅", " ".join(TEXTS)]


@pytest.fixture
def bridge(model_folder: Folder) -> Bridge:
    parts = Part(str(model_folder("xlm-roberta"))), Part(str(model_folder("bert")))
    return Bridge.new(BridgeConfig(*parts, max_tokens=64))


def test_a_text_s_mean_is_the_plain_one_in_every_block(
    bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "BLOCK", 3)
    found = mean_inputs(bridge, MIXED, tmp_path, 16)
    folder = bridge.config.target.base
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    table = transformers.AutoModel.from_pretrained(folder).get_input_embeddings().weight.detach()
    for row, text in zip(found, MIXED, strict=True):
        ids = tokenizer(text, truncation=True, max_length=16)["input_ids"]
        np.testing.assert_allclose(row, table[ids].mean(0), atol=2e-3)


def test_means_are_made_once_and_of_these_texts(bridge: Bridge, tmp_path: Path) -> None:
    first = mean_inputs(bridge, TEXTS[:4], tmp_path, 16)
    (file,) = tmp_path.glob("inputs-*.npy")
    before = file.stat().st_mtime_ns
    np.testing.assert_array_equal(mean_inputs(bridge, TEXTS[:4], tmp_path, 16), first)
    assert file.stat().st_mtime_ns == before
    mean_inputs(bridge, TEXTS[:4][::-1], tmp_path, 16)
    mean_inputs(bridge, TEXTS[:4], tmp_path, 8)
    assert len(list(tmp_path.glob("inputs-*.npy"))) == 3


def test_the_loss_reaches_the_connector_and_not_the_target(bridge: Bridge, tmp_path: Path) -> None:
    bridge.set_trainable()
    means = mean_inputs(bridge, TEXTS, tmp_path, 32)
    loss = InputLoss(bridge, means)
    batch = bridge.preprocess(TEXTS)
    label = {"teacher": torch.from_numpy(np.array(means, dtype=np.float32))}
    found = loss(batch["input_ids"], batch["attention_mask"], label)["loss"]
    found.backward()
    moved = {name.split(".")[0] for name, p in bridge.named_parameters() if p.grad is not None}
    assert moved == {"connector"}
    assert torch.isfinite(found)
    torch.testing.assert_close(loss.centre, label["teacher"].mean(0))
