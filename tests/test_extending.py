"""One of each kind added from outside of lusifer, as a user would: a file of theirs, imported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

import lusifer
from lusifer.config import build
from lusifer.models.bridge.connectors import Connector, ConnectorConfig
from lusifer.models.bridge.module import Bridge, BridgeConfig, Part
from lusifer.training.assemble import assemble, save_model

Folder = Callable[[str], Path]


@dataclass(frozen=True)
class GatedConfig(ConnectorConfig):
    kind: Literal["gated"] = "gated"
    slope: float = 1.0

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return Gated(width_in, width_out, self)


class Gated(Connector):
    def __init__(self, width_in: int, width_out: int, config: GatedConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.slope = config.slope
        self.out, self.gate = nn.Linear(width_in, width_out), nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.out(states) * torch.sigmoid(self.slope * self.gate(states)), mask


def test_a_connector_of_ones_own_is_named_saved_and_loaded(
    tmp_path: Path, model_folder: Folder
) -> None:
    parts = [{"base": str(model_folder(family))} for family in ("xlm-roberta", "llama")]
    data = {
        "encoder": parts[0],
        "target": parts[1],
        "connector": {"kind": "gated", "slope": 2, "tokens": 1},
        "max_tokens": 64,
    }
    config = build(BridgeConfig, data, "mine.yaml: bridge")
    assert config.connector == GatedConfig(tokens=1, slope=2.0)
    model = assemble(Bridge.new(config), "cpu")
    expected = model.encode(["one", "zwei"], normalize_embeddings=True)
    save_model(model, tmp_path / "model")
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "model").encode(["one", "zwei"]), expected, atol=1e-5
    )


def test_a_connector_of_ones_own_may_be_an_object(model_folder: Folder) -> None:
    parts = (Part(str(model_folder(family))) for family in ("xlm-roberta", "llama"))
    bridge = Bridge.new(BridgeConfig(*parts, connector=GatedConfig(slope=0.5), max_tokens=64))
    assert isinstance(bridge.connector, Gated)
