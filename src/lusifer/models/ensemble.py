"""Several models behind one `Embedder` (meta-embeddings): a text's vectors by each of them made one.

Method: `concatenate`: unit vectors side by side, each times the root of its weight, so that a cosine is
the weighted mean of the members' cosines (Yin and Schütze 2016, arXiv 1508.04257); `project`: the same
on the axes that vary most over a sample of texts, fewer numbers for little loss (PCA); `average`: the
weighted sum, shorter vectors filled up with zeros (Coates and Bollegala 2018, arXiv 1804.05262). Cost: every
member's, and `concatenate` the sum of their sizes. Not where one member is better at everything: it alone
is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from lusifer.errors import ModelError
from lusifer.models.embedder import BaseEmbedder, Embedder, Vectors
from lusifer.models.hub import read_json

ENSEMBLE, PROJECTION = "ensemble.json", "projection.safetensors"
How = Literal["concatenate", "project", "average"]


class EnsembleEmbedder(BaseEmbedder):
    """Members with their weights, and the axes of a projection, (sum of sizes, dim), if there is
    one.
    """

    def __init__(
        self,
        members: Sequence[Embedder],
        weights: Sequence[float],
        how: How = "concatenate",
        mean: Vectors | None = None,
        axes: Vectors | None = None,
    ) -> None:
        self.members, self.how, self.mean, self.axes = list(members), how, mean, axes
        self.weights = [float(weight) for weight in weights]
        sizes = [member.dim for member in self.members]
        joined = max(sizes) if how == "average" else sum(sizes)
        self._dim = joined if axes is None else int(axes.shape[1])

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def max_tokens(self) -> int:
        """Of the member that reads least; 0 where none cuts."""
        return min((member.max_tokens for member in self.members if member.max_tokens), default=0)

    @property
    def prompts(self) -> Mapping[str, str]:
        """Every member's by name; a member without one of a name is asked plainly by it."""
        found: dict[str, str] = {}
        for member in self.members:
            for name, prompt in member.prompts.items():
                found.setdefault(name, prompt)
        return found

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        """Of each text, (n, dim)."""
        parts = [
            member.encode(texts, prompt=prompt if prompt in member.prompts else None)
            for member in self.members
        ]
        made = join(parts, self.weights, self.how)
        if self.axes is not None and self.mean is not None:
            made = np.asarray((made - self.mean) @ self.axes, dtype=np.float32)
        return made


def join(parts: Sequence[Vectors], weights: Sequence[float], how: How) -> Vectors:
    """Members' unit vectors, (n, size) each, as one matrix."""
    if how == "average":
        made = np.zeros((len(parts[0]), max(part.shape[1] for part in parts)), dtype=np.float32)
        for part, weight in zip(parts, weights, strict=True):
            made[:, : part.shape[1]] += np.float32(weight) * part
        return made
    roots = np.sqrt(np.array(weights, dtype=np.float32) / np.float32(sum(weights)))
    return np.concatenate([root * part for root, part in zip(roots, parts, strict=True)], axis=1)


def load_ensemble(folder: Path, member: Callable[[str, str], Embedder | None]) -> EnsembleEmbedder:
    """Read an ensemble's folder, and its members from where they are.

    Args:
        folder: what `lusifer ensemble` made.
        member: loads a model by its name, if it is the one of that identity.

    Raises:
        ModelError: where it is damaged, or a member is another than it was.
    """
    from safetensors.numpy import load_file

    config: Any = read_json(folder / ENSEMBLE)
    try:
        how, listed = config["how"], config["members"]
        names = [(str(one["name"]), str(one["hash"]), float(one["weight"])) for one in listed]
        if how not in get_args(How) or len(names) < 2:
            raise ValueError("no such way to combine, or less than two members")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder / ENSEMBLE}: no ensemble's configuration ({error})") from None
    members = []
    for name, known, _ in names:
        if (found := member(name, known)) is None:
            raise ModelError(
                f"{folder}: its member {name} has changed since; make the ensemble anew"
            )
        members.append(found)
    mean = axes = None
    if how == "project":
        try:
            tensors = load_file(folder / PROJECTION)
            mean, axes = tensors["mean"], tensors["axes"]
            if len(mean) != sum(member.dim for member in members) or len(axes) != len(mean):
                raise ValueError("its size is not that of the members")
        except Exception as error:
            raise ModelError(f"{folder / PROJECTION}: cannot be read ({error})") from None
    return EnsembleEmbedder(members, [weight for *_, weight in names], how, mean, axes)
