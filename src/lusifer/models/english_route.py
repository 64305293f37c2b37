"""English texts go straight to a bridge's target, all others through the bridge.

Method: a bridge that is distilled gives of an English text nearly the target's own vector; the target
gives it exactly, by a shorter way. So what py3langid takes for English is read by the target's own
tokenizer and layers. Both kinds of vector lie in one space, which is what the bridge was taught.
Cost: the identification, a hundredth of a pass; the encoder's pass is saved. Not for a bridge whose
target was trained too, or that was trained by `contrastive`: the target's own vectors lie elsewhere.

A text whose chance of being English is `ENGLISH` or more goes straight. docs/bridge.md tells how many
English texts that finds, and which languages are taken for English how often.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lusifer.errors import ModelError
from lusifer.models import families, hub
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.bridge import Branches, Bridge
from lusifer.models.bridge.target_reader import TargetReader
from lusifer.models.embedder import Long, Vectors
from lusifer.text import chance_of

ENGLISH = 0.2


class EnglishRoute(TorchEmbedder):
    """A bridge as an `Embedder` whose English texts the target reads itself."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        budget: int | None = None,
        *,
        bf16: bool = False,
        long: Long = "cut",
        compile: bool = False,
    ) -> None:
        """`model` is the bridge as a SentenceTransformer, `tokenizer` the target's own; the rest is as
        for `TorchEmbedder`.
        """
        settings: dict[str, Any] = {"bf16": bf16, "long": long, "compile": compile, "own": True}
        super().__init__(model, budget, **settings)
        self.straight = TorchEmbedder(_target_of(model, tokenizer), budget, **settings)

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        english = np.array([chance_of("en", text) >= ENGLISH for text in texts])
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for mine, reader in ((english, self.straight.vectors), (~english, super().vectors)):
            rows = np.flatnonzero(mine).tolist()
            if rows:
                vectors[rows] = reader([texts[row] for row in rows], prompt)
        return vectors


def target_tokenizer(folder: Path, target: str | None) -> Any:
    """The target's own tokenizer: in the bridge's folder where it stands alone, else with its base.

    Args:
        folder: the bridge's.
        target: where the target is, if it has moved.

    Raises:
        ModelError: where the base is not found.
    """
    own = folder / "target"
    if (own / "tokenizer.json").exists():
        return families.load_tokenizer(own)
    document: Any = hub.read_json(folder / "bridge.json")
    named = str(document["config"]["target"]["base"])
    return families.load_tokenizer(hub.locate(target or hub.beside(named, folder)))


def _target_of(model: Any, tokenizer: Any) -> Any:
    """The bridge's target, its pooling and its prompts as a SentenceTransformer."""
    from sentence_transformers import SentenceTransformer

    bridge = model[0]
    if not isinstance(bridge, Bridge | Branches):
        raise ModelError("only a bridge has a target that English texts can go to")
    reader = TargetReader(bridge, tokenizer, int(model.max_seq_length))
    return SentenceTransformer(
        modules=[reader, *list(model)[1:]],
        device=str(model.device),
        prompts=dict(model.prompts) or None,
        default_prompt_name=model.default_prompt_name,
    ).eval()
