"""A model behind a URL as an `Embedder`: the OpenAI embeddings format, which vLLM, TEI, llama.cpp,
Ollama and others speak.

`https://host/v1#name` names the model; the key is read from LUSIFER_API_KEY or OPENAI_API_KEY, and
sent nowhere else. A busy server (429, 5xx) is asked again four times, with longer and longer waits. One
that takes fewer texts at once is asked with half as many from then on; a text that is too long for it
is cut until it fits, and said. Cost: the network.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lusifer.errors import ModelError
from lusifer.io import http
from lusifer.models.embedder import BaseEmbedder

if TYPE_CHECKING:
    from lusifer.models.embedder import Vectors

BATCH = 64
TOO_MUCH = (400, 413, 422)  # what servers answer to too many texts, or too long ones
LENGTH = re.compile(r"token|length|too long|too large|maximum|context|exceed", re.I)
SHORTEST = 16  # characters that a text is cut to at least

log = logging.getLogger(__name__)
WAITS = http.WAITS


class EndpointEmbedder(BaseEmbedder):
    """An endpoint; it is asked for a vector once, to know their size."""

    normalized = True

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        self.url, _, self.model = url.partition("#")
        self.url = self.url.rstrip("/")
        if not self.url.endswith("/embeddings"):
            self.url += "/embeddings"
        self.timeout, self.batch, self.fits, self.cut = timeout, BATCH, 1, 0
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
        self.cut = 0
        found: list[Vectors] = []
        start = 0
        while start < len(texts):
            part = list(texts[start : start + self.batch])
            try:
                found.append(self._ask(part))
                self.fits = max(self.fits, len(part))
            except http.EndpointError as error:
                if error.status not in TOO_MUCH:
                    raise
                if len(part) > 1:
                    self.batch = len(part) // 2
                    continue
                found.append(self._ask_cut(part[0], error))
                # It was the text that was too long, not the batch.
                self.batch = self.fits if self.fits > 1 else BATCH
            start += len(part)
        if self.cut:
            log.warning("%s: %d texts were too long for it, and were cut", self.url, self.cut)
        return np.concatenate(found)

    def _ask_cut(self, text: str, error: http.EndpointError) -> Vectors:
        """The vector of the beginning of a text that is too long for the server."""
        while len(text) > SHORTEST and (error.status == 413 or LENGTH.search(error.what)):
            text = text[: len(text) // 2]
            try:
                vector = self._ask([text])
            except http.EndpointError as again:
                if again.status not in TOO_MUCH:
                    raise
                error = again
            else:
                self.cut += 1
                return vector
        raise error

    def _ask(self, texts: list[str]) -> Vectors:
        body = {"input": [text or " " for text in texts], "encoding_format": "float"} | (
            {"model": self.model} if self.model else {}
        )
        answer = http.post(self.url, body, self.timeout, WAITS)
        try:
            rows = answer["data"]
            if all("index" in row for row in rows):  # some servers leave it out, and keep the order
                rows = sorted(rows, key=lambda item: item["index"])
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
