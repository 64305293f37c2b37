"""A checkpoint of what is trained alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lusifer.errors import LusiferError
from lusifer.training.trained import read_trained, trained, write_trained


def test_what_is_trained_is_written_and_read_back_alone(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 2))
    model[0].requires_grad_(False)
    assert set(trained(model)) == {"1.weight", "1.bias"}
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    write_trained(trained(model), tmp_path / "at", write=True)
    for parameter in model.parameters():
        parameter.data.zero_()
    read_trained(trained(model), tmp_path / "at")
    for name, parameter in model.named_parameters():
        wanted = start[name] if name.startswith("1.") else torch.zeros_like(parameter)
        assert torch.equal(parameter, wanted)


def test_a_process_that_does_not_write_leaves_nothing(tmp_path: Path) -> None:
    write_trained(trained(torch.nn.Linear(3, 2)), tmp_path / "at", write=False)
    assert not (tmp_path / "at").exists()


def test_another_recipe_s_checkpoint_is_refused_by_the_first_tensor_that_does_not_fit(
    tmp_path: Path,
) -> None:
    layer = torch.nn.Linear(3, 2)
    write_trained({"weight": layer.weight}, tmp_path, write=True)
    with pytest.raises(LusiferError, match=r"lacks tensor 'bias' \(and 0 more\)"):
        read_trained(trained(layer), tmp_path)
    write_trained(trained(layer) | {"scale": torch.ones(1)}, tmp_path, write=True)
    with pytest.raises(LusiferError, match=r"has an unexpected tensor 'scale'"):
        read_trained(trained(layer), tmp_path)
