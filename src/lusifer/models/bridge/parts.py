"""What a bridge is made of, as a recipe names it: the encoder, the target, the connector; and how a
part is taken from its base.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from lusifer.errors import ConfigError
from lusifer.models import families
from lusifer.models.bridge.connectors import ConnectorConfig
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.models.hub import own_pooling, read_json

Training = Literal["frozen", "lora", "full"]
Attention = Literal["bidirectional", "causal"]
Reader = Literal["bridge", "target"]
ENGLISH_IS_DISTILLED = (
    "bridge.english=target is for stage distill, whose bridges give the target's own vectors"
)


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters (arXiv 2106.09685), the paper's sizes."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.1


@dataclass(frozen=True)
class Part:
    """The encoder or the target: where it comes from, and what of it is trained (and so kept in a
    checkpoint).

    A checkpoint accepts the weights that it was trained with alone; with `exact: false` other
    roundings of them too. `attention` is for a decoder as target: whether a token sees those behind
    it too. Null takes what the target's own vectors were made with (`own_attention`).
    """

    base: str
    train: Training = "frozen"
    lora: Lora = field(default_factory=Lora)
    dtype: Literal["float32", "bfloat16"] = "float32"
    exact: bool = True
    attention: Attention | None = None

    @property
    def causal(self) -> bool:
        """Whether a token sees those before it alone. Checkpoints that do not say are bidirectional."""
        return self.attention == "causal"


@dataclass(frozen=True)
class BridgeConfig:
    """A bridge. `pooling` null takes the target's own, or the mean for a target that declares none.
    `english` is who reads English texts: the bridge as all others, or the target itself (see
    `models/english_route.py`).
    """

    encoder: Part
    target: Part
    connector: ConnectorConfig = field(default_factory=MLPConfig)
    pooling: Literal["mean", "cls", "lasttoken"] | None = None
    max_tokens: int = 512
    noise: float = 0.0
    prompts: dict[str, str] = field(default_factory=dict)
    english: Reader = "bridge"

    def __post_init__(self) -> None:
        if self.encoder.attention is not None:
            raise ValueError("encoder.attention is for the target; encoders attend both ways")


def own_attention(config: Any, folder: Path) -> Attention:
    """The direction of attention that a decoder's own vectors are made with: what its configuration
    declares; causal for an embedder that reads its last token; both ways, as in the paper, for a
    plain language model.

    Args:
        config: the target's transformers configuration.
        folder: where the target lies.
    """
    if getattr(config, "use_bidirectional_attention", None):
        return "bidirectional"
    declared = read_json(folder / "config.json").get("is_causal")
    if declared is None:
        declared = own_pooling(folder) == "lasttoken"
    return "causal" if declared else "bidirectional"


def directed(config: BridgeConfig, folder: Path) -> BridgeConfig:
    """The configuration with the direction that its target will attend in, named, so that its
    checkpoint says it.
    """
    own = families.read_config(folder, "target")
    if own.model_type not in families.DECODERS:
        if config.target.attention is not None:
            raise ConfigError(
                f"bridge.target.attention is for decoders; {config.target.base} ({own.model_type}) attends both ways"
            )
        return config
    attention = config.target.attention or own_attention(own, folder)
    return replace(config, target=replace(config.target, attention=attention))


def continued(config: BridgeConfig, start: BridgeConfig, target: Any) -> BridgeConfig:
    """The configuration of a bridge that goes on from another, in whose direction it attends unless it
    names its own. Bridges made before there was a choice do not say, and attend both ways.

    Args:
        config: the recipe's.
        start: the other's.
        target: the target's transformers configuration.
    """
    if config.target.attention is not None or target.model_type not in families.DECODERS:
        return config
    attention = start.target.attention or "bidirectional"
    return replace(config, target=replace(config.target, attention=attention))


def check_lengths(config: BridgeConfig, encoder: Any, target: Any) -> None:
    """Raise ConfigError where a text of `max_tokens` would run past the positions of either model."""
    connector = config.connector
    framed = int(
        connector.words and encoder.model_type in families.T5
    )  # its texts end in one special token, the target's in two
    joined = connector.positions(config.max_tokens) + framed
    for name, length, model in (
        ("encoder", config.max_tokens, encoder),
        ("target", joined, target),
    ):
        positions = families.positions(model)
        if positions is not None and length > positions:
            raise ConfigError(
                f"bridge.max_tokens is {config.max_tokens}: the {name} would get {length} positions and has {positions}; "
                f"set bridge.max_tokens to {config.max_tokens - (length - positions)} or less"
            )


def inner_model(model: Any) -> Any:
    """The transformers model under an adapter's wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def adapted(model: Any, part: Part) -> Any:
    """A backbone with the adapters that its part asks for."""
    if part.train != "lora":
        return model
    import warnings

    from peft import get_peft_model

    with warnings.catch_warnings():  # peft asks for a property by the name it had before
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        return get_peft_model(model, lora_config(part.lora)).eval()


def lora_config(lora: Lora) -> Any:
    """peft's configuration: adapters beside every linear layer."""
    from peft import LoraConfig, TaskType

    return LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION,
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
    )
