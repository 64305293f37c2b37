"""Which of a model's prompts a task is asked with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.evaluation import run as runs
from lusifer.evaluation.catalog import chosen_tasks
from lusifer.evaluation.prompts import prompt_for
from lusifer.text import Languages
from tests.evaluation.oracle import Oracle, write_suite

PROMPTS = {"query": "q", "document": "d", "xquad-query": "x", "Retrieval-document": "r", "STS": "s"}


@pytest.mark.parametrize(
    ("task", "kind", "role", "found"),
    [
        ("xquad", "Retrieval", "query", "xquad-query"),
        ("xquad", "Retrieval", "document", "Retrieval-document"),
        ("other", "Retrieval", "query", "query"),
        ("other", "Clustering", "document", "document"),
        ("sts17", "STS", None, "STS"),
        ("tatoeba", "BitextMining", None, None),
    ],
)
def test_the_most_specific_prompt_is_taken(
    task: str, kind: str, role: str | None, found: str | None
) -> None:
    assert prompt_for(PROMPTS, task, kind, role) == found


class Asked(Oracle):
    """Remembers the prompts that it is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str | None] = set()
        self.prompts = {"query": "q: ", "document": "d: ", "xquad-query": "x: "}

    def encode(self, texts, *, prompt=None):  # type: ignore[no-untyped-def]
        self.names.add(prompt)
        return super().encode(texts)


def test_a_local_task_is_asked_with_the_prompt_of_its_name(tmp_path: Path) -> None:
    suite = write_suite(tmp_path / "suite")
    for task, names in (("xquad", {"xquad-query", "document"}), ("tatoeba", {None})):
        model = Asked()
        scores = runs.evaluate(model, suite, chosen_tasks([task]))
        assert model.names == names
        assert np.isfinite([score.value for score in scores]).all()


def test_results_of_before_count_only_where_no_prompt_is_named_by_a_task(tmp_path: Path) -> None:
    suite, (task,) = write_suite(tmp_path / "suite"), chosen_tasks(["tatoeba"])
    states = [
        runs.identity(task, suite, Languages.of(None), None, prompts)
        for prompts in ({}, {"query": "q"}, {"query": "q", "xquad-query": "x"})
    ]
    assert ["asked" in state for state in states] == [False, False, True]
