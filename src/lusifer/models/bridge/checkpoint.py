"""A bridge's checkpoint: `bridge.json`, `trained.safetensors`, a tokenizer and configurations. It
holds only what was trained, and names its bases with their weights' hash; a part that was trained
whole, or merged, is in it whole.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from torch import nn

from lusifer import config as recipes
from lusifer.errors import ConfigError, ModelError
from lusifer.models import families, hub
from lusifer.models.bridge.connectors import Connector
from lusifer.models.bridge.parts import BridgeConfig, Part, inner_model

CONFIG, TRAINED = "bridge.json", "trained.safetensors"


class BridgeCheckpoint(InputModule):  # type: ignore[misc]
    """A bridge as it lies on disk: what `Bridge` saves, loads and takes over from another."""

    config: BridgeConfig
    bases: dict[str, hub.Base]
    tokenizer: Any
    encoder: Any
    target: Any
    connector: Connector
    residual: nn.Linear | None
    max_seq_length: int

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

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the checkpoint into a folder that exists: what was trained, and what is needed to
        load it.
        """
        folder = Path(output_path)
        save_file(
            {name: t.detach().contiguous().cpu() for name, t in self.trained_tensors().items()},
            folder / TRAINED,
            {"format": "pt"},
        )
        document = {
            "lusifer": "bridge",
            "config": recipes.plain(self.config) | {"max_tokens": self.max_seq_length},
            "bases": {role: dataclasses.asdict(b) for role, b in self.bases.items()},
        }
        for role in ("encoder", "target"):
            inner_model(getattr(self, role)).config.save_pretrained(folder / role)
        (folder / CONFIG).write_text(
            json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        self.tokenizer.save_pretrained(folder / "encoder")

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> Self:
        """Read a checkpoint, strictly; bases are found by name, or at `encoder=` / `target=`
        folders given.

        `sharing=` is a bridge whose frozen parts of the same bases are taken, not read again. `kwargs`
        may also hold the hub's `revision`, `token`, `cache_folder` and `local_files_only`,
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
        sharing: BridgeCheckpoint | None = kwargs.get("sharing")
        parts = {
            role: getattr(sharing, role)
            if sharing and _same_part(config, named, sharing, role)
            else _load_part(config, named, role, folder, kwargs.get(role))
            for role in ("encoder", "target")
        }
        bridge = cls(
            config,
            parts["encoder"],
            parts["target"],
            sharing.tokenizer if sharing else _tokenizer(config, folder, kwargs.get("encoder")),
            named,
        )
        bridge.load_trained(folder / TRAINED)
        bridge.eval()
        return bridge

    def load_trained(
        self, file: Path, put: Callable[[torch.Tensor, torch.Tensor], object] = torch.Tensor.copy_
    ) -> None:
        """Put a checkpoint's tensors in place: exactly those expected, of the right shapes; `put` copies
        one into another.
        """
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
            self.connector.make_room(own, inner_model(self.target))
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
                put(state[name], tensor)

    def trained_tensors(self) -> dict[str, torch.Tensor]:
        """What training changes, by the names that a checkpoint has."""
        state = self._tensors()
        return {name: state[name] for name in self.trained_names()}

    def _tensors(self) -> dict[str, torch.Tensor]:
        """All parameters by name, and the connector's buffers."""
        buffers = {f"connector.{name}": buffer for name, buffer in self.connector.named_buffers()}
        return {**dict(self.named_parameters()), **buffers}

    def take_over(self, other: BridgeCheckpoint) -> None:
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
            inner_model(self.target),
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


def _tokenizer(config: BridgeConfig, folder: Path, location: str | None) -> Any:
    """The checkpoint's own tokenizer, or the base encoder's where the checkpoint holds none, as one
    that is kept small does.
    """
    own = folder / "encoder"
    if any((own / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")):
        return families.load_tokenizer(own)
    return families.load_tokenizer(hub.locate(location or hub.beside(config.encoder.base, folder)))


def _same_part(
    config: BridgeConfig, named: dict[str, hub.Base], other: BridgeCheckpoint, role: str
) -> bool:
    """Whether another bridge holds this part, frozen, of the same weights."""
    mine, theirs = getattr(config, role), getattr(other.config, role)
    return bool(
        mine.train == theirs.train == "frozen"
        and named[role].hash == other.bases[role].hash
        and (mine.dtype, mine.causal) == (theirs.dtype, theirs.causal)
    )


def _load_part(
    config: BridgeConfig, named: dict[str, hub.Base], role: Any, folder: Path, location: str | None
) -> Any:
    part: Part = getattr(config, role)
    dtype = getattr(torch, part.dtype)
    if part.train == "full":
        return families.cast_parameters(
            families.build(families.read_config(folder / role, role), causal=part.causal), dtype
        )
    try:
        base = hub.locate(location or hub.beside(part.base, folder))
    except ModelError as error:
        raise ModelError(
            f"{error}; if it has moved, say where: lusifer.load({str(folder)!r}, {role}='FOLDER')"
        ) from None
    hub.verify(named[role], base)
    return families.load(base, role, dtype, causal=part.causal)
