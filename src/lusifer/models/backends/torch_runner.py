"""A sentence-transformers model as a `Runner`: token ids in, unit vectors out, padded on a CPU and
laid end to end on a GPU.

The library's own `encode` tokenises a batch when its turn comes, sorts by letters, and pads; here
the engine has done all that, and the modules alone are run. What is no plain text model (a table of
words, a router, a chat template) stays with the library's `encode`: `plain` says which is which,
and asks the model's own preprocessing rather than trust its configuration.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from lusifer.models import families, varlen
from lusifer.models.backends.pace import ThreadPace
from lusifer.models.bridge import Branches, Bridge
from lusifer.models.bridge.target_reader import TargetReader
from lusifer.models.embedder import units
from lusifer.models.tokenize import Ids, TextTokenizer, padded
from lusifer.models.varlen import Segments, flat, to_device

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from lusifer.models.backends.engine import Vectors

ALONE = threading.Lock()  # attention is switched, for all models, while a batch is laid end to end
PROBE = ["Where is the Station?", " a ", "१२ ぁ"]
PADDED = (1024, 32_768)  # tokens of a batch on a CPU, whose caches they fit, and on a GPU
ROUND = 16  # a padded batch's length on a GPU is a multiple of it: few shapes


def plain(model: SentenceTransformer) -> bool:
    """Whether the model's features are its tokenizer's ids and a mask, and its first module makes
    token states of them.
    """
    first, tokenizer = model[0], model.tokenizer
    known = (
        isinstance(first, Bridge | Branches | TargetReader) or type(first).__name__ == "Transformer"
    )
    if not known or not getattr(tokenizer, "is_fast", False):
        return False
    if tokenizer.truncation_side != "right":
        return False
    if (
        not all(getattr(module, "include_prompt", True) for module in model)
        or not model.max_seq_length
    ):
        return False
    features = first.preprocess(PROBE)
    if not {"input_ids", "attention_mask"} <= set(features):
        return False
    own = TextTokenizer(tokenizer.backend_tokenizer, int(model.max_seq_length))(PROBE)
    theirs = [
        ids[mask.bool()].tolist()
        for ids, mask in zip(features["input_ids"], features["attention_mask"], strict=True)
    ]
    return [ids.tolist() for ids in own] == theirs


def runner_of(
    model: SentenceTransformer, budget: int | None, *, bf16: bool, compile: bool, own: bool
) -> TorchRunner | TableRunner | None:
    """What drives a model; None for one that the library has to read texts for. `budget` null is
    1,024 tokens on a CPU, 32,768 on a GPU.
    """
    if type(model[0]).__name__ == "StaticEmbedding":
        return TableRunner(model, budget or 1 << 18)
    return (
        TorchRunner(
            model, budget or PADDED[model.device.type != "cpu"], bf16=bf16, compile=compile, own=own
        )
        if plain(model)
        else None
    )


class TableRunner:
    """Drives sentence-transformers' table of words, whose texts are ids end to end already."""

    padded = False

    def __init__(self, model: SentenceTransformer, budget: int) -> None:
        self.model, self.budget = model, budget

    @property
    def dim(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        found = self.model.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.uint32) for encoding in found]

    def start(self, rows: list[Ids]) -> torch.Tensor:
        device = torch.device(self.model.device)
        offsets = torch.from_numpy(np.cumsum([0, *map(len, rows[:-1])]))
        with torch.inference_mode():
            vectors = self.model(
                {"input_ids": flat(rows, device), "offsets": to_device(offsets, device)}
            )["sentence_embedding"]
            made: torch.Tensor = vectors.float()[:, : self.dim]
            return made

    def finish(self, started: torch.Tensor) -> Vectors:
        return units(np.asarray(started.cpu().numpy(), dtype=np.float32))


