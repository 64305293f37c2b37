"""Texts of three kinds that a random table tells apart by their words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.insight.labelled import Labelled
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS, make_table

KINDS = ("sea", "town", "work")


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_table(tmp_path_factory.mktemp("insight") / "table", 0)


@pytest.fixture(scope="session")
def model(table: Path) -> LoadedModel:
    return LoadedModel.load(str(table))


def labelled(count: int = 90, seed: int = 0, noise: float = 0.0) -> Labelled:
    """Texts of words that a kind has for itself; a share `noise` has a wrong label. Languages take
    turns.
    """
    rng = np.random.default_rng(seed)
    words = {kind: " ".join(TEXTS[5 * i : 5 * i + 5]).split() for i, kind in enumerate(KINDS)}
    texts, labels = [], []
    for i in range(count):
        kind = KINDS[i % 3]
        texts.append(" ".join(rng.choice(words[kind], 24)))
        labels.append(kind if rng.random() >= noise else KINDS[rng.integers(3)])
    return Labelled(texts, labels, [("eng_Latn", "deu_Latn")[i % 2] for i in range(count)])
