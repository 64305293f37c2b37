"""A model behind a URL as an `Embedder`: the OpenAI embeddings format, which vLLM, TEI, llama.cpp,
Ollama and others speak.

`https://host/v1#name` names the model; the key is read from LUSIFER_API_KEY or OPENAI_API_KEY, and
sent nowhere else. A busy server (429, 5xx) is asked again four times, with longer and longer waits.
Cost: the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lusifer.errors import ModelError
from lusifer.io import http
from lusifer.models.embedder import BaseEmbedder

if TYPE_CHECKING:
    from lusifer.models.embedder import Vectors

BATCH = 64
WAITS = http.WAITS


class EndpointEmbedder(BaseEmbedder):
    """An endpoint; it is asked for a vector once, to know their size."""

    normalized = True

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        self.url, _, self.model = url.partition("#")
        self.url = self.url.rstrip("/")
        if not self.url.endswith("/embeddings"):
            self.url += "/embeddings"
        self.timeout = timeout
        self._dim = self._ask(["a"]).shape[1]

    @property
    def dim(self) -> int:
        return int(self._dim)

    @property
    def max_tokens(self) -> int:
        """Not told by the endpoint: 0."""
        return 0

    @property
    def prompts(self) -> Mapping[str, str]:
        return {}

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        return np.concatenate(
            [self._ask(list(texts[i : i + BATCH])) for i in range(0, len(texts), BATCH)]
        )

    def _ask(self, texts: list[str]) -> Vectors:
        body = {"input": [text or " " for text in texts], "encoding_format": "float"} | (
            {"model": self.model} if self.model else {}
        )
        answer = http.post(self.url, body, self.timeout, WAITS)
        try:
            rows = sorted(answer["data"], key=lambda item: item["index"])
            vectors = np.array([row["embedding"] for row in rows], dtype=np.float32)
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{self.url}: the answer is not in the embeddings format ({error})"
            ) from None
        if (
            vectors.ndim != 2
            or len(vectors) != len(texts)
            or not np.isfinite(vectors).all()
            or not (norms > 0).all()
        ):
            raise ModelError(
                f"{self.url}: {len(texts)} texts were asked, the answer holds {vectors.shape} numbers, or NaN, or nothing"
            )
        return np.asarray(vectors / norms, dtype=np.float32)
