"""Several bridges of one encoder and one target as one: their unit vectors are added up.

Method: bridges that were trained apart err apart, so the mean of their vectors lies nearer to what the
target says than either. The encoder reads a text once, each bridge's connector takes its states its
own way through the target, and the pooled unit vectors are added, each times its share. Cost: one pass
of the encoder and, a branch, one of the target: little where the target is the smaller model, much
where it is an LLM.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from sentence_transformers.base.modules import InputModule
from torch import nn

from lusifer.errors import ModelError
from lusifer.models import hub, varlen
from lusifer.models.bridge.module import Bridge, masked_mean
from lusifer.models.bridge.parts import BridgeConfig

BRANCHES = "branches.json"
POOLINGS = ("mean", "cls", "lasttoken")


class Branches(InputModule):  # type: ignore[misc]
    """Token ids in, one state a text out: the sum of the branches' vectors. What pools it and makes it
    a unit vector comes behind, as for a `Bridge`.
    """

    save_in_root = True

    def __init__(self, bridges: Sequence[Bridge], shares: Sequence[float], pooling: str) -> None:
        """`shares` weigh the bridges' vectors; `pooling` is the target's.

        Raises:
            ModelError: where the bridges are not of one encoder and one target, both frozen.
        """
        super().__init__()
        check_branches(bridges, shares, pooling)
        self.shares = [share / sum(shares) for share in shares]
        self.pooling = pooling
        first = bridges[0]
        for bridge in bridges[1:]:
            bridge.encoder, bridge.target = first.encoder, first.target
        self.bridges = nn.ModuleList(bridges)

    @property
    def branches(self) -> list[Bridge]:
        """The bridges, the first of which lends the others its encoder and target."""
        return [bridge for bridge in self.bridges if isinstance(bridge, Bridge)]

    @property
    def first(self) -> Bridge:
        """The bridge whose encoder and target all share."""
        return self.branches[0]

    @property
    def encoder(self) -> Any:
        """The encoder, as transformers has it."""
        return self.first.encoder

    @property
    def target(self) -> Any:
        """The English model, as transformers has it."""
        return self.first.target

    @property
    def tokenizer(self) -> Any:
        """The encoder's."""
        return self.first.tokenizer

    @property
    def config(self) -> BridgeConfig:
        """The first bridge's, whose prompts and length all share."""
        return self.first.config

    @property
    def max_seq_length(self) -> int:
        """Longer texts are cut to so many of the encoder's tokens."""
        return self.first.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, tokens: int) -> None:
        self.first.max_seq_length = tokens

    def preprocess(
        self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Texts → right-padded token ids and mask."""
        return self.first.preprocess(inputs, prompt, **kwargs)

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Ids and mask → one state a text, (n, 1, d), and a mask of ones."""
        ids, states, mask = self.first.read(features["input_ids"], features["attention_mask"])
        total = states.new_zeros(()).float()
        for bridge, share in zip(self.branches, self.shares, strict=True):
            out, own = bridge.write(*bridge.words_of(ids, states, mask))
            total = total + share * F.normalize(self._pooled(out, own), dim=-1)
        ones = mask.new_ones(len(total), 1)
        return {**features, "token_embeddings": total[:, None], "attention_mask": ones}

    def laid_end_to_end(
        self, ids: torch.Tensor, segments: varlen.Segments
    ) -> tuple[torch.Tensor, varlen.Segments]:
        """As `forward` for texts laid end to end: (1, n, d), a segment of one state a text."""
        padded, states, mask = self.first.read_laid(ids, segments)
        total = states.new_zeros(()).float()
        for bridge, share in zip(self.branches, self.shares, strict=True):
            out, rows = bridge.write_laid(*bridge.words_of(padded, states, mask))
            present = varlen.mask_of(rows)
            wide = out.new_zeros((*present.shape, out.shape[-1]))
            wide[present] = out[0]
            total = total + share * F.normalize(self._pooled(wide, present.long()), dim=-1)
        return total[None], varlen.Segments.of([1] * len(total), ids.device)

    def _pooled(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(n, d) of (n, length, d): real positions stand first in every row."""
        if self.pooling == "mean":
            return masked_mean(states, mask)
        last = mask.sum(1) - 1 if self.pooling == "lasttoken" else mask.new_zeros(len(mask))
        return states[torch.arange(len(states), device=states.device), last]

    def get_word_embedding_dimension(self) -> int:
        """The size of the vectors, the target's."""
        return self.first.get_word_embedding_dimension()

    get_embedding_dimension = get_word_embedding_dimension

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the first bridge's checkpoint, those of the others in folders of their own, and the
        shares.
        """
        folder = Path(output_path)
        self.first.save(output_path)
        names = [f"branch_{number}_bridge" for number in range(1, len(self.branches))]
        for name, bridge in zip(names, self.branches[1:], strict=True):
            (folder / name).mkdir()
            bridge.save(str(folder / name))
            shutil.rmtree(
                folder / name / "encoder"
            )  # its configuration and tokenizer are the first's
            shutil.rmtree(folder / name / "target")
        document = {
            "lusifer": "branches",
            "branches": names,
            "shares": self.shares,
            "pooling": self.pooling,
        }
        (folder / BRANCHES).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, model_name_or_path: str, subfolder: str = "", **kwargs: Any) -> Branches:
        """Read a checkpoint; `kwargs` are those of `Bridge.load`. Raises ModelError where a part is
        missing, damaged, or does not belong to the others.
        """
        named = {key: kwargs[key] for key in hub.HUB if kwargs.get(key)}
        folder = hub.locate(str(model_name_or_path), **named) / subfolder
        document: Any = hub.read_json(folder / BRANCHES)
        first = Bridge.load(str(folder), **kwargs)
        try:
            others = [
                Bridge.load(str(folder / str(name)), **kwargs, sharing=first)
                for name in document["branches"]
            ]
            return cls([first, *others], document["shares"], document["pooling"])
        except (KeyError, TypeError) as error:
            raise ModelError(
                f"{folder / BRANCHES}: not the branches of a bridge ({error})"
            ) from None


# Checkpoints name their module by this path.
Branches.__module__ = "lusifer.models.bridge"


def check_branches(bridges: Sequence[Bridge], shares: Sequence[float], pooling: str) -> None:
    """Raise ModelError where bridges cannot stand side by side."""
    if len(bridges) < 2 or len(shares) != len(bridges):
        raise ModelError(
            f"{len(bridges)} bridges with {len(shares)} weights; two bridges or more stand side by side, a weight each"
        )
    if not all(0 < share < float("inf") for share in shares):
        raise ModelError(f"the weights of bridges are above 0, not {', '.join(map(str, shares))}")
    if pooling not in POOLINGS:
        raise ModelError(
            f"pooling is {pooling!r}; bridges side by side pool by {', '.join(POOLINGS)}"
        )
    first = bridges[0]
    for bridge in bridges:
        for role in ("encoder", "target"):
            if getattr(bridge.config, role).train != "frozen":
                raise ModelError(
                    f"a bridge has trained its {role}; only bridges whose encoder and target are frozen share them"
                )
            if bridge.bases[role].hash != first.bases[role].hash:
                raise ModelError(
                    f"the bridges' {role}s are {first.bases[role].name} and {bridge.bases[role].name}, with other weights"
                )
        if (bridge.config.prompts, bridge.config.english) != (
            first.config.prompts,
            first.config.english,
        ):
            raise ModelError("the bridges' prompts, or who reads English, are not the same")
