"""For each text the labelled examples nearest to it, and a prompt made of them: in-context learning.

Method: the `k` examples of the highest cosine, the nearest last, where a language model minds it most
(KATE, Liu et al. 2022, arXiv 2101.06804); with `spread` the nearest of each label come before a second
of any (so that no label is out of sight). Examples in one language serve texts in any. A text is no
example of itself. Cost: a product of texts and examples. Not where a classifier can be taught: it is
faster and tells how sure it is (`lusifer classify train`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lusifer.encoding import nearest_of
from lusifer.errors import LusiferError
from lusifer.insight.labelled import Labelled

if TYPE_CHECKING:
    from lusifer.models import Embedder, Vectors

PART = 1024  # texts that are embedded at a time
TEMPLATE = "Text: {text}\nLabel: {label}"


@dataclass(frozen=True)
class Example:
    """A labelled text, and its cosine to the text that it is an example for."""

    text: str
    label: str
    cosine: float


@dataclass(frozen=True)
class TextWithExamples:
    """A text and its examples, the nearest last."""

    text: str
    examples: tuple[Example, ...]

    def prompt(self, template: str = TEMPLATE) -> str:
        """The examples one below another, then the text without a label.

        Args:
            template: a text with `{text}` and, at its end, `{label}`.

        Returns:
            What a language model is to continue.

        Raises:
            LusiferError: for a template that does not end in `{label}`, or has no `{text}`.
        """
        if "{text}" not in template or not template.endswith("{label}"):
            raise LusiferError(f"the template {template!r} must hold {{text}} and end in {{label}}")
        asked = template.removesuffix("{label}")
        shown = [asked.replace("{text}", one.text) + one.label for one in self.examples]
        return "\n\n".join([*shown, asked.rstrip().replace("{text}", self.text)])


def nearest_examples(
    model: Embedder,
    labelled: Labelled,
    texts: Iterable[str],
    *,
    k: int = 8,
    spread: bool = False,
    prompt: str | None = None,
) -> Iterator[TextWithExamples]:
    """The nearest examples of each text.

    Args:
        model: any embedder.
        labelled: the examples.
        texts: in any language; they are taken in parts, so that there may be more than the memory
            holds.
        k: examples a text, at most.
        spread: the nearest of each label first.
        prompt: the name of one of the model's prompts, for texts and examples.

    Returns:
        Each text in order with its examples.

    Raises:
        LusiferError: for a `k` below 1.
    """
    if k < 1:
        raise LusiferError(f"k is {k}; ask for one example or more")
    known = np.asarray(model.encode(labelled.texts, prompt=prompt))
    itself = max(Counter(labelled.texts).values())  # so many of the nearest may be the text
    stream = iter(texts)
    while part := list(itertools.islice(stream, PART)):
        vectors = np.asarray(model.encode(part, prompt=prompt))
        wanted = len(known) if spread else min(len(known), k + itself)
        cosines, places = nearest_of(vectors, known, wanted)
        for text, row, near in zip(part, places, cosines, strict=True):
            chosen = _chosen(text, labelled, row.tolist(), k, spread=spread)
            yield TextWithExamples(text, _as_examples(labelled, chosen, row, near))


def _chosen(
    text: str, labelled: Labelled, order: Sequence[int], k: int, *, spread: bool
) -> list[int]:
    """The rows of the examples, the nearest first."""
    others = [i for i in order if i >= 0 and labelled.texts[i] != text]
    if not spread:
        return others[:k]
    turn: dict[str, int] = {}
    turns = []
    for i in others:
        turns.append(turn.setdefault(labelled.labels[i], 0))
        turn[labelled.labels[i]] += 1
    by_turn = sorted(range(len(others)), key=lambda place: (turns[place], place))[:k]
    return [others[place] for place in sorted(by_turn)]


def _as_examples(
    labelled: Labelled, chosen: Sequence[int], row: Vectors, near: Vectors
) -> tuple[Example, ...]:
    cosine = dict(zip(row.tolist(), near.tolist(), strict=True))
    return tuple(
        Example(labelled.texts[i], labelled.labels[i], round(float(cosine[i]), 6))
        for i in reversed(chosen)
    )
