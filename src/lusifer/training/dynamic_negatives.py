"""Dynamic hard negatives: as a model learns, each row's negatives are chosen anew among its candidates.

Method: every so many steps the model of that moment embeds the rows that the next steps will draw, and
each takes those of its candidates that now come nearest to the query without coming nearer than its
document allows (`relative_margin`, as in mining). What has become easy is replaced by what has not (ANCE,
arXiv 2007.00808; Conan-embedding, arXiv 2408.15710). A choice is made at a checkpoint and kept, so a
resumed run draws the same. Cost: one forward pass of 2 + `candidates` texts for each row that is drawn.
Not with few candidates mined: there is nothing to choose.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lusifer.data import RowStore
from lusifer.encoding import Encoder
from lusifer.errors import LusiferError
from lusifer.io import replacing_file
from lusifer.models import TorchEmbedder
from lusifer.training.optim import Optim, use_bf16
from lusifer.training.pair_batches import PairBatches
from lusifer.training.processes import rank_and_world, wait_for_all

# Of each store: which of its candidates each row takes, (rows, k).
Choice = list[npt.NDArray[np.int16]]


@dataclass(frozen=True)
class Dynamic:
    """Every `every` steps the recipe's `negatives` are chosen among each row's first `candidates`."""

    every: int = 500
    candidates: int = 15
    relative_margin: float = 0.05

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("dynamic.every is in steps, 1 or more")
        if not 0 <= self.relative_margin < 1:
            raise ValueError(
                "dynamic.relative_margin is a share of the document's score, from 0 to below 1"
            )


def stretches(steps: int, every: int) -> Iterator[tuple[int, int]]:
    """The stretches of a run, (first step, step after the last), between two choices."""
    for start in range(0, steps, every):
        yield start, min(start + every, steps)


def choose(
    queries: npt.NDArray[np.float32],
    documents: npt.NDArray[np.float32],
    candidates: npt.NDArray[np.float32],
    wanted: int,
    relative_margin: float,
) -> npt.NDArray[np.int16]:
    """Which candidates are the negatives: the nearest of those below the document's cosine less the margin,
    then, where these are too few, the least near of the others.

    Args:
        queries: unit rows (n, d).
        documents: unit rows (n, d), each query's right one.
        candidates: unit rows (n, c, d).
        wanted: how many of the c.
        relative_margin: the share of the document's cosine.

    Returns:
        Numbers (n, wanted), hardest first.
    """
    right = (queries * documents).sum(-1, keepdims=True)
    scores = np.einsum("nd,ncd->nc", queries, candidates)
    near = scores > right - np.abs(right) * relative_margin  # perhaps right, too
    order = np.argsort(np.where(near, -scores - 4, scores) * -1, axis=1, kind="stable")
    return order[:, :wanted].astype(np.int16)


def first_ones(stores: Sequence[RowStore], wanted: int) -> Choice:
    """The choice of the first candidates, as they were mined: of rows that are held out, and at first.

    Args:
        stores: of the rows.
        wanted: negatives a row.
    """
    first = np.arange(wanted, dtype=np.int16)
    return [np.tile(first, (len(store), 1)) for store in stores]


class Chooser:
    """Makes and keeps a run's choices."""

    def __init__(
        self, batches: PairBatches, settings: Dynamic, wanted: int, optim: Optim, folder: Path
    ) -> None:
        """`wanted`: negatives a row; `folder`: where choices are kept."""
        self.batches, self.settings, self.wanted = batches, settings, wanted
        self.optim, self.folder = optim, folder

    def take(self, model: Any, start: int, stop: int, reached: int) -> None:
        """Have the batches of the steps `start` to `stop` draw by the model's choice.

        Args:
            model: with the weights of the step `reached`.
            start: the first of the steps.
            stop: the step after the last.
            reached: of which step the model's weights are.

        Raises:
            LusiferError: where the choice is not kept and the model is past it.
        """
        file = self.folder / f"negatives-{start}-{stop}.npz"
        if not file.exists() and rank_and_world()[0] == 0:
            if reached != start:
                raise LusiferError(
                    f"{file}: the negatives that were chosen at step {start} are not there; begin anew with --restart"
                )
            with replacing_file(file) as stream:
                made = self._choice(model, start, stop)
                np.savez(stream, *made)
        wait_for_all()
        with np.load(file) as kept:
            self.batches.choice = [kept[name] for name in kept.files]

    def _choice(self, model: Any, start: int, stop: int) -> Choice:
        """Of each store; rows that no step draws keep their first candidates."""
        found = first_ones(self.batches.stores, self.wanted)
        drawn: list[set[int]] = [set() for _ in found]
        for number in range(start * self.optim.accumulate, stop * self.optim.accumulate):
            for source, row in self.batches.drawn(number):
                drawn[source].add(row)
        longest, training = model.max_seq_length, model.training
        model.max_seq_length = self.batches.max_tokens
        try:
            with tempfile.TemporaryDirectory(prefix="lusifer-negatives-") as aside:
                embedder = TorchEmbedder(model, bf16=use_bf16(self.optim.precision))
                encoder = Encoder(embedder, Path(aside))
                for source, rows in enumerate(drawn):
                    if rows:
                        some = np.array(sorted(rows), dtype=np.int64)
                        found[source][some] = self._of(encoder, source, some)
        finally:
            model.max_seq_length = longest
            model.train(training)
        return found

    def _of(
        self, encoder: Encoder, source: int, rows: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int16]:
        store: RowStore = self.batches.stores[source]
        made = []
        for start in range(0, len(rows), 4096):
            places = [(source, int(row)) for row in rows[start : start + 4096]]
            texts = [store[row] for _, row in places]
            asked = self.batches.prompts_of("query", places)
            shown = self.batches.prompts_of("document", places)
            queries = encoder([p + t[0] for p, t in zip(asked, texts, strict=True)])
            others = encoder(
                [p + text for p, t in zip(shown, texts, strict=True) for text in t[1:]]
            )
            others = others.reshape(len(texts), -1, others.shape[1])
            made.append(
                choose(
                    queries, others[:, 0], others[:, 1:], self.wanted, self.settings.relative_margin
                )
            )
        return np.concatenate(made)


def check_candidates(settings: Dynamic, wanted: int, have: Sequence[int]) -> None:
    """Raise ValueError where there is nothing to choose among.

    Args:
        settings: the recipe's.
        wanted: negatives a row.
        have: how many columns of negatives each source has.
    """
    least = min((settings.candidates, *have))
    if not 0 < wanted < least:
        raise ValueError(
            f"dynamic chooses among more candidates than negatives: the recipe's negatives are {wanted}, the candidates {least}"
        )
