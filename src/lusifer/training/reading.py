"""How a base reads a text and makes one vector of it, where a recipe wants it otherwise: the direction of a
decoder's attention, a second reading (`models/echo.py`), and the pooling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lusifer.errors import ConfigError
from lusifer.models import EchoTransformer, LatentAttention, families

Pool = Literal["mean", "cls", "lasttoken", "weightedmean", "max", "latent"]


@dataclass(frozen=True)
class Reading:
    """What is changed of a base. `attention` and `echo` are for decoders; `attention: soft` goes over from
    causal to both ways while it trains (`training/soft_mask.py`). `pooling` is by
    sentence-transformers' names, or `latent` (`models/latent_attention.py`); null keeps the base's own.
    """

    attention: Literal["causal", "bidirectional", "soft"] | None = None
    pooling: Pool | None = None
    echo: bool = False

    def __post_init__(self) -> None:
        if self.echo and self.attention in ("bidirectional", "soft"):
            raise ValueError(
                f"echo reads a text twice so that its first words know its last; attention {self.attention} does that in one reading"
            )


def read_as(model: Any, reading: Reading, where: str) -> None:
    """Have a sentence-transformers model read as a recipe says, in place.

    Args:
        model: what is about to be trained.
        reading: what to change.
        where: the base's name, for errors.

    Raises:
        ConfigError: where the base has no layers, or is no decoder and `attention` or `echo` ask for one.
    """
    inner = getattr(model[0], "auto_model", None)
    if inner is None:
        raise ConfigError(
            f"{where}: reading is for transformers; its first module is {type(model[0]).__name__}"
        )
    if reading.attention or reading.echo:
        family = inner.config.model_type
        if family not in families.DECODERS:
            raise ConfigError(
                f"{where}: reading.attention and reading.echo are for decoders ({', '.join(families.DECODERS)}), not {family}"
            )
        families.direct(inner, causal=reading.attention not in ("bidirectional", "soft"))
    if model.tokenizer.pad_token is None:
        model.tokenizer.pad_token = model.tokenizer.eos_token
    if reading.echo:
        model[0].__class__ = EchoTransformer  # the same module, but for its forward pass
        half = int(inner.config.max_position_embeddings) // 2  # a text takes its places twice
        model.max_seq_length = min(model.max_seq_length or half, half)
    if reading.pooling:
        _pool(model, reading.pooling, where)


def read_plainly(model: Any) -> None:
    """Take a chat template out of a model that is about to be trained on plain texts: with one,
    sentence-transformers would put a system prompt and marks around each text when the model is used, and it
    would read what it was never taught.
    """
    modalities = getattr(model[0], "modality_config", None) or {}
    if "message" in modalities and "text" in modalities:
        del modalities["message"]
        model.tokenizer.chat_template = None


def _pool(model: Any, pooling: Pool, where: str) -> None:
    """Put another pooling in the place of the model's own."""
    from sentence_transformers.sentence_transformer.modules import Pooling

    at = next((i for i, m in enumerate(model) if isinstance(m, Pooling | LatentAttention)), None)
    if at is None:
        raise ConfigError(f"{where}: has no pooling that reading.pooling could replace")
    width = families.width(model[0].auto_model.config)
    own: Any = LatentAttention(width) if pooling == "latent" else Pooling(width, pooling)
    model[at] = own.to(model.device)
    if pooling == "lasttoken":
        end_with_eos(model.tokenizer)


def end_with_eos(tokenizer: Any) -> None:
    """Have a fast tokenizer put its end token behind each text, cut ones too, if it does not yet: a last
    token of its own is what `lasttoken` pools, and not whatever word the text ends in.
    """
    from tokenizers.processors import TemplateProcessing

    eos = tokenizer.eos_token
    if eos is None or tokenizer("a")["input_ids"][-1:] == [tokenizer.eos_token_id]:
        return
    backend = tokenizer.backend_tokenizer
    word = backend.encode("a", add_special_tokens=False).ids
    whole = backend.encode("a", add_special_tokens=True).ids
    front = whole[: len(whole) - len(word)]
    names = [tokenizer.convert_ids_to_tokens(i) for i in front]
    backend.post_processor = TemplateProcessing(
        single=[*names, "$A", eos],
        pair=[*names, "$A", eos, "$B", eos],
        special_tokens=[*zip(names, front, strict=True), (eos, tokenizer.eos_token_id)],
    )
