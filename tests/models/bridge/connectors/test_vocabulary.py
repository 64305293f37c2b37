"""Mixtures of the target's embeddings."""

from __future__ import annotations

import torch

from lusifer.models.bridge.connectors import make_connector
from lusifer.models.bridge.connectors.vocabulary import VocabularyConfig


def test_the_vocabulary_connector_gives_mixtures_of_the_targets_embeddings(
    target: torch.nn.Module,
) -> None:
    connector = make_connector(VocabularyConfig(temperature=1e-4), 24, 32, target)
    out, _ = connector(torch.randn(1, 3, 24), torch.ones(1, 3, dtype=torch.long), target)
    table = target.get_input_embeddings().weight
    nearest = torch.cdist(out[0].detach(), table.detach()).min(1).values
    assert float(nearest.max()) < 1e-3, "at a low temperature each state becomes one embedding"
