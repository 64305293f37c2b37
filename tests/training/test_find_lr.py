"""The learning-rate range test: it finds a rate that trains, and leaves no trace but what is prepared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lusifer.errors import ConfigError
from lusifer.training.find_lr import find_lr
from lusifer.training.run import train
from lusifer.training.run_log import read_log
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.mark.parametrize("stage", ["distill bridge", "contrastive", "distill vectors", "align"])
def test_a_rate_is_found_between_the_ends(stage: str, texts: Path, model_folder: Folder) -> None:
    found = find_lr(recipe(stage, texts, model_folder), steps=30)
    assert len(found.rates) == len(found.losses)
    assert list(found.rates) == sorted(found.rates)
    assert 1e-8 < found.suggested <= 0.1
    out = texts / "out"
    assert not (out / "log.jsonl").exists()
    assert not list(out.rglob("checkpoint-*"))
    assert not (out / "recipe.yaml").exists()
    # The run itself, with the rate that was found, goes on in the same folder.
    rate = f"optim.lr={found.suggested}"
    assert train(recipe(stage, texts, model_folder), [rate]).is_dir()


def test_what_it_finds_trains_better_than_a_thousandth_of_it(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("distill bridge", texts, model_folder)
    few = ["optim.steps=25", "optim.save_every=25", "optim.warmup=0", "batch_size=16"]
    found = find_lr(file, [*few, f"output={texts / 'found'}"], steps=40)
    last = []
    for number, rate in enumerate((found.suggested, found.suggested / 1000)):
        train(file, [*few, f"optim.lr={rate}", f"output={texts / str(number)}"])
        last.append(read_log(texts / str(number) / "log.jsonl")[-1]["loss"])
    assert last[0] < 0.9 * last[1]


def test_a_recipe_of_several_rates_is_refused(texts: Path, model_folder: Folder) -> None:
    with pytest.raises(ConfigError, match="has no one rate to find"):
        find_lr(recipe("static table", texts, model_folder))
