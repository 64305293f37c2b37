"""The optimiser's settings: what they count, what they refuse, and what a machine lacks for them."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
import torch
import transformers

from lusifer.errors import ConfigError, MissingExtra
from lusifer.training import optim as module
from lusifer.training.optim import OPTIMIZERS, Optim, check_optimizer, use_bf16


def test_accumulated_batches_are_read_beside_each_other() -> None:
    assert Optim(steps=7).batches == 7
    assert Optim(steps=7, accumulate=3).batches == 21


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"accumulate": 0}, "accumulate must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"warmup": 1.5}, "from 0 to 1"),
        ({"warmup": -0.1}, "from 0 to 1"),
        ({"warmup": float("nan")}, "from 0 to 1"),
        ({"lr": 0.0}, "lr must be above 0"),
        ({"lr": -1e-4}, "lr must be above 0"),
    ],
)
def test_a_setting_that_trains_nothing_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^optim.{said}|{said}"):
        Optim(**wrong)


def test_every_optimizer_and_schedule_is_one_of_transformers() -> None:
    hints = get_type_hints(Optim)
    assert set(get_args(hints["optimizer"])) == set(OPTIMIZERS)
    for name in OPTIMIZERS.values():
        assert transformers.training_args.OptimizerNames(name).value == name
    for name in get_args(hints["schedule"]):
        assert transformers.trainer_utils.SchedulerType(name).value == name


def test_a_precision_that_is_named_is_taken() -> None:
    assert use_bf16("bf16")
    assert not use_bf16("fp32")
    assert use_bf16("auto") in (True, False)


def test_states_of_8_bits_want_their_package_and_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Optim(optimizer="adamw_8bit")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"lusifer\[train8bit\]"):
        check_optimizer(wanted)
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="wants a GPU; take adamw or adafactor"):
        check_optimizer(wanted)
    for name in ("adamw", "adafactor"):
        check_optimizer(Optim(optimizer=name))
