"""The bridge: a multilingual encoder's token states, through a connector, into an English model as
its input.

Method (LUSIFER, arXiv 2501.00874): tokens → encoder → connector → target by `inputs_embeds` →
pooling → normalise. It is a sentence-transformers module; pooling and normalisation are that
library's. Cost: one pass through both models, the target's backbone alone (no LM head, no kept
hidden states). Not worth it where a `pooled` map does as well: measure.

Every row's tokens are moved to the front before each model, so batch, padding side and padding
length change nothing. A checkpoint (`bridge.json`, `trained.safetensors`, tokenizer and
configurations) holds only what was trained, and names its bases with their weights' hash; a part
that was trained whole, or merged, is in the checkpoint whole.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from torch import nn

from lusifer import config as recipes
from lusifer.errors import ConfigError, ModelError
from lusifer.models import families, hub, varlen
from lusifer.models.bridge.connectors import ConnectorConfig, make_connector, to_front
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.models.bridge.words import WordPooling

Training = Literal["frozen", "lora", "full"]
CONFIG, TRAINED = "bridge.json", "trained.safetensors"


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
    roundings of them too.
    """

    base: str
    train: Training = "frozen"
    lora: Lora = field(default_factory=Lora)
    dtype: Literal["float32", "bfloat16"] = "float32"
    exact: bool = True


@dataclass(frozen=True)
class BridgeConfig:
    """A bridge. `pooling` null takes the target's own, or the mean for a target that declares none."""

    encoder: Part
    target: Part
    connector: ConnectorConfig = field(default_factory=MLPConfig)
    pooling: Literal["mean", "cls", "lasttoken"] | None = None
    max_tokens: int = 512
    noise: float = 0.0
    prompts: dict[str, str] = field(default_factory=dict)


