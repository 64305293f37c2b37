"""`lusifer reshape prune`: a model with some of its layers.

Method: layers are taken out, those left stay as they are (Sajjad et al., arXiv 2004.03844). With
`layers` they are named; with `keep` so many are chosen: of all stretches of neighbouring layers the
one goes across which states change least in direction (Gromov et al., arXiv 2403.17887), on the
user's own texts. Cost: one pass over `SAMPLE` texts to choose. Without training behind it quality falls
fast: measure, or let a student learn from the whole model (`lusifer train student`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lusifer.errors import ConfigError, LusiferError, ModelError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

SAMPLE = 256


def prune_layers(
    model: str | Path,
    into: str | Path,
    *,
    layers: Sequence[int] = (),
    keep: int | None = None,
    texts: Sequence[str] = (),
) -> list[int]:
    """Write a copy of a model that has some of its layers.

    Args:
        model: an encoder or decoder, as for `lusifer.load`; of a bridge its encoder is pruned.
        into: a new folder, in the model's own format.
        layers: which to keep, from 0, in their new order.
        keep: how many to keep instead, chosen by `texts`.
        texts: what the model will read; the first 256 are taken.

    Returns:
        The layers that were kept.

    Raises:
        ConfigError: for layers that the model does not have, or both ways to name them, or neither.
        LusiferError: where the folder is there already, or there is no text to choose by.
        ModelError: for a model without layers.
    """
    from lusifer.models import Bridge, families, sentence_transformer
    from lusifer.reshaping.trim import trim
    from lusifer.reshaping.write_like import refuse_existing, write_like

    folder = refuse_existing(into)
    if bool(layers) == (keep is not None):
        raise ConfigError("name the layers to keep, or how many; one of both")
    whole = sentence_transformer(model, device="cpu")
    first: Any = whole[0]
    inner = first.encoder if isinstance(first, Bridge) else getattr(first, "auto_model", None)
    if inner is None:
        raise ModelError(f"{model}: begins with {type(first).__name__}, which has no layers")
    chosen = list(layers)
    if keep is not None:
        count = len(families.blocks(inner))
        if not 0 < keep < count:
            raise ConfigError(f"keep is {keep}; the model's layers are {count}")
        if not texts:
            raise LusiferError("which layers matter least is told by texts; name a file of them")
        chosen = least_needed(
            changes(whole, inner, list(texts)[:SAMPLE], count - keep), count, count - keep
        )
    write_like(trim(whole, None, chosen), model, folder, {"prune": str(model), "layers": chosen})
    return chosen


def least_needed(change: npt.NDArray[np.float64], count: int, out: int) -> list[int]:
    """The layers to keep of `count`, once the `out` neighbours are gone across which states change
    least.

    Args:
        change: from before layer i to behind layer i + out - 1, (count - out + 1,).
        count: how many layers there are.
        out: how many go.

    Returns:
        The numbers of those that stay, rising.
    """
    start = int(change.argmin())
    return [*range(start), *range(start + out, count)]


def changes(
    model: SentenceTransformer, inner: Any, texts: Sequence[str], out: int
) -> npt.NDArray[np.float64]:
    """How far the states of `texts` turn across `out` layers.

    Args:
        model: what prepares the texts.
        inner: its transformer.
        texts: a few hundred, as they will be read.
        out: how many neighbouring layers.

    Returns:
        The mean angle of a token's state before layer i to its state behind layer i + out - 1, as a
        share of half a turn, (layers - out + 1,). Where layer 0 is unlike the others it is never among
        those that go: its angle is infinite.
    """
    import torch

    from lusifer.models import families

    blocks = families.blocks(inner)
    states: list[torch.Tensor] = []
    hooks = [block.register_forward_pre_hook(_before(states), with_kwargs=True) for block in blocks]
    hooks.append(blocks[-1].register_forward_hook(_behind(states)))
    total, tokens = np.zeros(len(blocks) - out + 1), 0
    try:
        for start in range(0, len(texts), 16):
            states.clear()
            features = model.preprocess(list(texts[start : start + 16]))
            with torch.no_grad():
                model[0](dict(features))
            mask = features["attention_mask"].bool()
            tokens += int(mask.sum())
            for number in range(len(total)):
                cosine = torch.nn.functional.cosine_similarity(
                    states[number][mask].double(), states[number + out][mask].double(), dim=-1
                )
                total[number] += float(cosine.clamp(-1, 1).arccos().sum() / torch.pi)
    finally:
        for hook in hooks:
            hook.remove()
    angles: npt.NDArray[np.float64] = total / tokens
    if any(b.state_dict().keys() != blocks[0].state_dict().keys() for b in blocks[1:]):
        angles[0] = np.inf
    return angles


def _before(states: list[torch.Tensor]) -> Any:
    def keep(module: Any, args: Any, kwargs: Any) -> None:
        states.append((args[0] if args else kwargs["hidden_states"]).detach())

    return keep


def _behind(states: list[torch.Tensor]) -> Any:
    def keep(module: Any, args: Any, found: Any) -> None:
        states.append((found[0] if isinstance(found, tuple) else found).detach())

    return keep
