"""Words in, the target's own words out."""

from __future__ import annotations

import pytest
import torch

from lusifer.errors import ModelError
from lusifer.models.bridge.connectors import make_connector
from lusifer.models.bridge.connectors.words import SHARP, WordMixture, WordsConfig


def test_a_key_comes_in_and_goes_out_at_no_weight(target: torch.nn.Module) -> None:
    """So that which of two equally near keys is the last one counted changes nothing."""
    torch.manual_seed(0)
    connector = make_connector(WordsConfig(nearest=3), 24, 32, target).eval()
    assert isinstance(connector, WordMixture)
    state = torch.nn.functional.normalize(torch.randn(24), dim=-1)
    away = torch.nn.functional.normalize(torch.randn(6, 24), dim=-1)
    keys = torch.stack(
        [
            state + 0.2 * away[0],
            state + 0.4 * away[1],
            *(state + (0.9 + 1e-5 * sign) * away[2 + sign] for sign in (0, 1)),
        ]
    )
    results = []
    for order in ([0, 1, 2, 3], [0, 1, 3, 2]):  # the third and fourth key change places
        connector.set_words(keys, [order.index(i) + 5 for i in range(4)], [], [])
        results.append(connector(state[None, None], torch.ones(1, 1, dtype=torch.long), target)[0])
    torch.testing.assert_close(results[0], results[1], atol=2e-3, rtol=0)
    cosines = torch.nn.functional.normalize(keys, dim=-1) @ state
    gap = float((cosines[2] - cosines[3]).abs())
    assert gap < 0.1
    mixture = results[0].detach()[0, 0]
    table = target.get_input_embeddings().weight.detach()
    logits = (cosines / SHARP).sort(descending=True).values
    expected = (logits - logits[0]).exp()
    expected = expected[:3] - expected[3]
    order = cosines.argsort(descending=True)[:3]
    torch.testing.assert_close(
        mixture, (expected / expected.sum()) @ table[5 + order], atol=2e-3, rtol=2e-3
    )


def test_damaged_words_are_refused(target: torch.nn.Module) -> None:
    connector = make_connector(WordsConfig(), 24, 32, target)
    with pytest.raises(ModelError, match="one for each"):
        connector.make_room(
            {"keys": torch.zeros(3, 24), "ids": torch.zeros(2, dtype=torch.int32)}, target
        )
    with pytest.raises(ModelError, match="does not have"):
        connector.make_room(
            {"keys": torch.zeros(1, 24), "ids": torch.tensor([10**6], dtype=torch.int32)}, target
        )