class Bridge(InputModule):  # type: ignore[misc]
    """Encoder, connector and target as one module: token ids in, the target's token states out."""

    save_in_root = True

    def __init__(
        self,
        config: BridgeConfig,
        encoder: Any,
        target: Any,
        tokenizer: Any,
        found: dict[str, hub.Base],
    ) -> None:
        super().__init__()
        self.config, self.tokenizer, self.bases = config, tokenizer, found
        self.encoder = _adapted(encoder, config.encoder)
        self.target = _adapted(target, config.target)
        _check_lengths(config, encoder.config, target.config)
        width_in, width_out = families.width(encoder.config), families.width(target.config)
        self.connector = make_connector(config.connector, width_in, width_out, target)
        self.residual = nn.Linear(width_in, width_out) if config.connector.residual else None
        self.gate = nn.Parameter(torch.tensor(0.1)) if config.connector.residual else None
        self.words = WordPooling(tokenizer) if config.connector.words else None
        self.max_seq_length = config.max_tokens
        self.set_trainable()

    @classmethod
    def new(cls, config: BridgeConfig) -> Bridge:
        """A new bridge between two bases, its connector untrained."""
        parts: dict[str, Any] = {}
        found: dict[str, hub.Base] = {}
        folders = {
            "encoder": hub.locate(config.encoder.base),
            "target": hub.locate(config.target.base),
        }
        for role, folder in folders.items():
            families.read_config(folder, role)  # type: ignore[arg-type]
        hub.check_head(config.target.base, folders["target"])
        tokenizer = families.load_tokenizer(folders["encoder"])
        for role, folder in folders.items():
            part: Part = getattr(config, role)
            parts[role] = families.load(folder, role, getattr(torch, part.dtype))  # type: ignore[arg-type]
            found[role] = hub.describe(part.base, folder, exact=part.exact)
        bridge = cls(config, parts["encoder"], parts["target"], tokenizer, found)
        bridge.connector.prepare(
            bridge.mean_states, partial(families.load_tokenizer, folders["target"])
        )
        return bridge

    def mean_states(self, texts: Sequence[str]) -> torch.Tensor:
        """The encoder's mean states of a few texts, (n, e), float32."""
        self.eval()
        with torch.no_grad():
            batch = self.preprocess(list(texts))
            states = self.encode_tokens(batch["input_ids"], batch["attention_mask"])
        return masked_mean(*states).float()

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Texts → right-padded token ids and mask, each text with its prompt, cut at `max_tokens`."""
        return tokenise(
            self.tokenizer,
            [(prompt or "") + text for text in inputs],
            kwargs.get("max_length") or self.max_seq_length,
        )

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        states, mask = self.encode_tokens(features["input_ids"], features["attention_mask"])
        joined, joined_mask = self.join(states, mask)
        out = self.target(inputs_embeds=joined, attention_mask=joined_mask).last_hidden_state
        if self.residual is not None and self.gate is not None:
            out = self.gate * out.float() + self.residual(
                masked_mean(states.float(), mask)
            ).unsqueeze(1)
        return {**features, "token_embeddings": out.float(), "attention_mask": joined_mask}

    def laid_end_to_end(
        self, ids: torch.Tensor, segments: varlen.Segments
    ) -> tuple[torch.Tensor, varlen.Segments]:
        """As `forward` for texts laid end to end, (T,): the target's states (1, T', d) and their
        segments.

        Both models see no padding; the connector, a hundredth of the work, gets the states padded
        as ever.
        """
        inner, kept = _inner(self.encoder), varlen.mask_of(segments)
        padded = ids.new_zeros(kept.shape)
        padded[kept] = ids
        states = varlen.run(inner, segments, ids=ids)[0]
        wide = states.new_zeros((*kept.shape, states.shape[-1]))
        wide[kept] = states
        states, mask = self.words(padded, wide, kept.long()) if self.words else (wide, kept.long())
        joined, joined_mask = self.join(states, mask)
        own = joined_mask.bool()
        rows = varlen.Segments.of(own.sum(1).tolist(), ids.device)
        out = varlen.run(_inner(self.target), rows, embeds=joined[own])
        if self.residual is not None and self.gate is not None:
            shared = self.residual(masked_mean(states.float(), mask))
            out = self.gate * out.float() + torch.repeat_interleave(shared, own.sum(1), dim=0)[None]
        return out.float(), rows

    def encode_tokens(
        self, ids: torch.Tensor, mask: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's states (n, length, e) and their mask, real tokens first; of words, not
        tokens, for the connector `words`.
        """
        ids, mask = to_front(ids, mask)
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.training and self.config.noise:
            states = states + torch.randn_like(states) * (self.config.noise * states.detach().std())
        return self.words(ids, states, mask) if self.words else (states, mask)

    def join(self, states: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encoder states → the target's input embeddings and their mask."""
        weight = next(self.connector.parameters())
        joined, mask = self.connector(states.to(weight.dtype), mask, _inner(self.target))
        return joined.to(families.embeddings(_inner(self.target))[0].dtype), mask

    def trained_names(self) -> list[str]:
        """The parameters that training changes, and so a checkpoint holds; with them the words that
        a connector knows.
        """
        names = [f"connector.{name}" for name in self.connector.state_dict()]
        if self.residual is not None:
            names += ["gate", *(f"residual.{name}" for name, _ in self.residual.named_parameters())]
        for role in ("encoder", "target"):
            train = getattr(self.config, role).train
            for name, _ in getattr(self, role).named_parameters():
                if train == "full" or (train == "lora" and "lora_" in name):
                    names.append(f"{role}.{name}")
        return names

    def set_trainable(self) -> None:
        """Freeze all that a checkpoint would not hold."""
        names = set(self.trained_names())
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in names)

    def train(self, mode: bool = True) -> Bridge:
        """Training mode reaches only the parts that are trained: a frozen part keeps dropout off."""
        super().train(mode)
        for role in ("encoder", "target"):
            if getattr(self.config, role).train == "frozen" and not self.checkpointing:
                getattr(self, role).eval()
        return self

    checkpointing = False

    def checkpoint_activations(self) -> None:
        """Recompute activations in the backward pass: less memory, about a third more time.

        transformers does so in training mode alone, so a frozen part keeps that mode, with its
        dropout set to 0.
        """
        self.checkpointing = True
        for role in ("encoder", "target"):
            model = getattr(self, role)
            families.recompute(_inner(model))
            if getattr(self.config, role).train == "frozen":
                families.no_dropout(model)

    def get_word_embedding_dimension(self) -> int:
        """The size of the vectors, the target's."""
        return families.width(_inner(self.target).config)

    get_embedding_dimension = get_word_embedding_dimension

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the checkpoint into a folder that exists: what was trained, and what is needed to
        load it.
        """
        folder = Path(output_path)
        state, names = self._tensors(), self.trained_names()
        save_file(
            {name: state[name].detach().contiguous().cpu() for name in names},
            folder / TRAINED,
            {"format": "pt"},
        )
        document = {
            "lusifer": "bridge",
            "config": recipes.plain(self.config) | {"max_tokens": self.max_seq_length},
            "bases": {role: dataclasses.asdict(b) for role, b in self.bases.items()},
        }
        for role in ("encoder", "target"):
            _inner(getattr(self, role)).config.save_pretrained(folder / role)
        (folder / CONFIG).write_text(
            json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        self.tokenizer.save_pretrained(folder / "encoder")

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> Bridge:
        """Read a checkpoint, strictly; bases are found by name, or at `encoder=` / `target=`
        folders given.

        `kwargs` may also hold the hub's `revision`, `token`, `cache_folder` and `local_files_only`,
        for the checkpoint itself. Raises ModelError where a file is missing or cut short, tensors
        lack or are too many, or a base has changed.
        """
        folder = (
            hub.locate(str(model_name_or_path), **{k: kwargs[k] for k in hub.HUB if kwargs.get(k)})
            / subfolder
        )
        document = hub.read_json(folder / CONFIG)
        try:
            config = recipes.build(
                BridgeConfig, recipes.upgraded(document["config"]), str(folder / CONFIG)
            )
            named = {role: hub.Base(**base) for role, base in document["bases"].items()}  # type: ignore[attr-defined]
        except (KeyError, TypeError, AttributeError, ConfigError) as error:
            raise ModelError(f"{folder / CONFIG}: not a bridge of this version ({error})") from None
        parts = {
            role: _load_part(config, named, role, folder, kwargs.get(role))
            for role in ("encoder", "target")
        }
        bridge = cls(
            config,
            parts["encoder"],
            parts["target"],
            _tokenizer(config, folder, kwargs.get("encoder")),
            named,
        )
        bridge.load_trained(folder / TRAINED)
        bridge.eval()
        return bridge

    def load_trained(self, file: Path) -> None:
        """Put a checkpoint's tensors in place: exactly those expected, of the right shapes."""
        try:
            tensors = load_file(file)
        except FileNotFoundError:
            raise ModelError(f"{file}: no such file; the checkpoint is incomplete") from None
        except Exception as error:
            raise ModelError(f"{file}: cannot be read, perhaps cut short ({error})") from None
        own = {
            name.removeprefix("connector."): t
            for name, t in tensors.items()
            if name.startswith("connector.")
        }
        try:
            self.connector.make_room(own, _inner(self.target))
        except ModelError as error:
            raise ModelError(f"{file}: {error}") from None
        expected, state = set(self.trained_names()), self._tensors()
        for wrong, what in (
            (sorted(expected - set(tensors)), "lacks"),
            (sorted(set(tensors) - expected), "has an unexpected"),
        ):
            if wrong:
                raise ModelError(f"{file}: {what} tensor {wrong[0]!r} (and {len(wrong) - 1} more)")
        with torch.no_grad():
            for name, tensor in tensors.items():
                if state[name].shape != tensor.shape:
                    raise ModelError(
                        f"{file}: {name!r} has shape {tuple(tensor.shape)}, expected {tuple(state[name].shape)}"
                    )
                state[name].copy_(tensor)

    def _tensors(self) -> dict[str, torch.Tensor]:
        """All parameters by name, and the connector's buffers."""
        buffers = {f"connector.{name}": buffer for name, buffer in self.connector.named_buffers()}
        return {**dict(self.named_parameters()), **buffers}

    def take_over(self, other: Bridge) -> None:
        """Copy what `other` has learnt. Raises ModelError where it has trained a part that this
        bridge does not train.
        """
        theirs = other._tensors()
        if other.config.connector.kind != self.config.connector.kind:
            kinds = (other.config.connector.kind, self.config.connector.kind)
            raise ModelError(
                "the start's connector is {!r}, this recipe's {!r}: what one has learnt is nothing to the other".format(
                    *kinds
                )
            )
        lost = sorted(set(other.trained_names()) - set(self.trained_names()))
        if lost:
            raise ModelError(
                f"the start holds trained {lost[0]!r} (and {len(lost) - 1} more), which this recipe's bridge does not train and would lose"
            )
        for role, base in other.bases.items():
            if self.bases[role].hash != base.hash:
                raise ModelError(
                    f"the start's {role} is {base.name}, with other weights than this recipe's {self.bases[role].name}"
                )
        self.connector.make_room(
            {n.removeprefix("connector."): theirs[n] for n in other.trained_names()},
            _inner(self.target),
        )
        mine = self._tensors()
        for name in other.trained_names():
            if mine[name].shape != theirs[name].shape:
                raise ModelError(
                    f"the start's {name!r} has shape {tuple(theirs[name].shape)}, this recipe's {tuple(mine[name].shape)}"
                )
        with torch.no_grad():
            for name in other.trained_names():
                mine[name].copy_(theirs[name])

    def merged(self) -> Bridge:
        """A standalone bridge: adapters merged into their weights, both models kept whole in its
        checkpoint.
        """
        parts = {}
        for role in ("encoder", "target"):
            model = getattr(self, role)
            parts[role] = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        whole = {
            role: Part(
                base=getattr(self.config, role).base,
                train="full",
                dtype=getattr(self.config, role).dtype,
            )
            for role in parts
        }
        config = BridgeConfig(
            **{**{f: getattr(self.config, f) for f in self.config.__dataclass_fields__}, **whole}
        )
        bridge = Bridge(config, parts["encoder"], parts["target"], self.tokenizer, self.bases)
        bridge.connector, bridge.residual, bridge.gate = self.connector, self.residual, self.gate
        bridge.eval()
        return bridge


