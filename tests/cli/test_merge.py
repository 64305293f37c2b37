"""`lusifer merge` as a user starts it: the arithmetic that was asked for, in a new folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import lusifer
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.training.assemble import assemble, save_model
from tests.cli.command import refused, run
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


def state(folder: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(folder / "model.safetensors"))


@pytest.fixture
def models(tmp_path: Path, model_folder: Folder) -> Path:
    """A folder with a `base`, and `a` and `b` that went different ways from it."""
    for number, name in enumerate(("base", "a", "b")):
        shutil.copytree(model_folder("bert"), tmp_path / name)
        rng = torch.Generator().manual_seed(number)
        moved = {
            key: value + 0.05 * number * torch.randn(value.shape, generator=rng)
            for key, value in state(tmp_path / name).items()
        }
        save_file(moved, tmp_path / name / "model.safetensors", {"format": "pt"})
    return tmp_path


def test_weights_are_taken_in_the_order_of_the_models(models: Path) -> None:
    done = run("merge", "a", "b", "--weights", "0.7, 0.3", "-o", "out", cwd=models)
    assert done.stdout == "wrote out: weights [0.7, 0.3]\n", done.stderr
    one, two, made = (state(models / name) for name in ("a", "b", "out"))
    for name, value in made.items():
        torch.testing.assert_close(value, 0.7 * one[name] + 0.3 * two[name])


def test_without_weights_all_count_alike(models: Path) -> None:
    assert run("merge", "a", "b", "base", "-o", "out", cwd=models).returncode == 0
    parts = [state(models / name) for name in ("a", "b", "base")]
    for name, value in state(models / "out").items():
        torch.testing.assert_close(value, sum(part[name] for part in parts) / 3)


def test_one_model_and_its_base_are_scaled_arithmetic(models: Path) -> None:
    asked = ("--method", "task-arithmetic", "--base", "base", "--scale", "0.5", "--weights", "1")
    assert run("merge", "a", *asked, "-o", "out", cwd=models).returncode == 0
    start, end = state(models / "base"), state(models / "a")
    for name, value in state(models / "out").items():
        torch.testing.assert_close(value, (start[name] + end[name]) / 2)


def test_a_probe_is_read_from_a_table_s_columns(models: Path) -> None:
    lines = [f"{i}\t{text[:12]}?\t{text}\n" for i, text in enumerate(TEXTS)]
    (models / "probe.tsv").write_text("".join(lines), encoding="utf-8")
    asked = ("--method", "self-positioning", "--base", "base", "--probe", "probe.tsv")
    more = ("--columns", "id,query,document", "--steps", "2")
    done = run("merge", "a", "b", *asked, *more, "-o", "out", cwd=models)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote out: weights [")
    assert " loss [" in done.stdout
    assert lusifer.load(models / "out").encode(["चाय"]).shape == (1, 32)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--weights", "0,7;0,3"), "--weights is '0,7;0,3'; write numbers with commas between"),
        (("--weights", "nan,1"), "weights is (nan, 1.0); it must be a finite number"),
        (("--weights", "0.7,0.7"), "the weights of linear sum to 1.4"),
    ],
)
def test_weights_that_mean_nothing_are_refused(
    options: tuple[str, ...], said: str, models: Path
) -> None:
    assert said in refused("merge", "a", "b", *options, "-o", "out", cwd=models)
    assert not (models / "out").exists()


def test_a_bridge_becomes_a_model_of_its_own(tmp_path: Path, model_folder: Folder) -> None:
    config = BridgeConfig(
        Part(str(model_folder("bert"))), Part(str(model_folder("bert"))), max_tokens=64
    )
    save_model(assemble(Bridge.new(config)), tmp_path / "bridge")
    done = run("merge", "bridge", "--into", "alone", cwd=tmp_path)
    assert done.stdout.strip() == "wrote alone", done.stderr
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "alone").encode(TEXTS),
        lusifer.load(tmp_path / "bridge").encode(TEXTS),
        atol=1e-5,
    )
