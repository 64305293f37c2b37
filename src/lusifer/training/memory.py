"""How much memory a run takes on one process: an estimate, before anything is loaded."""

from __future__ import annotations

from typing import Any

STATE = 34  # bytes that a transformer layer keeps of a token and number for the backward pass
RECOMPUTED = 4  # of each layer but the one at work, with gradient checkpointing


def training_bytes(total: int, trained: int, activations: int = 0) -> int:
    """Weights in fp32, gradients and two moments of what is trained, and activations.

    Args:
        total: parameters.
        trained: of them, how many learn.
        activations: bytes that a step keeps beside them.

    Returns:
        Bytes.
    """
    return total * 4 + trained * 12 + activations


def activation_bytes(tokens: int, config: Any) -> int:
    """What a step keeps of its tokens.

    Args:
        tokens: in a step, padding included.
        config: a transformers configuration, or None for a model without layers.

    Returns:
        Bytes; 0 without layers.
    """
    if config is None:
        return 0
    return int(tokens * STATE * config.num_hidden_layers * config.hidden_size)
