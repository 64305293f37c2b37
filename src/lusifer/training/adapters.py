"""Low-rank adapters (LoRA, arXiv 2106.09685) in a sentence-transformers model, by peft: put in,
trained alone, folded in.
"""

from __future__ import annotations

from typing import Any

from lusifer.errors import ConfigError
from lusifer.models import LatentAttention, Lora, lora_config


def add_lora(model: Any, lora: Lora) -> None:
    """Freeze a model's transformer and give it adapters. Raises ConfigError where its first module
    is none.
    """
    if not hasattr(model[0], "auto_model"):
        raise ConfigError(
            f"lora: the model's first module is {type(model[0]).__name__}, which has no layers to adapt"
        )
    adapters_alone(model, model[0].auto_model, lora)
    for module in model:
        if isinstance(module, LatentAttention):  # learnt whole: it is new, or small
            module.requires_grad_(True)


def adapters_alone(whole: Any, inner: Any, lora: Lora) -> None:
    """Put adapters into a transformers model, and train nothing but these.

    Args:
        whole: the model that is trained, of which `inner` is a part.
        inner: what the adapters are put into.
        lora: their sizes.
    """
    from peft import inject_adapter_in_model

    inject_adapter_in_model(lora_config(lora), inner)
    for name, parameter in whole.named_parameters():
        parameter.requires_grad = "lora_" in name


def fold_lora(model: Any) -> None:
    """Fold the adapters into the weights that they adapt, and take them out: the vectors stay, to
    float rounding.
    """
    fold_adapters(model[0].auto_model)
    for parameter in model.parameters():
        parameter.requires_grad = True


def fold_adapters(inner: Any) -> None:
    """The same of a transformers model."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, module in [(n, m) for n, m in inner.named_modules() if isinstance(m, BaseTunerLayer)]:
        module.merge(safe_merge=True)
        parent, _, last = name.rpartition(".")
        setattr(inner.get_submodule(parent), last, module.get_base_layer())
