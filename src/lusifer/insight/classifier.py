"""A classifier: an embedder, a head on its vectors, labels, and the confidence from which each label
is given. In a folder: `classifier.json` and `head.safetensors`; nothing is unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lusifer.encoding import encode_stream
from lusifer.errors import ModelError
from lusifer.insight.head import Floats, Head
from lusifer.io import replacing_folder, write_json
from lusifer.models import LoadedModel

CONFIG, WEIGHTS = "classifier.json", "head.safetensors"
VERSION = 1


@dataclass(frozen=True)
class Prediction:
    """A text's label, or None where none is sure enough, and the probability of each label, the
    likeliest first.
    """

    label: str | None
    probabilities: dict[str, float]

    @property
    def probability(self) -> float:
        """Of the likeliest label."""
        return next(iter(self.probabilities.values()))


@dataclass(frozen=True)
class Classifier:
    """What tells labels of texts.

    Args:
        model: the embedder.
        labels: the labels, in the order of the head's classes.
        head: the layers.
        prompt: the model's prompt that texts are embedded with, or None for its default.
        thresholds: the probability from which a label is given; a label without one is given
            whenever it is the likeliest.
        about: what it was taught on, and how good it was in cross-validation.
    """

    model: LoadedModel
    labels: tuple[str, ...]
    head: Head
    prompt: str | None = None
    thresholds: dict[str, float] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Probabilities (n, labels) of texts."""
        if not len(texts):
            return np.zeros((0, len(self.labels)))
        return self.head.probabilities(self.model.embedder.encode(texts, prompt=self.prompt))

    def predict(self, texts: Iterable[str]) -> list[Prediction]:
        """The label of each text.

        Args:
            texts: a list, or whatever gives texts one by one.

        Returns:
            A prediction for each, in their order.

        Raises:
            LusiferError: where one text is given instead of many.
            ModelError: where the model gives a vector that is none.
        """
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[Prediction]:
        """The same one by one, for texts that never end; two windows of them are held."""
        for vectors in encode_stream(self.model.embedder, texts, prompt=self.prompt):
            yield from self.judged(self.head.probabilities(vectors))

    def judged(self, probabilities: Floats) -> Iterator[Prediction]:
        """Rows of probabilities as predictions."""
        for row in probabilities:
            order = np.argsort(-row, kind="stable")
            best = self.labels[order[0]]
            sure = row[order[0]] >= self.thresholds.get(best, 0.0)
            found = {self.labels[i]: float(row[i]) for i in order}
            yield Prediction(best if sure else None, found)

    def save(self, folder: str | Path) -> None:
        """Write it, aside and then renamed.

        Args:
            folder: a new one, or one that holds a classifier.

        Raises:
            LusiferError: where the disk is full.
        """
        from safetensors.numpy import save_file

        tensors: dict[str, Any] = {}
        for number, (weights, bias) in enumerate(self.head.layers):
            tensors |= {f"{number}.weights": weights, f"{number}.bias": bias}
        config = {
            "version": VERSION,
            "model": self.model.name,
            "hash": self.model.hash,
            "prompt": self.prompt,
            "labels": list(self.labels),
            "layers": len(self.head.layers),
            "temperature": self.head.temperature,
            "thresholds": self.thresholds,
            "about": self.about,
        }
        with replacing_folder(folder) as aside:
            save_file(tensors, aside / WEIGHTS)
            write_json(aside / CONFIG, config)

    @classmethod
    def load(cls, folder: str | Path, model: str | Path | LoadedModel | None = None) -> Classifier:
        """Read a classifier.

        Args:
            folder: what `save` wrote.
            model: where its embedder is, if that has moved.

        Returns:
            The classifier.

        Raises:
            ModelError: where it is none, is damaged or of a newer version, or the model is not the
                one that it was taught with.
        """
        from safetensors.numpy import load_file

        file = Path(folder) / CONFIG
        try:
            config = json.loads(file.read_text(encoding="utf-8"))
            if config["version"] > VERSION:
                raise ModelError(f"{file}: made by a newer lusifer; upgrade")
            tensors = load_file(Path(folder) / WEIGHTS)
            layers = tuple(
                (tensors[f"{i}.weights"], tensors[f"{i}.bias"]) for i in range(config["layers"])
            )
            made = cls(
                LoadedModel("", "", None),  # type: ignore[arg-type]  # the model comes below
                tuple(config["labels"]),
                Head(layers, float(config["temperature"])),
                config["prompt"],
                dict(config["thresholds"]),
                dict(config["about"]),
            )
            if layers[-1][0].shape[1] != len(made.labels):
                raise ValueError("weights and labels do not fit")
        except FileNotFoundError:
            raise ModelError(
                f"{folder}: no classifier here; `lusifer classify train FILE --into {folder}` makes one"
            ) from None
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{folder}: the classifier is damaged ({error})") from None
        if not isinstance(model, LoadedModel):
            model = LoadedModel.load(model or config["model"])
        if not model.is_that(config["hash"]):
            raise ModelError(
                f"{folder}: taught with {config['model']} (hash {config['hash'][:12]}), not with {model.name} (hash {model.hash[:12]})"
            )
        if layers[0][0].shape[0] != model.embedder.dim:
            raise ModelError(
                f"{folder}: the classifier is damaged (its weights do not fit {model.name})"
            )
        return replace(made, model=model)
