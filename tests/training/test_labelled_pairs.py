"""Pairs by label: alike and unlike in equal number, the same each time, and no text beside itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lusifer.errors import ConfigError
from lusifer.training.labelled_pairs import LIKE, labelled_pairs
from lusifer.training.pairs import PairData, WeightedSource, read_pairs
from tests.conftest import TEXTS

ROWS = [(text, "abc"[i % 3]) for i, text in enumerate(TEXTS[:15])]


def test_alike_and_unlike() -> None:
    label = dict(ROWS)
    made = list(labelled_pairs(ROWS))
    assert made == list(labelled_pairs(ROWS))
    assert all((label[a] == label[b]) == bool(grade) for (a, b), [grade] in made)
    assert all(a != b for (a, b), _ in made)
    assert len({pair for pair, _ in made}) == len(made)
    first = Counter((a, grade) for (a, _), [grade] in made)
    assert set(first.values()) == {4, LIKE}, "all four of its label, eight of others"


def test_one_text_twice_counts_once_and_one_label_gives_none() -> None:
    assert list(labelled_pairs([*ROWS, (ROWS[0][0], "z")])) == list(labelled_pairs(ROWS))
    assert list(labelled_pairs([(text, "a") for text in TEXTS[:5]])) == []
    two = list(labelled_pairs([("x", "a"), ("y", "b")]))
    assert two == [(("x", "y"), [0.0]), (("y", "x"), [0.0])]


def test_a_source_of_labels_is_read_and_what_does_not_fit_is_told(tmp_path: Path) -> None:
    file = tmp_path / "few.tsv"
    file.write_text("".join(f"{text}\t{label}\n" for text, label in ROWS), encoding="utf-8")
    source = WeightedSource(("few.tsv",), ("text", "label"), views="labels")
    (store,) = read_pairs(PairData(sources=(source,)), 0, tmp_path, tmp_path / "s", scored=True)
    assert len(store) == len(list(labelled_pairs(ROWS)))
    with pytest.raises(ConfigError, match="graded pairs, for the term cosent"):
        read_pairs(PairData(sources=(source,)), 0, tmp_path, tmp_path / "t")
    with pytest.raises(ValueError, match="views: labels wants a column `text` and `label`"):
        WeightedSource(("few.tsv",), ("text",), views="labels")
