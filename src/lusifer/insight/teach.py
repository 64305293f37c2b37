"""Teaching a classifier: labels in one language, texts in any.

Method: vectors of all texts once; cross-validation, in which equal texts never lie on both sides,
chooses the head's strength by its log loss, fits the temperature, finds from what probability each
label is right as often as is asked, and says how good the classifier is, language by language with
bootstrap intervals; then the head is fitted on everything. Cost: the vectors, and 5 fits for each
of `STRENGTHS`. Not where texts of one class have nothing in common: there are no directions for that.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluation import Measured, Score, resamples
from lusifer.insight.classifier import Classifier
from lusifer.insight.head import (
    Floats,
    Head,
    Ints,
    Kind,
    calibration_error,
    fitted_temperature,
    softmax,
)
from lusifer.insight.labelled import Labelled, by_language
from lusifer.models import LoadedModel

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
FOLDS = 5
PREFERRED = ("classification",)  # prompts that a model may have for this


@dataclass(frozen=True)
class Teaching:
    """How a classifier is taught.

    Args:
        kind: the head: `logistic`, or `mlp` with one hidden layer.
        balanced: whether each label counts the same, however many examples it has.
        precision: give a label only where it is right so often (0 to 1), by cross-validation; None
            always gives the likeliest.
        prompt: one of the model's prompts; without it `classification`, if the model has that.
        folds: of the cross-validation.
        seed: of what is drawn at random.
    """

    kind: Kind = "logistic"
    balanced: bool = False
    precision: float | None = None
    prompt: str | None = None
    folds: int = FOLDS
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("logistic", "mlp"):
            raise LusiferError(f"kind is {self.kind!r}; it must be logistic or mlp")
        if self.precision is not None and not 0 < self.precision <= 1:
            raise LusiferError(f"precision is {self.precision}; it must be above 0 and at most 1")
        if self.folds < 2:
            raise LusiferError(f"folds is {self.folds}; cross-validation needs 2 or more")


def train_classifier(
    rows: Labelled, model: LoadedModel | str = "default", teaching: Teaching | None = None
) -> Classifier:
    """Teach a classifier.

    Args:
        rows: texts and labels, as `read_labelled` gives them; two labels or more, each with two
            different texts or more.
        model: the embedder, or its name as for `lusifer.load`.
        teaching: the settings.

    Returns:
        The classifier; its `about` holds the cross-validation's figures.

    Raises:
        LusiferError: where there are too few labels or examples, or no such prompt.
        MissingExtra: where scikit-learn is not installed.
    """
    teaching = teaching or Teaching()
    model = model if isinstance(model, LoadedModel) else LoadedModel.load(model)
    names, labels = _classes(rows)
    prompt = teaching.prompt or next((p for p in PREFERRED if p in model.embedder.prompts), None)
    vectors = model.embedder.encode(rows.texts, prompt=prompt)
    folds = list(_folds(rows.texts, labels, teaching))
    best: tuple[float, float, Floats] | None = None
    for strength in STRENGTHS:
        logits = np.zeros((len(labels), len(names)))
        for train, test in folds:
            head = _fit(vectors[train], labels[train], teaching, strength)
            logits[test] = _spread(head, vectors[test], labels[train], len(names))
        loss = -np.log(softmax(logits)[np.arange(len(labels)), labels] + 1e-12).mean()
        if best is None or loss < best[0]:
            best = (float(loss), strength, logits)
    assert best is not None
    _, strength, logits = best
    temperature = fitted_temperature(logits, labels)
    probabilities = softmax(logits / temperature)
    thresholds = _thresholds(probabilities, labels, names, teaching.precision)
    head = replace(_fit(vectors, labels, teaching, strength), temperature=temperature)
    about = {
        "examples": {name: int((labels == i).sum()) for i, name in enumerate(names)},
        "kind": teaching.kind,
        "balanced": teaching.balanced,
        "precision": teaching.precision,
        "strength": strength,
        "folds": len(folds),
        "seed": teaching.seed,
        "calibration error": {
            "before": round(calibration_error(softmax(logits), labels), 4),
            "after": round(calibration_error(probabilities, labels), 4),
        },
        "scores": [
            score.row()
            for score in judge(names, labels, probabilities, rows.languages, "cross-validation")
        ],
        "labels": _by_label(names, labels, probabilities, thresholds),
    }
    return Classifier(model, names, head, prompt, thresholds, about)


def evaluate_classifier(classifier: Classifier, rows: Labelled) -> list[Score]:
    """How good a classifier is on rows that it was not taught on.

    Args:
        classifier: any.
        rows: texts and labels.

    Returns:
        Accuracy and macro-F1 of all rows, and of each language where languages are told, with the
        bounds of 95 % of bootstrap resamples.

    Raises:
        LusiferError: for a label that the classifier does not know.
    """
    known = {name: i for i, name in enumerate(classifier.labels)}
    unknown = sorted(set(rows.labels) - set(known))
    if unknown:
        raise LusiferError(
            f"the label {unknown[0]!r} is none of the classifier's: {', '.join(classifier.labels)}"
        )
    labels = np.array([known[label] for label in rows.labels], dtype=np.int64)
    found = classifier.probabilities(rows.texts)
    return list(judge(classifier.labels, labels, found, rows.languages, "classification"))


def judge(
    names: Sequence[str], labels: Ints, probabilities: Floats, languages: Sequence[str], task: str
) -> Iterator[Score]:
    """Accuracy and macro-F1, of all and of each language."""
    found = probabilities.argmax(1)
    groups = [("all", np.arange(len(labels)))]
    if len(set(languages)) > 1:
        groups += [(name or "not told", np.array(rows)) for name, rows in by_language(languages)]
    for name, rows in groups:
        right = (found[rows] == labels[rows]).astype(np.float64)
        yield Measured(task, name, "accuracy", right).score()
        yield _macro_f1(task, name, found[rows], labels[rows], len(names))


def _macro_f1(task: str, language: str, found: Ints, labels: Ints, classes: int) -> Score:
    """The mean of the F1 of the classes that occur, with its bootstrap interval."""

    def of(counts: Any) -> Any:
        scores, present = [], []
        for number in range(classes):
            gold, said = labels == number, found == number
            both, either = counts @ (gold & said), counts @ gold + counts @ said
            scores.append(2 * both / np.maximum(either, 1e-9))
            present.append(counts @ gold > 0)
        there = np.array(present)
        return (np.array(scores) * there).sum(0) / np.maximum(there.sum(0), 1)

    n = len(labels)
    draws = np.concatenate([of(counts) for counts in resamples(n)])
    low, high = np.quantile(draws, [0.025, 0.975])
    value = float(of(np.ones((1, n)))[0])
    return Score(task, language, "macro-F1", value, float(low), float(high), n)


def _classes(rows: Labelled) -> tuple[tuple[str, ...], Ints]:
    names = tuple(sorted(set(rows.labels)))
    if len(names) < 2:
        raise LusiferError(
            f"all rows have the label {names[0]!r}; a classifier tells two labels or more"
        )
    number = {name: i for i, name in enumerate(names)}
    labels = np.array([number[label] for label in rows.labels], dtype=np.int64)
    texts = np.array([_same(text) for text in rows.texts], dtype=object)
    for i, name in enumerate(names):
        if len(set(texts[labels == i])) < 2:
            raise LusiferError(f"the label {name!r} has one text; give two different ones or more")
    return names, labels


def _same(text: str) -> str:
    """A text as it is compared: texts that differ in case and blanks alone are one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _folds(texts: Sequence[str], labels: Ints, teaching: Teaching) -> Iterator[tuple[Ints, Ints]]:
    """Rows to teach on and rows to test on; equal texts are in the same fold, and each fold has of
    each label its share.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold
    except ModuleNotFoundError:
        raise MissingExtra("scikit-learn", "insight") from None
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(_same(text), len(numbers)) for text in texts]
    fewest = min(
        len({groups[i] for i in np.flatnonzero(labels == label)}) for label in np.unique(labels)
    )
    count = max(2, min(teaching.folds, fewest))
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=teaching.seed)
    for train, test in splitter.split(np.zeros(len(labels)), labels, groups):
        if len(test) and len(np.unique(labels[train])) > 1:
            yield np.asarray(train, dtype=np.int64), np.asarray(test, dtype=np.int64)


def _fit(vectors: Any, labels: Ints, teaching: Teaching, strength: float) -> Head:
    _, dense = np.unique(labels, return_inverse=True)
    return Head.fit(
        vectors,
        np.asarray(dense, dtype=np.int64),
        kind=teaching.kind,
        strength=strength,
        balanced=teaching.balanced,
        seed=teaching.seed,
    )


def _spread(head: Head, vectors: Any, labels: Ints, classes: int) -> Floats:
    """A head's logits in the columns of all classes; one that the fold did not have is unlikely."""
    found = head.logits(vectors)
    out = np.full((len(vectors), classes), found.min() - 10.0)
    out[:, np.unique(labels)] = found
    return out


