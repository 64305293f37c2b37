"""Weights that are spread over two processes: put together, put back and made whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from lusifer.models import sentence_transformer
from lusifer.training.distributed import shard
from lusifer.training.spread import (
    is_spread,
    learns_spread,
    make_whole,
    own_part,
    put_back,
    put_together,
)
from tests.conftest import TEXTS
from tests.training.processes import together

Folder = Callable[[str], Path]


def there_and_back(folder: str) -> None:
    """In each of two processes."""
    torch.distributed.init_process_group("gloo")
    first = torch.distributed.get_rank() == 0
    model = sentence_transformer(folder, device="cpu")
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    before = model.encode(TEXTS)
    shard(model)
    assert learns_spread(model)
    places = dict(model.named_parameters())
    blocks = {name for name, p in places.items() if is_spread(p)}
    assert blocks
    assert blocks < set(places)
    found = put_together(places, keep=first)
    assert found.keys() == (places.keys() if first else set())
    for name, whole in found.items():
        assert torch.equal(whole, start[name])
    for name, place in places.items():
        put_back(place, start[name] * 2)
        assert is_spread(own_part(place, start[name])) == (name in blocks)
    again = put_together(places)
    assert all(torch.equal(again[name], start[name] * 2) for name in start)
    for name, place in places.items():
        put_back(place, start[name])
    make_whole(model, keep=first)
    assert not learns_spread(model)
    if first:  # alone: the other takes no part in it
        assert (model.encode(TEXTS) == before).all()
        assert [type(m) for m in model.modules()] == [
            type(m) for m in sentence_transformer(folder, device="cpu").modules()
        ]
        assert all(p.requires_grad for p in model.parameters())
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def test_weights_go_there_and_back_and_the_model_works_on_one_process_again(
    tmp_path: Path, model_folder: Folder
) -> None:
    together(
        there_and_back, str(model_folder("modernbert")), errors=tmp_path, LUSIFER_USE_FSDP="true"
    )


def test_weights_that_are_not_spread_are_as_they_were() -> None:
    layer = torch.nn.Linear(3, 2)
    start = {name: w.clone() for name, w in put_together(dict(layer.named_parameters())).items()}
    assert not learns_spread(layer)
    assert own_part(layer.weight, start["weight"]) is start["weight"]
    put_back(layer.weight, start["weight"] + 1)
    assert torch.equal(layer.weight, start["weight"] + 1)
    make_whole(layer, keep=True)
    assert torch.equal(layer.weight, start["weight"] + 1)
