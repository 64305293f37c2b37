"""Two processes train the model of one, weights spread or not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import lusifer
from lusifer.models import families, sentence_transformer
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.training.distributed import shard, spread_in_blocks
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.run_log import read_log
from tests.conftest import TEXTS
from tests.training.processes import together
from tests.training.recipes import recipe, weights
from tests.training.stages.test_distill_bridge import two_processes

Folder = Callable[[str], Path]


FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_VERSION": "2",
}  # as accelerate's launcher sets


@pytest.mark.parametrize(
    ("stage", "way"),
    [
        *(
            (stage, way)
            for stage in ("distill bridge", "contrastive", "pretrain masked")
            for way in ("DDP", "FSDP")
        ),
        ("contrastive of a bridge", "FSDP"),
        ("align", "FSDP"),
        ("distill parallel", "FSDP"),
        ("static table", "DDP"),
        ("static context", "DDP"),
    ],
)
def test_two_processes_train_the_model_of_one(
    stage: str, way: str, texts: Path, model_folder: Folder
) -> None:
    """The same recipe, the same global batch, the same model to rounding, whether frozen weights
    are spread or not.
    """
    # no dropout: its masks differ from process to process
    still = f"bridge.encoder.base={model_folder('modernbert')}"
    changes = {
        "pretrain masked": [],
        "static table": [],
        "static context": [],
        "distill parallel": ["optim.lr=1e-4"],
        "contrastive": [f"base={model_folder('modernbert')}", "optim.lr=1e-4"],
        "distill bridge": [
            still,
            "optim.lr=1e-4",
            "bridge.encoder.lora.dropout=0",
            "token_dropout=0",
        ],
    }.get(stage, [still, "optim.lr=1e-4", "bridge.encoder.lora.dropout=0"])
    file = recipe(stage, texts, model_folder)
    one = train(file, [*changes, f"output={texts / 'one'}"])
    said = two_processes(
        file, [*changes, f"output={texts / 'two'}"], **(FSDP if way == "FSDP" else {})
    )
    assert ("each process keeps" in said) == (way == "FSDP")
    logs: dict[str, list[list[tuple[float, float]]]] = {"one": [], "two": []}
    for run, phases in logs.items():
        for state in sorted((texts / run).rglob("checkpoint-6/trainer_state.json")):
            history = json.loads(state.read_text(encoding="utf-8"))["log_history"]
            phases.append([(e["loss"], e["grad_norm"]) for e in history if "loss" in e])
    assert logs["one"]
    assert all(len(phase) == 6 for phase in logs["one"])
    np.testing.assert_allclose(logs["two"], logs["one"], rtol=2e-3)
    vectors = [lusifer.load(texts / run / one.name).encode(TEXTS) for run in ("one", "two")]
    # A pretrained table is saved in bfloat16: a sum on the edge between two values falls to either
    # side, one step away.
    # So does an int8 table, with a longer step.
    np.testing.assert_allclose(
        vectors[1],
        vectors[0],
        atol=4e-3 if stage == "static table" else 1e-3,
        rtol=2**-7 if stage == "pretrain masked" else 0,
    )


@pytest.mark.parametrize("trained", ["adapters", "parts", "whole"])
def test_a_run_with_weights_spread_goes_on_where_it_was(
    trained: str, texts: Path, model_folder: Folder
) -> None:
    """Of a bridge with adapters, of one whose parts learn, and of an encoder: the same model as in one go,
    on one process too.
    """
    bridge = trained != "whole"
    file = recipe("contrastive of a bridge" if bridge else "contrastive", texts, model_folder)
    base = model_folder("modernbert")
    changes = ["optim.lr=1e-4", f"bridge.encoder.base={base}" if bridge else f"base={base}"]
    if trained == "adapters":
        changes += ["optim.gradient_checkpointing=true", "bridge.encoder.lora.dropout=0"]
    elif trained == "parts":
        changes += ["bridge.encoder.train=full", "bridge.target.train=full"]
    else:
        changes += ["optim.average=2"]
    said = two_processes(file, changes, **FSDP)
    kind = "frozen" if trained == "adapters" else "trained"
    kept, whole = re.search(rf"each process keeps (\d+) of (\d+) {kind} weights", said).groups()  # type: ignore[union-attr]
    assert int(kept) == pytest.approx(int(whole) / 2, rel=0.02)
    before = lusifer.load(texts / "out" / "model").encode(TEXTS)
    for go_on, near in (
        (lambda: two_processes(file, changes, **FSDP), 1e-6),
        (lambda: train(file, changes), 1e-3),
    ):
        shutil.rmtree(texts / "out" / "model")
        shutil.rmtree(texts / "out" / "contrastive" / "checkpoint-6")
        go_on()
        np.testing.assert_allclose(
            lusifer.load(texts / "out" / "model").encode(TEXTS), before, atol=near
        )


LORA = "lora={rank: 4, alpha: 8, dropout: 0.0}"


@pytest.mark.parametrize("stage", ["contrastive", "rerank", "pretrain mntp"])
def test_adapters_are_trained_beside_frozen_weights_that_are_spread(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    """Of any model: what two processes make, with its frozen weights spread, is what one makes."""
    base = model_folder("llama" if stage == "pretrain mntp" else "modernbert")
    changes = [f"base={base}", LORA, "optim.lr=1e-3"]
    changes += ["matryoshka=[]"] if stage == "contrastive" else []
    file = recipe(stage, texts, model_folder)
    one = train(file, [*changes, f"output={texts / 'one'}"])
    said = two_processes(file, [*changes, f"output={texts / 'two'}"], **FSDP)
    kept, whole = re.search(r"each process keeps (\d+) of (\d+) frozen weights", said).groups()  # type: ignore[union-attr]
    assert int(kept) == pytest.approx(int(whole) / 2, rel=0.05)
    alone, spread = weights(one), weights(texts / "two" / one.name)
    assert alone.keys() == spread.keys()
    files = [next(f.rglob("*.safetensors")) for f in (one, texts / "two" / one.name, base)]
    a, b, start = (load_file(f) for f in files)
    start |= {f"model.{name}": value for name, value in start.items()}
    moved = [k for k in a if k in start and not torch.equal(a[k], start[k])]
    assert moved
    # A softmax over candidates leaves the head's bias free: its gradient is rounding alone.
    for name in a.keys() - {"classifier.bias"}:
        torch.testing.assert_close(a[name], b[name], rtol=2e-2, atol=2e-4)


def spread_and_run(encoder: str, target: str) -> None:
    torch.distributed.init_process_group("gloo")
    bridge = Bridge.new(BridgeConfig(Part(encoder, "lora"), Part(target), max_tokens=64))
    shard(bridge.encoder, bridge.target)
    ids = torch.randint(5, 60, (2, 9))
    bridge({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    frozen = [
        parameter
        for model in (bridge.encoder, bridge.target)
        for block in families.blocks(model)
        for name, parameter in block.named_parameters()
        if "lora_" not in name
    ]
    assert frozen
    assert all(hasattr(parameter, "to_local") for parameter in frozen)
    torch.distributed.barrier()  # a process that ends first may abort the other
    torch.distributed.destroy_process_group()


def test_a_spread_block_is_whole_only_while_it_works(tmp_path: Path, model_folder: Folder) -> None:
    together(
        spread_and_run,
        str(model_folder("modernbert")),
        str(model_folder("llama")),
        errors=tmp_path,
        LUSIFER_USE_FSDP="true",
    )


@pytest.mark.parametrize("stage", ["align", "contrastive"])
def test_a_dry_run_counts_the_weights_that_other_processes_keep(
    stage: str, texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of two processes' weights, and of the gradients and moments of those that learn."""
    file = recipe(stage, texts, model_folder)
    monkeypatch.setenv("WORLD_SIZE", "2")
    alone = plan(file)["memory_bytes"]
    monkeypatch.setenv("LUSIFER_USE_FSDP", "true")
    spread = plan(file)["memory_bytes"]
    if stage == "align":
        bridge = Bridge.new(load_recipe(file).bridge)
        frozen = spread_in_blocks(bridge.encoder)[0] + spread_in_blocks(bridge.target)[0]
        assert alone - spread == pytest.approx(2 * frozen, abs=4)
    else:
        model = sentence_transformer(load_recipe(file).base)
        frozen, trained = spread_in_blocks(model)
        assert not frozen
        assert trained
        assert alone - spread == pytest.approx(8 * trained, abs=16)