def _thresholds(
    probabilities: Floats, labels: Ints, names: Sequence[str], precision: float | None
) -> dict[str, float]:
    """For each label the smallest probability from which it is right often enough; 1.01, which none
    reaches, where it never is.
    """
    if precision is None:
        return {}
    found = probabilities.argmax(1)
    thresholds = {}
    for number, name in enumerate(names):
        rows = np.flatnonzero(found == number)
        sure = probabilities[rows, number]
        order = np.argsort(-sure, kind="stable")
        right = np.cumsum(labels[rows][order] == number)
        reached = np.flatnonzero(right >= precision * np.arange(1, len(order) + 1) - 1e-9)
        thresholds[name] = float(sure[order][reached[-1]]) if len(reached) else 1.01
    return thresholds


def _by_label(
    names: Sequence[str], labels: Ints, probabilities: Floats, thresholds: dict[str, float]
) -> dict[str, dict[str, float]]:
    """Precision and recall of each label as it is given, by cross-validation."""
    found, sure = probabilities.argmax(1), probabilities.max(1)
    table = {}
    for number, name in enumerate(names):
        given = (found == number) & (sure >= thresholds.get(name, 0.0))
        right, gold = int((given & (labels == number)).sum()), int((labels == number).sum())
        table[name] = {
            "precision": round(right / max(1, int(given.sum())), 4),
            "recall": round(right / max(1, gold), 4),
            "given": int(given.sum()),
        }
    return table
