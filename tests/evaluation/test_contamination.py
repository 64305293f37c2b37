"""What a task shares with training sets is declared with it, and nothing undeclared passes as clean."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.evaluation import Bitext
from lusifer.evaluation.catalog import TASKS
from lusifer.evaluation.contamination import zero_shot


def read(root: Path) -> dict[str, list[dict[str, str]]]:
    raise AssertionError("nothing is read to tell it")


@pytest.mark.parametrize("name", TASKS)
def test_every_task_that_ships_says_what_it_overlaps_with(name: str) -> None:
    overlaps = TASKS[name].overlaps
    assert overlaps
    assert all(one == one.lower() and "/" not in one for one in overlaps)
    assert zero_shot({overlaps[0]}, TASKS[name]) is False
    assert zero_shot({"a set of nobody"}, TASKS[name]) is True
    assert zero_shot(None, TASKS[name]) is None


def test_a_task_that_does_not_say_passes_for_nothing() -> None:
    silent = Bitext("faq", ("sets/faq.tsv.xz",), read)
    assert zero_shot({"squad"}, silent) is None
    assert zero_shot({"faq"}, silent) is False, "its own file was trained on"
    clean = Bitext("faq", ("sets/faq.tsv.xz",), read, overlaps=())
    assert zero_shot({"squad"}, clean) is True
