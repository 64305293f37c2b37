"""A bridge dressed as a SentenceTransformer for training and saving, and the figures of a dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from lusifer.errors import ConfigError
from lusifer.io import replacing_folder
from lusifer.models import Bridge, BridgeConfig, Heads, families, hub
from lusifer.training.device import device_type
from lusifer.training.distributed import elsewhere, shard
from lusifer.training.memory import kept_by_layers, training_bytes
from lusifer.training.optim import Optim
from lusifer.training.processes import rank_and_world


def assemble(bridge: Bridge, device: str | None = None) -> SentenceTransformer:
    """Bridge → pooling → normalise, with the bridge's prompts; pooling as the configuration says,
    else the target's own.
    """
    mode = (
        bridge.config.pooling or hub.own_pooling(hub.locate(bridge.bases["target"].name)) or "mean"
    )
    prompts = dict(bridge.config.prompts)
    default = "document" if prompts.get("document") else None
    modules = [
        bridge,
        Pooling(bridge.get_word_embedding_dimension(), pooling_mode=mode),
        Normalize(),
    ]
    device = device or device_type()
    return SentenceTransformer(
        modules=modules, device=device, prompts=prompts or None, default_prompt_name=default
    )


def save_model(model: SentenceTransformer, folder: Path) -> None:
    """Write the model whole: aside, then renamed. Heads go beside it, so that what is there loads
    anywhere.
    """
    heads = model.pop(-1) if isinstance(model[-1], Heads) else None
    with replacing_folder(folder) as aside, families.without_bars():
        model.save(str(aside), create_model_card=False)
        if heads is not None:
            heads.write(aside)


def check_finite(model: Any) -> None:
    """Raise ConfigError where weights are no numbers any more."""
    if not torch.isfinite(torch.stack([p.sum() for p in model.parameters()])).all():
        raise ConfigError("the weights are no numbers any more; lower optim.lr")


def ready(bridge: Bridge, optim: Optim) -> None:
    """Have a bridge train what its configuration says, recompute states where `optim` asks, and
    spread its weights where the launch asked for FSDP.
    """
    bridge.set_trainable()
    if optim.gradient_checkpointing:
        bridge.checkpoint_activations()
    shard(bridge.encoder, bridge.target)


def plan_bridge(
    config: BridgeConfig,
    tokens: int,
    length: int,
    optim: Optim,
    mini_batch_tokens: int | None = None,
) -> dict[str, Any]:
    """What a bridge's training takes; no weights are fetched or read.

    Args:
        config: the bridge.
        tokens: of a step, which the processes share.
        length: of its texts.
        optim: how it is trained.
        mini_batch_tokens: that a process reads at a time, where gradients are cached.

    Returns:
        Parameters (total, trained, by part) and a process's memory.
    """
    parts = {}
    for role in ("encoder", "target"):
        folder = hub.locate(getattr(config, role).base, weights=False)
        with torch.device("meta"):
            parts[role] = families.build(families.read_config(folder, role))
    return shape_plan(
        config,
        parts["encoder"],
        parts["target"],
        min(tokens // rank_and_world()[1], mini_batch_tokens or tokens),
        length,
        optim.gradient_checkpointing,
    )


def shape_plan(
    config: BridgeConfig,
    encoder: Any,
    target: Any,
    tokens: int,
    length: int,
    recompute: bool = False,
) -> dict[str, Any]:
    """The figures for two backbones, which may be on the meta device, and texts of the greatest
    length.
    """
    with torch.device("meta"):
        bridge = Bridge(config, encoder, target, None, {})
    names = set(bridge.trained_names())
    sizes = {name: p.numel() for name, p in bridge.named_parameters()}
    counts = {
        part: sum(n for name, n in sizes.items() if name.startswith(f"{part}."))
        for part in ("encoder", "connector", "target")
    }
    trained = sum(n for name, n in sizes.items() if name in names)
    bytes_a = {
        role: 2 if getattr(config, role).dtype == "bfloat16" else 4
        for role in ("encoder", "target")
    }
    weights = counts["connector"] * 4 + sum(counts[role] * bytes_a[role] for role in bytes_a)
    learnt = 0
    for role, size in bytes_a.items():
        others = elsewhere(getattr(bridge, role))
        weights -= sum(others) * size
        learnt += others[1]
    learns = {role: getattr(config, role).train != "frozen" for role in bytes_a}
    kept = kept_by_layers(
        tokens,
        length,
        encoder.config,
        learns=learns["encoder"],
        passes=config.encoder.train != "frozen",  # adapters in it, which gradients pass to
        recompute=recompute,
    ) + kept_by_layers(tokens, length, target.config, learns=learns["target"], recompute=recompute)
    return {
        "parameters": {**counts, "total": sum(sizes.values()), "trained": trained},
        "memory_bytes": training_bytes(weights, trained - learnt, kept),
    }
