"""The model of a contrastive run, as its training finds it and leaves it: an encoder, a bridge or a
table; whole, with adapters, with heads, or with queries of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lusifer.errors import ConfigError, ModelError
from lusifer.io import replacing_folder
from lusifer.models import (
    Bridge,
    BridgeConfig,
    Heads,
    Lora,
    hub,
    lora_config,
    sentence_transformer,
    write_adapter,
)
from lusifer.training.assemble import assemble
from lusifer.training.processes import rank_and_world


def is_bridge(base: str | None) -> bool:
    """Whether a base's folder holds a bridge; nothing is fetched but its configuration."""
    return base is not None and (hub.locate(base, weights=False) / "bridge.json").exists()


def starting_bridge(base: str | None, config: BridgeConfig | None) -> Any:
    """The bridge that `base` holds, with what `config` asks to train; or a new one. On the CPU:
    frozen weights may be spread first.

    Raises ModelError where the base is no bridge, or would lose what it learnt.
    """
    if base is None:
        assert config is not None
        return assemble(Bridge.new(config), "cpu")
    start = sentence_transformer(base, device="cpu")
    if not isinstance(start[0], Bridge):
        raise ModelError(
            f"base is {base}, which is no bridge; to train a bridge into it, name it as bridge.target.base"
        )
    if config is None:  # its vectors of English will lie elsewhere than the target's own
        start[0].config = replace(start[0].config, english="bridge")
        return start
    bridge = Bridge.going_on(config, start[0])
    return assemble(bridge, "cpu")


def freeze_shared(model: Any) -> None:
    """Freeze an X-MOD model's embeddings and language modules, by the rule of X-MOD (arXiv
    2205.06266): these are shared by, or of, all languages.
    """
    for name, parameter in model[0].auto_model.named_parameters():
        parameter.requires_grad = not (name.startswith("embeddings.") or "adapter_" in name)


def add_heads(model: Any, dim: int) -> None:
    """Put sparse and multi-vector heads at the model's end. Raises ConfigError on several
    processes, whose candidates are not gathered.
    """
    if rank_and_world()[1] > 1:
        raise ConfigError("heads are trained on one process")
    width = (
        model[0].get_embedding_dimension()
        if hasattr(model[0], "get_embedding_dimension")
        else model.get_embedding_dimension()
    )
    model.append(Heads(width, dim, model.tokenizer.all_special_ids).to(model.device))


def save_beside(
    base: str,
    lora: Lora,
    name: str,
    names: tuple[str, ...],
    prompts: Mapping[str, str],
    model: Any,
    final: Path,
) -> None:
    """Write the base as it is, its adapters, and the one that was trained.

    Args:
        base: the backbone's name.
        lora: the adapter's sizes.
        name: what it is called.
        names: the prompts that it is taken for.
        prompts: the recipe's.
        model: the base with the trained adapter in it.
        final: the folder to write.
    """
    plain = sentence_transformer(base, device="cpu")
    plain.prompts = dict(plain.prompts) | {
        n: prompts.get(n, prompts.get("query", "")) for n in names
    }
    with replacing_folder(final) as aside:
        plain.save(str(aside), create_model_card=False)
        write_adapter(model, lora_config(lora), aside, name, names, hub.locate(base))