def tokenise(tokenizer: Any, texts: list[str], max_tokens: int) -> dict[str, torch.Tensor]:
    """Texts → padded ids and mask (n, length), each text cut at `max_tokens`."""
    batch = tokenizer(
        texts,
        padding=True,
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
        return_token_type_ids=False,
    )
    return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}


def masked_mean(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the real positions: (n, length, d), (n, length) → (n, d)."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp_min(1)


def _check_lengths(config: BridgeConfig, encoder: Any, target: Any) -> None:
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


def _inner(model: Any) -> Any:
    """The transformers model under an adapter's wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _adapted(model: Any, part: Part) -> Any:
    if part.train != "lora":
        return model
    from peft import get_peft_model

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


def _tokenizer(config: BridgeConfig, folder: Path, location: str | None) -> Any:
    """The checkpoint's own tokenizer, or the base encoder's where the checkpoint holds none, as one
    that is kept small does.
    """
    own = folder / "encoder"
    if any((own / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")):
        return families.load_tokenizer(own)
    return families.load_tokenizer(hub.locate(location or hub.beside(config.encoder.base, folder)))


def _load_part(
    config: BridgeConfig, named: dict[str, hub.Base], role: Any, folder: Path, location: str | None
) -> Any:
    part: Part = getattr(config, role)
    dtype = getattr(torch, part.dtype)
    if part.train == "full":
        return families.cast_parameters(
            families.build(families.read_config(folder / role, role)), dtype
        )
    try:
        base = hub.locate(location or hub.beside(part.base, folder))
    except ModelError as error:
        raise ModelError(
            f"{error}; if it has moved, say where: lusifer.load({str(folder)!r}, {role}='FOLDER')"
        ) from None
    hub.verify(named[role], base)
    return families.load(base, role, dtype)


# Checkpoints name their module by this path, so that it stays what it was when they were written.
Bridge.__module__ = "lusifer.models.bridge"
