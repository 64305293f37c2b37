"""Three ways to compare two texts with one pass of a model: one vector, weighted words, a vector a
token (BGE-M3, arXiv 2402.03216).

The dense vector is the model's own. Sparse: each token's weight is relu of a line through its
state, a word's the largest of its tokens'. Multi-vector: a unit vector a token; a query's tokens
take their best among the document's, on average. Beside a standard model's folder lie `heads.json`
and `heads.safetensors`: any reader of that folder has the dense model, `lusifer.load` all three.
Cost: two small products a token; a multi-vector index is a hundred times a dense one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from lusifer.errors import ModelError
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.batches import by_tokens
from lusifer.models.embedder import Vectors, check_texts, units
from lusifer.models.hub import read_json
from lusifer.models.late_interaction import Read, pair_scores

SETTINGS, WEIGHTS = "heads.json", "heads.safetensors"
PAIRS = 1024  # whose texts are held as token vectors


class Heads(nn.Module):
    """The last module of a model: adds `sparse_weights` (n, t) and `token_vectors` (n, t, dim) to
    its features.
    """

    def __init__(self, width: int, dim: int, special: Sequence[int]) -> None:
        super().__init__()
        self.width, self.dim, self.special = width, dim, sorted(set(special))
        self.sparse, self.multi = nn.Linear(width, 1), nn.Linear(width, dim)

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        states, mask, ids = (
            features["token_embeddings"],
            features["attention_mask"],
            features["input_ids"],
        )
        words = mask.bool() & ~torch.isin(ids, torch.tensor(self.special, device=ids.device))
        features["sparse_weights"] = F.relu(self.sparse(states)).squeeze(-1) * words
        features["token_vectors"] = (
            F.normalize(self.multi(states).float(), dim=-1) * mask[..., None]
        )
        return features

    def write(self, folder: Path) -> None:
        """Put the heads beside a model."""
        save_file(
            {k: v.detach().float().contiguous().cpu() for k, v in self.state_dict().items()},
            folder / WEIGHTS,
        )
        (folder / SETTINGS).write_text(
            json.dumps({"width": self.width, "dim": self.dim, "special": self.special}),
            encoding="utf-8",
        )

    @classmethod
    def read(cls, folder: Path) -> Heads:
        """The heads beside a model. Raises ModelError where they are damaged."""
        try:
            about: dict[str, Any] = read_json(folder / SETTINGS)
            heads = cls(int(about["width"]), int(about["dim"]), [int(i) for i in about["special"]])
            heads.load_state_dict(load_file(folder / WEIGHTS))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"{folder / WEIGHTS}: damaged or incomplete ({' '.join(str(error).split())[:160]})"
            ) from None
        return heads


def sparse_scores(queries: dict[str, Any], documents: dict[str, Any]) -> torch.Tensor:
    """(n, m): for each word that two texts share, the product of its weights, summed."""
    words, index = torch.unique(
        torch.cat([queries["input_ids"].flatten(), documents["input_ids"].flatten()]),
        return_inverse=True,
    )
    split = queries["input_ids"].numel()

    def spread(side: dict[str, Any], indices: torch.Tensor) -> torch.Tensor:
        weights = side["sparse_weights"].float()
        empty = weights.new_zeros(len(weights), len(words))
        found: torch.Tensor = empty.scatter_reduce(
            1, indices.view_as(side["input_ids"]), weights, "amax"
        )
        return found

    return spread(queries, index[:split]) @ spread(documents, index[split:]).T


def multi_scores(queries: dict[str, Any], documents: dict[str, Any]) -> torch.Tensor:
    """(n, m): the mean over a query's tokens of the best cosine among a document's."""
    mask, absent = queries["attention_mask"].float(), ~documents["attention_mask"].bool()
    wanted: Any = _BestCosines.apply
    scores: torch.Tensor = wanted(
        queries["token_vectors"],
        mask / mask.sum(1, keepdim=True),
        documents["token_vectors"],
        absent,
    )
    return scores


class _BestCosines(torch.autograd.Function):
    """A query at a time: t x (m u) cosines are held, not n times that. For the gradient only which
    token of each document was the best is kept.
    """

    @staticmethod
    def forward(
        ctx: Any,
        vectors: torch.Tensor,
        weights: torch.Tensor,
        others: torch.Tensor,
        absent: torch.Tensor,
    ) -> torch.Tensor:
        scores, best = [], []
        for own, weight in zip(vectors, weights, strict=True):
            cosines = torch.einsum("td,mud->tmu", own, others)
            found = cosines.masked_fill_(absent[None], float("-inf")).max(2)
            scores.append(weight.to(found.values.dtype) @ found.values)
            best.append(found.indices)
        ctx.save_for_backward(vectors, weights, others, torch.stack(best))
        return torch.stack(scores)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        vectors, weights, others, best = ctx.saved_tensors
        m, u, d = others.shape
        tokens, first = others.reshape(m * u, d), torch.arange(m, device=others.device) * u
        d_vectors, d_tokens = torch.empty_like(vectors), torch.zeros_like(tokens)
        for i, own in enumerate(vectors):
            at = (first + best[i]).flatten()  # (t m): the row of each document's best token
            share = (weights[i].to(grad.dtype)[:, None] * grad[i])[..., None].to(own.dtype)
            d_vectors[i] = (share * tokens[at].view(len(own), m, d)).sum(1)
            d_tokens.index_add_(0, at, (share * own[:, None]).reshape(-1, d))
        return d_vectors, None, d_tokens.view(m, u, d), None


class HybridEmbedder(TorchEmbedder):
    """An `Embedder` whose texts can be had as weighted words and as a vector a token, too."""

    def __init__(
        self,
        model: Any,
        heads: Heads,
        budget: int | None = None,
        *,
        bf16: bool = False,
        compile: bool = False,
    ) -> None:
        super().__init__(model, budget, bf16=bf16, compile=compile)
        self.heads = heads.to(model.device).eval()

    def encode_sparse(
        self, texts: Sequence[str], *, prompt: str | None = None
    ) -> list[dict[str, float]]:
        """Each text's words (the tokenizer's pieces) and their weights, those above 0."""
        found = self._parts(texts, prompt, ("input_ids", "sparse_weights"))
        return [self._words(ids, weights) for ids, weights in found]

    def encode_multi(self, texts: Sequence[str], *, prompt: str | None = None) -> list[Vectors]:
        """A matrix (tokens, dim) of unit rows for each text."""
        return [
            np.asarray(vectors, dtype=np.float32)
            for (vectors,) in self._parts(texts, prompt, ("token_vectors",))
        ]

    def score(self, queries: Sequence[str], documents: Sequence[str]) -> Vectors:
        """(n, m): dense + 0.3 sparse + multi-vector, with the model's prompts for queries and
        documents.
        """
        made = self.score_pairs([(q, d) for q in queries for d in documents])
        return np.array(made, dtype=np.float32).reshape(len(queries), len(documents))

    def score_pairs(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Scores of (query, document) pairs, as `score` gives them; each distinct text of some
        thousand pairs is read once.
        """
        found: list[float] = []
        for start in range(0, len(pairs), PAIRS):
            part = pairs[start : start + PAIRS]
            sides = [list(dict.fromkeys(pair[side] for pair in part)) for side in (0, 1)]
            place = [{text: i for i, text in enumerate(texts)} for texts in sides]
            rows = np.array([[place[0][q], place[1][d]] for q, d in part])
            read = [
                self._read(texts, name if name in self.prompts else None)
                for texts, name in zip(sides, ("query", "document"), strict=True)
            ]
            found += pair_scores(read[0], read[1], rows, self.model.device).tolist()
        return found

    def _read(self, texts: Sequence[str], prompt: str | None) -> list[Read]:
        """Each text's vector, words and tokens, of one pass."""
        names = ("sentence_embedding", "input_ids", "sparse_weights", "token_vectors")
        return [
            (units(dense[None])[0], self._words(ids, weights), tokens)
            for dense, ids, weights, tokens in self._parts(texts, prompt, names)
        ]

    def _words(self, ids: torch.Tensor, weights: Vectors) -> dict[str, float]:
        """A text's pieces with a weight above 0, the largest of each."""
        words: dict[str, float] = {}
        pieces = self.model.tokenizer.convert_ids_to_tokens(ids.tolist())
        for piece, weight in zip(pieces, weights.tolist(), strict=True):
            if weight > 0:
                words[piece] = max(weight, words.get(piece, 0.0))
        return words

    def _parts(
        self, texts: Sequence[str], prompt: str | None, names: tuple[str, ...]
    ) -> list[tuple[Any, ...]]:
        """For each text its tokens' rows of some features, and its own of `sentence_embedding`."""
        check_texts(texts, prompt, self.model.prompts)
        before = self.before(prompt)
        found: list[tuple[Any, ...]] = [()] * len(texts)
        for rows in by_tokens(self._lengths(texts), self.budget):
            features = self.model.preprocess([before + texts[row] for row in rows])
            features = {
                k: v.to(self.model.device) if hasattr(v, "to") else v for k, v in features.items()
            }
            with (
                torch.inference_mode(),
                torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.bf16),
            ):
                made = self.heads(self.model(features))
            for index, row in enumerate(rows):
                real = made["attention_mask"][index].bool()
                own = {
                    name: made[name][index]
                    if name == "sentence_embedding"
                    else made[name][index][real]
                    for name in names
                }
                found[row] = tuple(
                    value if name == "input_ids" else value.float().cpu().numpy()
                    for name, value in own.items()
                )
        return found
