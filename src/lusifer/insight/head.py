"""A classifier's head: one or two layers on a vector, computed with numpy alone.

Method: multinomial logistic regression (scikit-learn, L2), or a network with one hidden layer (ReLU,
Adam, stopped early); logits are divided by one temperature, which cross-validation fits so that a
probability of .8 is right in eight cases of ten (Guo et al. 2017, arXiv 1706.04599). Cost: seconds
for 10,000 vectors. Not for more classes than some thousands: there a nearest neighbour is the tool.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lusifer.errors import MissingExtra

if TYPE_CHECKING:
    from lusifer.models import Vectors

Kind = Literal["logistic", "mlp"]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
HIDDEN = 256
ROUNDS = 2000
TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Head:
    """Layers (weights (in, out), bias (out,)) with ReLU between, and the temperature of their
    logits.
    """

    layers: tuple[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]], ...]
    temperature: float = 1.0

    def logits(self, vectors: Vectors) -> Floats:
        """Logits (n, classes), not yet divided by the temperature."""
        found: Any = vectors
        for number, (weights, bias) in enumerate(self.layers):
            found = found @ weights + bias
            if number + 1 < len(self.layers):
                found = np.maximum(found, 0)
        return np.asarray(found, dtype=np.float64)

    def probabilities(self, vectors: Vectors) -> Floats:
        """Probabilities (n, classes)."""
        return softmax(self.logits(vectors) / self.temperature)

    @classmethod
    def fit(
        cls,
        vectors: Vectors,
        labels: Ints,
        *,
        kind: Kind = "logistic",
        strength: float = 10.0,
        balanced: bool = False,
        seed: int = 0,
    ) -> Head:
        """A head that tells the labels of vectors.

        Args:
            vectors: unit rows (n, dim).
            labels: (n,), numbers from 0; each occurs.
            kind: `logistic`, or `mlp` with one hidden layer.
            strength: the inverse of the weights' penalty; larger fits closer.
            balanced: whether each class counts the same, however many examples it has.
            seed: of what is drawn at random.

        Returns:
            The head, with a temperature of 1.

        Raises:
            MissingExtra: where scikit-learn is not installed.
        """
        try:
            from sklearn.linear_model import LogisticRegression
            from sklearn.neural_network import MLPClassifier
            from threadpoolctl import threadpool_limits
        except ModuleNotFoundError:
            raise MissingExtra("scikit-learn", "insight") from None
        # Several threads wait for each other on problems of this size.
        with threadpool_limits(1):
            if kind == "logistic":
                weight = "balanced" if balanced else None
                model = LogisticRegression(C=strength, max_iter=ROUNDS, class_weight=weight)
                model.fit(vectors, labels)
                return cls((_both_sides(model.coef_.T, model.intercept_),))
            rows = _balanced_rows(labels, seed) if balanced else np.arange(len(labels))
            network = MLPClassifier(
                (HIDDEN,),
                alpha=1 / (strength * len(labels)),
                batch_size=min(64, len(rows)),
                max_iter=60,
                tol=1e-3,
                n_iter_no_change=5,
                random_state=seed,
            )
            with _unfinished_is_fine():
                network.fit(vectors[rows], labels[rows])
        layers = list(zip(network.coefs_, network.intercepts_, strict=True))
        layers[-1] = _both_sides(*layers[-1])
        return cls(tuple((_floats(w), _floats(b)) for w, b in layers))


@contextlib.contextmanager
def _unfinished_is_fine() -> Iterator[None]:
    """No warning where a network is stopped before it has settled: cross-validation judges it."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def _both_sides(weights: Any, bias: Any) -> tuple[Any, Any]:
    """Of two classes scikit-learn keeps one column, the second class's: as two."""
    if np.shape(weights)[1] == 1:
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.hstack([-bias / 2, bias / 2])
    return _floats(weights), _floats(bias)


def _floats(values: Any) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values, dtype=np.float32)


def _balanced_rows(labels: Ints, seed: int) -> Ints:
    """Rows in which each class occurs as often as the largest."""
    rng = np.random.default_rng(seed)
    most = int(np.bincount(labels).max())
    return np.concatenate(
        [np.resize(rng.permutation(np.flatnonzero(labels == c)), most) for c in np.unique(labels)]
    )


def softmax(logits: Floats) -> Floats:
    """Rows of logits as probabilities."""
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def fitted_temperature(logits: Floats, labels: Ints) -> float:
    """The temperature under which the labels are likeliest, by golden-section search of its
    logarithm.
    """
    low, high = np.log(TEMPERATURES[0]), np.log(TEMPERATURES[1])
    golden = (np.sqrt(5) - 1) / 2

    def loss(log_temperature: float) -> float:
        probabilities = softmax(logits / np.exp(log_temperature))
        return float(-np.log(probabilities[np.arange(len(labels)), labels] + 1e-12).mean())

    for _ in range(40):
        first, second = high - golden * (high - low), low + golden * (high - low)
        if loss(first) < loss(second):
            high = second
        else:
            low = first
    return float(np.exp((low + high) / 2))


def calibration_error(probabilities: Floats, labels: Sequence[int] | Ints, bins: int = 15) -> float:
    """Expected calibration error: how far confidence and accuracy lie apart, mean over bins of like
    confidence, weighed by their size.
    """
    sure, right = probabilities.max(1), probabilities.argmax(1) == np.asarray(labels)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        rows = place == number
        if rows.any():
            error += rows.mean() * abs(float(sure[rows].mean()) - float(right[rows].mean()))
    return float(error)
