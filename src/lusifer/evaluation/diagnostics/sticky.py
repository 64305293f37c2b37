"""Sticky tokens: inserted again and again, they pull the similarity of any two sentences to one
value.

Method (Sticky Token Detector; Chen et al., arXiv 2507.18171): the value is the mean cosine of the
model's single tokens; of sentence pairs those less alike than that are kept, since there a pull is
seen; each token of the vocabulary that a text can hold is put `TIMES` times behind the second
sentence of a few of them, and the 2 % that bring the cosine nearest to the value are looked at
again, in front, behind and at random positions, on up to 250 pairs. Sticky is a token with which
`SHARE` of those lie within `NEAR` of the value. Cost: some three texts a token of the vocabulary.
Not for an endpoint, whose tokens are not known. The paper finds its threshold per model; this is
fixed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lusifer.encoding import checked
from lusifer.errors import LusiferError
from lusifer.models import Embedder, TokenAccess

TIMES, FEW, MANY = 8, 3, 250
SHORTLIST, SHARE, NEAR = 0.02, 0.9, 0.05
BLOCK = 512  # tokens at a time


@dataclass(frozen=True)
class Sticky:
    """A token and the share of sentence pairs that it pulls to the value."""

    token: str
    share: float
    mean: float


def usable(tokens: TokenAccess, limit: int | None = None, seed: int = 0) -> list[str]:
    """Tokens that stay one token when they are written as text: the others nobody can insert.
    `limit` draws so many of them.
    """
    size = tokens.tokenizer.get_vocab_size()
    texts = tokens.tokenizer.decode_batch([[i] for i in range(size)], skip_special_tokens=True)
    written = [(i, text) for i, text in enumerate(texts) if text.strip() and i != tokens.unknown]
    again = tokens.ids([text for _, text in written])
    found = [text for (i, text), ids in zip(written, again, strict=True) if ids == [i]]
    found = list(dict.fromkeys(found))
    return (
        sorted(random.Random(seed).sample(found, limit)) if limit and limit < len(found) else found
    )


def detect(
    model: Embedder, sentences: Sequence[str], *, limit: int | None = None, seed: int = 0
) -> tuple[float, list[Sticky]]:
    """The value that tokens pull to, and the sticky ones, the stickiest first.

    There are none where no two sentences are less alike than tokens. Raises LusiferError where the
    tokens are not known.
    """
    tokens = TokenAccess.of(model)
    if tokens is None:
        raise LusiferError("sticky tokens: this model does not tell its tokens")
    every = usable(tokens, limit, seed)
    if len(every) < 2:
        raise LusiferError(f"sticky tokens are told among many; {len(every)} could be tried")
    rng = random.Random(seed)
    single = checked(model, rng.sample(every, min(1000, len(every)))).astype(np.float64)
    value = float(
        (np.square(single.sum(0)).sum() - len(single)) / (len(single) * (len(single) - 1))
    )
    pairs = _unlike(model, sentences, value, rng)
    if (
        not pairs
    ):  # all sentences are more alike than tokens are: there is nothing that a token could pull up
        return value, []
    few = pairs[:FEW]
    first = checked(model, [a for a, _ in few])
    off = np.empty(len(every))
    for i in range(0, len(every), BLOCK):
        block = every[i : i + BLOCK]
        second = checked(
            model, [f"{b} {' '.join([t] * TIMES)}" for t in block for _, b in few]
        ).reshape(len(block), len(few), -1)
        off[i : i + BLOCK] = np.abs(np.einsum("tpd,pd->tp", second, first) - value).mean(1)
    short = [
        every[i] for i in np.argsort(off, kind="stable")[: max(1, round(len(every) * SHORTLIST))]
    ]
    left = checked(model, [a for a, _ in pairs])
    found = []
    for token in short:
        made = [
            _inserted(b, token, position, rng)
            for _, b in pairs
            for position in ("before", "behind", "between")
        ]
        cosine = np.einsum("ptd,pd->pt", checked(model, made).reshape(len(pairs), 3, -1), left)
        share = float((np.abs(cosine - value) <= NEAR).all(1).mean())
        if share >= SHARE:
            found.append(Sticky(token, share, float(cosine.mean())))
    return value, sorted(found, key=lambda s: (-s.share, s.token))


def _unlike(
    model: Embedder, sentences: Sequence[str], value: float, rng: random.Random
) -> list[tuple[str, str]]:
    """Up to `MANY` pairs of sentences less alike than the value."""
    texts = rng.sample(list(dict.fromkeys(sentences)), min(2 * MANY, len(set(sentences))))
    x = checked(model, texts)
    half = len(texts) // 2
    return [(texts[i], texts[half + i]) for i in range(half) if float(x[i] @ x[half + i]) < value][
        :MANY
    ]


def _inserted(text: str, token: str, position: str, rng: random.Random) -> str:
    words, more = text.split(" "), [token] * TIMES
    if position == "between":
        for one in more:
            words.insert(rng.randint(0, len(words)), one)
        return " ".join(words)
    return " ".join(more + words if position == "before" else words + more)