@pytest.mark.parametrize("stage", ["contrastive", "distill bridge", "rerank"])
def test_two_processes_validate_and_ship_as_one(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    """The same figures, the same best step, the same end by patience, the same weights to rounding."""
    still = model_folder("modernbert")
    changes = [
        "batch_size=4",
        "optim.steps=8",
        "optim.lr=3e-3",
        "optim.schedule=constant_with_warmup",
        "validation={every: 1, rows: 4, patience: 4}",
    ]
    if stage == "distill bridge":
        changes += [
            f"bridge.encoder.base={still}",
            "bridge.encoder.train=frozen",
            "token_dropout=0",
            "code_switch=null",
        ]
    else:
        changes.append(f"base={still}")
    if stage == "rerank":
        changes.append("lora={rank: 4, dropout: 0}")
    file = recipe(stage, texts, model_folder)
    one = train(file, [*changes, f"output={texts / 'one'}"])
    ways = FSDP if stage == "contrastive" else {}
    two_processes(file, [*changes, f"output={texts / 'two'}"], **ways)
    found = []
    for run in ("one", "two"):
        lines = read_log(texts / run / "log.jsonl")
        figures = [(n["step"], n["validation_loss"]) for n in lines if "validation_loss" in n]
        found.append(figures)
    assert [step for step, _ in found[0]] == [step for step, _ in found[1]]
    np.testing.assert_allclose([v for _, v in found[1]], [v for _, v in found[0]], rtol=5e-3)
    first, second = weights(one), weights(texts / "two" / "model")
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        if tensor.is_floating_point():
            np.testing.assert_allclose(second[name], tensor, atol=2e-2, err_msg=name)
