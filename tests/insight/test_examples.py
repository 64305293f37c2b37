"""Examples are the nearest by a plain loop, a text is none of itself, and a prompt holds them in order."""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.insight.examples import Example, TextWithExamples, nearest_examples
from lusifer.insight.labelled import Labelled
from lusifer.models.load import LoadedModel
from tests.insight.conftest import labelled


def test_the_nearest_by_a_plain_loop(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    known, asked = labelled(60), labelled(25, seed=5).texts
    monkeypatch.setattr("lusifer.insight.examples.PART", 7)
    found = list(nearest_examples(model.embedder, known, asked, k=4))
    cosines = model.embedder.encode(asked) @ model.embedder.encode(known.texts).T
    assert [one.text for one in found] == asked
    for one, row in zip(found, cosines, strict=True):
        best = np.argsort(-row, kind="stable")[:4][::-1]
        assert [e.text for e in one.examples] == [known.texts[i] for i in best]
        assert [e.label for e in one.examples] == [known.labels[i] for i in best]
        np.testing.assert_allclose([e.cosine for e in one.examples], row[best], atol=1e-5)


def test_a_text_is_no_example_of_itself(model: LoadedModel) -> None:
    known = labelled(12)
    twice = Labelled(known.texts * 2, known.labels * 2, known.languages * 2)
    for k in (1, 5, 100):
        for one in nearest_examples(model.embedder, twice, known.texts, k=k):
            assert all(example.text != one.text for example in one.examples)
            assert len(one.examples) == min(k, 22)


def test_spread_shows_each_label_before_a_second_of_any(model: LoadedModel) -> None:
    known = labelled(60)
    for one in nearest_examples(model.embedder, known, labelled(9, seed=3).texts, k=4, spread=True):
        labels = [example.label for example in one.examples]
        assert len(set(labels)) == 3
        cosines = [example.cosine for example in one.examples]
        assert cosines == sorted(cosines), "the nearest is the last"


def test_prompts() -> None:
    shown = TextWithExamples(
        "{label}?", (Example("a {text}", "{text}", 0.1), Example("b", "y", 0.2))
    )
    assert (
        shown.prompt()
        == "Text: a {text}\nLabel: {text}\n\nText: b\nLabel: y\n\nText: {label}?\nLabel:"
    )
    assert TextWithExamples("q", ()).prompt("{text} => {label}") == "q =>"
    for wrong in ("{text}", "{label} {text}", "Label: {label}"):
        with pytest.raises(LusiferError, match="must hold"):
            shown.prompt(wrong)


def test_what_is_refused(model: LoadedModel) -> None:
    with pytest.raises(LusiferError, match="k is 0"):
        next(nearest_examples(model.embedder, labelled(3), ["a"], k=0))
