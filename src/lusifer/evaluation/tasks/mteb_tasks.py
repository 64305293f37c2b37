"""Data sets of mteb as tasks here, and a model here as mteb sees one: one runner serves both.

Each distinct text is embedded once, whatever sets hold it; mteb's own cache is not used, so that
two local models never share scores. A prompt is the model's own, the most specific that it has. The
score is mteb's main score. What it is made of, an example at a time, is taken from the predictions
where that gives the same score (correlations, AP, nDCG, mAP, accuracy); for other scores it is
mteb's own repetitions (F1, V-measure of drawn samples), and n says how many.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from lusifer.encoding import Encoder
from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluation.prompts import prompt_for
from lusifer.evaluation.scores import Measured, v_measure
from lusifer.text import Languages

if TYPE_CHECKING:
    from lusifer.models import Vectors

CROSSLINGUAL = "crosslingual"
SIMILARITIES = {
    "cosine_scores": 1,
    "similarity_scores": 1,
    "dot_scores": 1,
    "euclidean_distances": -1,
    "manhattan_distances": -1,
}
# how near the statistic of the examples comes to the main score, if they are what it is made of
NEAR = 1e-4


@dataclass(frozen=True)
class MtebSet:
    """A data set of mteb, in one language of the benchmark. `codes` are mteb's for it."""

    dataset: str
    language: str
    codes: tuple[str, ...]
    split: str
    main_score: str
    subset: str | None = None
    kind: ClassVar[str] = "mteb"
    files: ClassVar[tuple[str, ...]] = ()

    @property
    def name(self) -> str:
        """Of the run: the set's name and the language."""
        return f"{self.dataset}.{self.language}"

    @property
    def overlaps(self) -> tuple[str, ...]:
        """The set itself, by mteb's name: so training sets are listed there."""
        return (self.dataset.lower(),)

    @property
    def revision(self) -> str:
        """Which state of the data is scored, and by which release of mteb."""
        from importlib.metadata import version

        return f"{version('mteb')} {self.task().metadata.dataset.get('revision')} {self.split} {self.subsets()}"

    def task(self) -> Any:
        """mteb's task. Raises MissingExtra without mteb."""
        try:
            import mteb
        except ModuleNotFoundError:
            raise MissingExtra("mteb", "eval") from None
        return mteb.get_task(self.dataset)

    def subsets(self) -> list[str]:
        """The parts of the set in this language; where there are none its pairs with it; for all,
        pairs of different languages.
        """
        if self.subset:
            return [self.subset]
        spoken = self.task().metadata.eval_langs
        if not isinstance(spoken, Mapping):
            return ["default"]
        wanted = {code.replace("_", "-") for code in self.codes}
        if self.language == CROSSLINGUAL:
            across = [k for k, langs in spoken.items() if len({lang[:3] for lang in langs}) > 1]
            return [k for k in across if set(spoken[k]) <= wanted] or across
        alone = [k for k, langs in spoken.items() if set(langs) <= wanted]
        return alone or [k for k, langs in spoken.items() if set(langs) & wanted]

    def size(self) -> tuple[int, int]:
        """Examples and characters of the split in this language, as mteb counted them; 0 where it
        did not.
        """
        stats = (self.task().metadata.descriptive_stats or {}).get(self.split) or {}
        parts = stats.get("hf_subset_descriptive_stats")
        chosen = [parts[s] for s in self.subsets() if s in parts] if parts else [stats]
        return sum(s.get("num_samples") or 0 for s in chosen), sum(
            s.get("number_of_characters") or _characters(s) for s in chosen
        )

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        """Run the set. Raises LusiferError where its data cannot be had or read."""
        task, subsets = self.task(), self.subsets()
        try:
            task.hf_subsets = subsets
            found, predictions = evaluated(task, self.split, model)
        except LusiferError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            raise LusiferError(
                f"{self.dataset}: could not be run ({type(error).__name__}: {reason})"
            ) from error
        for subset, scores in found.items():
            label = self.language if len(found) == 1 else subset
            yield examples(self, label, task, subset, scores, predictions.get(subset))


class ScoredSplit(Protocol):
    """A split of a data set that has a score."""

    @property
    def name(self) -> str:
        """Of the run."""

    @property
    def main_score(self) -> str:
        """By mteb's name."""

    @property
    def split(self) -> str:
        """By mteb's name."""


def evaluated(
    task: Any, split: str, model: Encoder
) -> tuple[Mapping[str, Mapping[str, Any]], dict[str, Any]]:
    """Have mteb run a split of a task, its data loaded where they are not.

    Args:
        task: mteb's, its subsets chosen.
        split: by mteb's name.
        model: what embeds.

    Returns:
        The scores and the predictions of each subset; no predictions where mteb keeps none.

    Raises:
        Exception: whatever mteb raises.
    """
    with tempfile.TemporaryDirectory(prefix="lusifer-mteb-") as folder:
        if not task.data_loaded:
            task.load_data()
        found = task.evaluate(
            MtebModel(model), split, encode_kwargs={}, prediction_folder=Path(folder)
        )
        stored = [
            json.loads(file.read_text(encoding="utf-8"))
            for file in Path(folder).rglob("*_predictions.json")
        ]
    predictions = {
        subset: parts[split]
        for kept in stored
        for subset, parts in kept.items()
        if subset in found and isinstance(parts, Mapping) and split in parts
    }
    return found, predictions