class TorchRunner:
    """Drives the modules of a plain model."""

    def __init__(
        self,
        model: SentenceTransformer,
        budget: int,
        *,
        bf16: bool,
        compile: bool = False,
        own: bool = False,
    ) -> None:
        """`own`: nobody else uses the model, so that its weights may be rounded to bf16 on a GPU."""
        self.model, self.budget, self.bf16 = model, budget, bf16
        self.device = torch.device(model.device)
        self.tokens = TextTokenizer(
            model.tokenizer.backend_tokenizer, int(model.max_seq_length or 512)
        )
        self.pad = int(model.tokenizer.pad_token_id or 0)
        first = self.model[0]
        parts = (
            (first.encoder, first.target)
            if isinstance(first, Bridge | Branches)
            else (first.auto_model,)
        )
        if (
            own and bf16 and self.device.type == "cuda"
        ):  # once, where autocast would do it for every batch
            for part in parts:
                families.cast_parameters(part, torch.bfloat16)
        pooled = len(self.model) > 1 and type(self.model[1]).__name__ == "Pooling"
        self.padded = not (pooled and all(varlen.fast(part, bf16=bf16) for part in parts))
        self._lock = nullcontext() if self.padded else ALONE
        self._pace = ThreadPace() if self.device.type == "cpu" else None
        if compile and not self.padded:
            for part in parts:
                varlen.fuse(part)

    @property
    def dim(self) -> int:
        return int(self.model.get_embedding_dimension() or 0)

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        return self.tokens(texts)

    def start(self, rows: list[Ids]) -> tuple[torch.Tensor, torch.cuda.Event | None]:
        gpu = self.device.type == "cuda"
        try:
            with (
                self._lock,
                self._pace.batch(len(rows) * max(map(len, rows))) if self._pace else nullcontext(),
                torch.inference_mode(),
                torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bf16),
            ):
                vectors = self._padded(rows) if self.padded else self._laid(rows)
                vectors = F.normalize(vectors.float()[:, : self.dim], dim=-1)
                if not gpu:
                    return vectors, None
                landed = torch.empty(vectors.shape, dtype=vectors.dtype, pin_memory=True).copy_(
                    vectors, non_blocking=True
                )
                done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
                done.record(torch.cuda.current_stream(self.device))
                return landed, done
        except (
            RuntimeError
        ) as error:  # of which running out of memory is a kind, on a GPU with a class of its own
            if not isinstance(error, torch.OutOfMemoryError) and "can't allocate memory" not in str(
                error
            ):
                raise
        if gpu:  # outside the handler, which holds on to what the failed batch had made
            torch.cuda.empty_cache()
        raise MemoryError

    def finish(self, started: tuple[torch.Tensor, torch.cuda.Event | None]) -> Vectors:
        vectors, done = started
        if done is not None:
            done.synchronize()
        return np.asarray(vectors.cpu().numpy(), dtype=np.float32)

    def _padded(self, rows: list[Ids]) -> torch.Tensor:
        width = max(map(len, rows))
        few = -(-width // ROUND) * ROUND if self.device.type == "cuda" else 1
        ids, mask = padded(rows, self.pad, min(few, max(self.tokens.max_tokens, width)))
        features = {
            name: to_device(torch.from_numpy(a), self.device)
            for name, a in (("input_ids", ids), ("attention_mask", mask))
        }
        found: torch.Tensor = self.model(features)["sentence_embedding"]
        return found

    def _laid(self, rows: list[Ids]) -> torch.Tensor:
        segments = Segments.of([len(row) for row in rows], self.device)
        ids, first = flat(rows, self.device), self.model[0]
        if isinstance(first, Bridge | Branches):
            states, segments = first.laid_end_to_end(ids, segments)
        else:
            states = varlen.run(first.auto_model, segments, ids=ids)
        features: dict[str, Any] = {
            "token_embeddings": states,
            "cu_seq_lens_q": segments.starts,
            "seq_idx": segments.owners(states.shape[1]),
        }
        for module in list(self.model)[1:]:
            features = module(features)
        found: torch.Tensor = features["sentence_embedding"]
        return found
