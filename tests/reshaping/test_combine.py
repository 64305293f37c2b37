"""Combining weights is the arithmetic that it says, and self-positioning finds the model that a
probe set asks for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import LusiferError, ModelError
from lusifer.reshaping.combine import METHODS, Combining, combine, slerp
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def state(folder: Path) -> dict[str, Any]:
    return dict(load_file(folder / "model.safetensors"))


@pytest.fixture
def models(tmp_path: Path, model_folder: Folder) -> tuple[Path, Path, Path]:
    """A base and two that went different ways from it."""
    base = model_folder("bert")
    made = []
    for seed in (1, 2):
        folder = tmp_path / f"tuned-{seed}"
        shutil.copytree(base, folder)
        rng = torch.Generator().manual_seed(seed)
        save_file(
            {k: v + 0.05 * torch.randn(v.shape, generator=rng) for k, v in state(base).items()},
            folder / "model.safetensors",
            {"format": "pt"},
        )
        made.append(folder)
    return base, made[0], made[1]


def test_linear_and_task_arithmetic_are_sums(
    models: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    base, a, b = models
    combine([a, b], tmp_path / "linear", Combining("linear", (0.7, 0.3)))
    combine(
        [a, b], tmp_path / "task", Combining("task-arithmetic", (0.5, 1.0), scale=0.8), base=base
    )
    zero, one, two = state(base), state(a), state(b)
    linear, task = state(tmp_path / "linear"), state(tmp_path / "task")
    for name in zero:
        torch.testing.assert_close(linear[name], 0.7 * one[name] + 0.3 * two[name])
        torch.testing.assert_close(
            task[name],
            zero[name] + 0.8 * (0.5 * (one[name] - zero[name]) + (two[name] - zero[name])),
        )
    about = yaml.safe_load((tmp_path / "task" / "merge.yaml").read_text(encoding="utf-8"))
    assert (about["method"], about["weights"], about["scale"]) == (
        "task-arithmetic",
        [0.5, 1.0],
        0.8,
    )
    ours, plain = (
        lusifer.load(tmp_path / "linear"),
        SentenceTransformer(str(tmp_path / "linear"), device="cpu"),
    )
    np.testing.assert_allclose(
        ours.encode(TEXTS), plain.encode(TEXTS, normalize_embeddings=True), atol=1e-5
    )


def test_even_weights_of_a_model_with_itself_are_that_model(
    models: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    base, a, _ = models
    for method in ("linear", "slerp"):
        combine([a, a], tmp_path / method, Combining(method))  # type: ignore[arg-type]
        np.testing.assert_allclose(
            lusifer.load(tmp_path / method).encode(TEXTS), lusifer.load(a).encode(TEXTS), atol=1e-6
        )
    combine([a], tmp_path / "one", Combining("task-arithmetic"), base=base)
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "one").encode(TEXTS), lusifer.load(a).encode(TEXTS), atol=1e-5
    )


def test_slerp_keeps_to_the_arc() -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    half = slerp({"w": a, "n": torch.tensor(3)}, {"w": b, "n": torch.tensor(3)}, 0.5)
    torch.testing.assert_close(half["w"], torch.tensor([0.5**0.5, 0.5**0.5]))
    assert half["n"] == 3
    for share, end in ((0.0, a), (1.0, b)):
        torch.testing.assert_close(slerp({"w": a}, {"w": b}, share)["w"], end)


def test_self_positioning_goes_to_the_model_that_knows_the_probe(
    model_folder: Folder, tmp_path: Path
) -> None:
    """One model is the base moved by what makes it good at the probe, the other by noise."""
    base = model_folder("bert")
    pairs = [(f"{TEXTS[i - 3]}?", text) for i, text in enumerate(TEXTS)]
    model = SentenceTransformer(str(base), device="cpu")
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(60):
        x, y = (
            model(model.preprocess([p[side] for p in pairs]))["sentence_embedding"]
            for side in (0, 1)
        )
        scores = (
            torch.nn.functional.normalize(x, dim=-1)
            @ torch.nn.functional.normalize(y, dim=-1).T
            / 0.05
        )
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(pairs)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.save(str(tmp_path / "good"))
    noise = tmp_path / "noise"
    shutil.copytree(tmp_path / "good", noise)
    rng = torch.Generator().manual_seed(0)
    save_file(
        {k: v + 0.1 * torch.randn(v.shape, generator=rng) for k, v in state(base).items()},
        noise / "model.safetensors",
        {"format": "pt"},
    )
    told: list[float] = []
    found = combine(
        [noise, tmp_path / "good"], tmp_path / "out", Combining("self-positioning", scale=0.5, steps=60, batch_size=16, lr=0.1),
        base=base, probe=pairs, tell=lambda step, loss: told.append(loss),
    )  # fmt: skip
    assert found["weights"][1] > 0.8
    assert found["scale"] > 0.6
    assert found["loss"][1] < found["loss"][0] / 2
    assert len(told) == 60


def test_what_does_not_go_together_is_one_line(
    models: tuple[Path, Path, Path], tmp_path: Path, model_folder: Folder
) -> None:
    base, a, b = models
    out = tmp_path / "out"
    for given, settings, more, said in (
        ([a], Combining("linear"), {}, "two models or more"),
        ([a, b, a], Combining("slerp"), {}, "3 are named"),
        ([a, b], Combining("linear", (1.0,)), {}, "2 weights, one a model; 1 are given"),
        ([a, b], Combining("slerp", (1.0, 2.0)), {}, "the second's share"),
        ([a, b], Combining("task-arithmetic"), {}, "wants the base"),
        ([a, b], Combining("self-positioning"), {"base": base}, "probe set"),
    ):
        with pytest.raises(LusiferError, match=said):
            combine(given, out, settings, **more)
    with pytest.raises(ModelError, match="is not of"):
        combine([a, model_folder("modernbert")], out)
    other = tmp_path / "other"
    shutil.copytree(a, other)
    words = json.loads((other / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = words["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    (other / "tokenizer.json").write_text(json.dumps(words), encoding="utf-8")
    with pytest.raises(ModelError, match="another vocabulary"):
        combine([a, other], out)
    with pytest.raises(LusiferError, match="must be one of " + ", ".join(METHODS)):
        Combining("average")  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="temperature"):
        Combining(temperature=0)
    assert not out.exists()
    out.mkdir()
    with pytest.raises(LusiferError, match="exists already"):
        combine([a, b], out)
