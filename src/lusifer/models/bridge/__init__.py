"""The bridge: a multilingual encoder, a trained connector and an English target as one
sentence-transformers module.
"""

from lusifer.models.bridge.branches import Branches
from lusifer.models.bridge.checkpoint import TRAINED
from lusifer.models.bridge.module import Bridge, masked_mean, tokenise
from lusifer.models.bridge.parts import (
    ENGLISH_IS_DISTILLED,
    BridgeConfig,
    Lora,
    Part,
    lora_config,
)

__all__ = [
    "ENGLISH_IS_DISTILLED",
    "TRAINED",
    "Branches",
    "Bridge",
    "BridgeConfig",
    "Lora",
    "Part",
    "lora_config",
    "masked_mean",
    "tokenise",
]
