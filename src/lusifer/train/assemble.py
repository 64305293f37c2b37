"""A bridge dressed as a SentenceTransformer for training and saving, and the figures of a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from lusifer.files import replacing_folder
from lusifer.models import bases, families
from lusifer.models.bridge import Bridge, BridgeConfig


def assemble(bridge: Bridge) -> SentenceTransformer:
    """Bridge → pooling → normalise, with the bridge's prompts; pooling as the configuration says, else the target's own."""
    mode = bridge.config.pooling or bases.own_pooling(bases.locate(bridge.bases["target"].name)) or "mean"
    prompts = dict(bridge.config.prompts)
    default = "document" if prompts.get("document") else None
    modules = [bridge, Pooling(bridge.get_word_embedding_dimension(), pooling_mode=mode), Normalize()]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return SentenceTransformer(modules=modules, device=device, prompts=prompts or None, default_prompt_name=default)


def save_model(model: SentenceTransformer, folder: Path) -> None:
    """Write the model whole: aside, then renamed."""
    with replacing_folder(folder) as aside:
        model.save(str(aside), create_model_card=False)


def plan_bridge(config: BridgeConfig, tokens: int) -> dict[str, Any]:
    """Parameters (total, trained, per part) and a memory estimate for `tokens` tokens a step, without loading weights."""
    parts = {}
    for role in ("encoder", "target"):
        folder = bases.locate(getattr(config, role).base)
        with torch.device("meta"):
            parts[role] = families.build(families.read_config(folder, role))
    return shape_plan(config, parts["encoder"], parts["target"], tokens)


def shape_plan(config: BridgeConfig, encoder: Any, target: Any, tokens: int) -> dict[str, Any]:
    """The figures for two backbones, which may be on the meta device."""
    with torch.device("meta"):
        bridge = Bridge(config, encoder, target, None, {})
    names = set(bridge.trained_names())
    sizes = {name: p.numel() for name, p in bridge.named_parameters()}
    counts = {part: sum(n for name, n in sizes.items() if name.startswith(f"{part}.")) for part in ("encoder", "connector", "target")}
    trained = sum(n for name, n in sizes.items() if name in names)
    bytes_a = {role: 2 if getattr(config, role).dtype == "bfloat16" else 4 for role in ("encoder", "target")}
    weights = counts["connector"] * 4 + sum(counts[role] * bytes_a[role] for role in bytes_a)
    depth = sum(m.config.num_hidden_layers * families.width(m.config) for m in (encoder, target))
    return {
        "parameters": {**counts, "total": sum(sizes.values()), "trained": trained},
        "memory_bytes": weights + trained * 12 + tokens * depth * 34,  # gradients and two moments; about 34 bytes a state kept
    }
