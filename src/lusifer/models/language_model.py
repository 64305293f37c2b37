"""A causal language model whole, with its head, from a folder; what comes after it in a bridge or in
training needs the one or the other part of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from lusifer.errors import ModelError
from lusifer.models import families


def causal_lm(folder: str | Path, dtype: torch.dtype = torch.float32) -> Any:
    """Read a decoder with its LM head (safetensors only).

    Args:
        folder: where it lies.
        dtype: of its weights.

    Returns:
        transformers' model for causal language modelling, attending causally.

    Raises:
        ModelError: where it is no decoder of a known family, the weights are damaged, or the head is
            not among them.
    """
    config = families.read_config(folder, "target")
    if config.model_type not in families.DECODERS:
        raise ModelError(
            f"{folder}: a language model is wanted ({', '.join(families.DECODERS)}), not {config.model_type!r}"
        )
    settings = {"dtype": dtype, "use_safetensors": True, "trust_remote_code": False}
    try:
        with families.quiet():
            model, report = transformers.AutoModelForCausalLM.from_pretrained(
                str(folder), output_loading_info=True, **settings
            )
    except Exception as error:  # safetensors raises its own class for a truncated file
        raise ModelError(
            f"{folder}: the weights cannot be read, perhaps cut short ({str(error).splitlines()[0]})"
        ) from error
    if report["missing_keys"]:
        lost = sorted(report["missing_keys"])[0]
        raise ModelError(
            f"{folder}: has no LM head (the weights lack {lost!r}); take the causal LM it was made from"
        )
    return model
