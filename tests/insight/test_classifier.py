"""A classifier that was saved gives the same numbers; one that is damaged, or another model's, is
refused.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lusifer.errors import LusiferError, ModelError
from lusifer.insight.classifier import Classifier
from lusifer.insight.teach import Teaching, train_classifier
from lusifer.models.load import LoadedModel
from tests.conftest import make_table
from tests.insight.conftest import labelled


@pytest.fixture(scope="module")
def made(model: LoadedModel) -> Classifier:
    return train_classifier(labelled(), model, Teaching(precision=0.8))


def test_saved_and_read(made: Classifier, tmp_path: Path) -> None:
    made.save(tmp_path / "c")
    read = Classifier.load(tmp_path / "c")
    texts = labelled(20, seed=4).texts
    np.testing.assert_array_equal(read.probabilities(texts), made.probabilities(texts))
    assert read.predict(texts) == made.predict(texts)
    assert sorted(file.name for file in (tmp_path / "c").iterdir()) == [
        "classifier.json",
        "head.safetensors",
    ]
    assert read.about == json.loads(json.dumps(made.about))


def test_predictions(made: Classifier) -> None:
    assert made.predict([]) == []
    assert made.probabilities([]).shape == (0, 3)
    (one,) = made.predict(text for text in labelled(1).texts)
    assert sum(one.probabilities.values()) == pytest.approx(1)
    assert one.probability == max(one.probabilities.values())
    assert list(one.probabilities.values()) == sorted(one.probabilities.values(), reverse=True)
    with pytest.raises(LusiferError, match="not one text"):
        made.predict("a text")


def test_what_is_refused(made: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no classifier here; `lusifer classify train"):
        Classifier.load(tmp_path)
    made.save(tmp_path / "c")
    with pytest.raises(ModelError, match=r"taught with .* not with"):
        Classifier.load(tmp_path / "c", make_table(tmp_path / "other", 7))
    config = json.loads((tmp_path / "c" / "classifier.json").read_text())
    for change in ({"version": 99}, {"labels": ["a"]}, {"layers": 3}, {"temperature": "warm"}):
        (tmp_path / "c" / "classifier.json").write_text(json.dumps(config | change))
        with pytest.raises(ModelError, match="newer lusifer" if "version" in change else "damaged"):
            Classifier.load(tmp_path / "c")
    (tmp_path / "c" / "classifier.json").write_text(json.dumps(config))
    weights = (tmp_path / "c" / "head.safetensors").read_bytes()
    (tmp_path / "c" / "head.safetensors").write_bytes(weights[:-20])
    with pytest.raises(ModelError, match="damaged"):
        Classifier.load(tmp_path / "c")
