"""A bridge's target that reads texts by itself: its own model's states, its weights held once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers

from lusifer.models import families
from lusifer.models.bridge.target_reader import TargetReader
from tests.conftest import TEXTS
from tests.models.bridge.test_module import make

Folder = Callable[[str], Path]
SAID = [*TEXTS[:3], "駅はどこ", "", "Größe " * 60]


@pytest.mark.parametrize(
    ("target", "train"), [("bert", "frozen"), ("modernbert", "frozen"), ("bert", "lora")]
)
def test_states_are_those_of_the_target_by_itself(
    target: str, train: str, model_folder: Folder
) -> None:
    bridge = make(model_folder, "xlm-roberta", target, train)[0]
    tokenizer = families.load_tokenizer(model_folder(target))
    reader = TargetReader(bridge, tokenizer, 20).eval()
    batch = tokenizer(
        [f"Q: {text}" for text in SAID], padding=True, truncation=True, max_length=20, return_tensors="pt"
    )  # fmt: skip
    features = reader.preprocess(SAID, prompt="Q: ")
    assert torch.equal(features["input_ids"], batch["input_ids"])
    assert torch.equal(features["attention_mask"], batch["attention_mask"])
    assert features["input_ids"].shape == (len(SAID), 20)
    with torch.no_grad():
        found = reader(features)["token_embeddings"]
        if train == "frozen":
            own = transformers.AutoModel.from_pretrained(model_folder(target)).eval()
            due = own(**{k: batch[k] for k in ("input_ids", "attention_mask")}).last_hidden_state
            real = batch["attention_mask"].bool()
            torch.testing.assert_close(found[real], due[real], atol=1e-4, rtol=1e-3)
    assert (found.dtype, found.shape[-1]) == (torch.float32, reader.get_embedding_dimension())


def test_its_weights_are_the_bridge_s_and_a_bridge_is_what_is_saved(
    model_folder: Folder, tmp_path: Path
) -> None:
    bridge = make(model_folder, "bert", "llama", "frozen")[0]
    reader = TargetReader(bridge, families.load_tokenizer(model_folder("llama")), 20)
    own = {parameter.data_ptr() for parameter in bridge.target.parameters()}
    assert {parameter.data_ptr() for parameter in reader.parameters()} == own
    with pytest.raises(TypeError, match="is saved with its bridge"):
        reader.save(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_half_precision_states_come_out_as_float32(model_folder: Folder) -> None:
    bridge = make(model_folder, "bert", "llama", "frozen")[0]
    bridge.target.to(torch.bfloat16)
    reader = TargetReader(bridge, families.load_tokenizer(model_folder("llama")), 20)
    assert reader(reader.preprocess(TEXTS[:2]))["token_embeddings"].dtype == torch.float32