def examples(
    part: ScoredSplit,
    label: str,
    task: Any,
    subset: str,
    scores: Mapping[str, Any],
    predictions: Any,
) -> Measured:
    """What a main score is made of, an example or a repetition at a time; the score alone where
    neither is known.
    """
    main = float(scores["main_score"])
    for found in _candidates(part, task, subset, scores, predictions):
        measured = Measured(part.name, label, part.main_score, *found)
        if abs(measured.value() - main) < NEAR:
            return measured
    return Measured(part.name, label, part.main_score, np.array([main]))


def _candidates(
    part: ScoredSplit, task: Any, subset: str, scores: Mapping[str, Any], predictions: Any
) -> Iterator[tuple[Any, ...]]:
    """(values,) or (values, gold, statistic), the most telling first."""
    data = task.dataset.get(subset, task.dataset)[part.split]
    name = part.main_score
    columns = getattr(data, "column_names", data)
    if name.endswith("_spearman") and isinstance(predictions, Mapping) and "score" in columns:
        yield (
            np.array(predictions["cosine_scores"]),
            np.array(data["score"], dtype=np.float64),
            "spearman",
        )
    elif name.endswith("_ap") and isinstance(predictions, Mapping):
        gold = np.array(data[task.label_column_name])
        for key, sign in SIMILARITIES.items():
            if key in predictions:
                yield sign * np.array(predictions[key]), gold, "average precision"
    elif name.startswith(("ndcg_at_", "map_at_")) and isinstance(predictions, Mapping):
        yield (by_query(predictions, data["relevant_docs"], name),)
    elif (
        name == "accuracy" and isinstance(predictions, list) and hasattr(task, "label_column_name")
    ):
        gold = np.array(data[task.label_column_name])
        yield ((np.array(predictions) == gold).mean(0),)
    elif name == "v_measure" and predictions and task.label_column_name in columns:
        gold = data[task.label_column_name]
        if np.ndim(gold[0]):
            yield (
                np.array(
                    [
                        v_measure(np.array(p), np.array(g))
                        for p, g in zip(predictions, gold, strict=True)
                    ]
                ),
            )
        elif np.shape(predictions) == np.shape(gold):
            yield np.array(predictions), np.array(gold), "v-measure"
    yield from _repetitions(name, scores)


def _repetitions(name: str, scores: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """mteb's own repetitions of a score, if it tells them."""
    each = scores.get("scores_per_experiment")
    if each:
        yield (np.array([float(one[name]) for one in each if one.get(name) is not None]),)
    for one in (
        (scores.get("v_measures") or {}).values()
        if isinstance(scores.get("v_measures"), Mapping)
        else ()
    ):
        yield (np.array(one, dtype=np.float64),)


def by_query(
    results: Mapping[str, Mapping[str, float]], relevant: Mapping[str, Mapping[str, int]], name: str
) -> Any:
    """nDCG or average precision at a cut, for each query that has relevant documents."""
    import pytrec_eval

    measure, cut = name.split("_at_")
    wanted = {"ndcg": "ndcg_cut", "map": "map_cut"}[measure]
    judged = pytrec_eval.RelevanceEvaluator(
        {q: {d: int(g) for d, g in docs.items()} for q, docs in relevant.items()},
        {f"{wanted}.{cut}"},
    )
    without_self = {
        q: {d: float(s) for d, s in docs.items() if d != q} for q, docs in results.items()
    }
    found = judged.evaluate(without_self)
    return np.array([found[q][f"{wanted}_{cut}"] if q in found else 0.0 for q in relevant])


def _characters(stats: Mapping[str, Any]) -> int:
    """The characters of all columns of text."""
    return sum(
        int(s.get("total_text_length") or 0) for s in stats.values() if isinstance(s, Mapping)
    )


class MtebModel:
    """mteb's `EncoderProtocol` over an encoder here."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def encode(
        self,
        inputs: Iterable[Mapping[str, Any]],
        *,
        task_metadata: Any,
        prompt_type: Any = None,
        **settings: Any,
    ) -> Vectors:
        """Unit vectors of the texts of all batches, in order."""
        texts = [text for batch in inputs for text in batch["text"]]
        return self.encoder(
            texts,
            prompt_for(
                self.encoder.model.prompts, task_metadata.name, task_metadata.type, prompt_type
            ),
        )

    def similarity(self, first: Any, second: Any) -> Any:
        """Cosines of all pairs: rows are unit vectors."""
        import torch

        return torch.as_tensor(
            np.atleast_2d(np.asarray(first)) @ np.atleast_2d(np.asarray(second)).T
        )

    def similarity_pairwise(self, first: Any, second: Any) -> Any:
        """Cosines row by row."""
        import torch

        return torch.as_tensor((np.asarray(first) * np.asarray(second)).sum(-1))

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb wants to know; it keeps nothing by it, for its cache is not used."""
        from mteb.models import ModelMeta

        return ModelMeta.create_empty(
            {"name": "lusifer/model", "revision": "none", "embed_dim": self.encoder.model.dim}
        )
