"""Which settings of a contrastive recipe go together: what does not is one line that says why."""

from __future__ import annotations

from typing import Any

import pytest

from lusifer.errors import ConfigError
from lusifer.training.contrastive_recipe import ContrastiveRecipe, without_bridge
from lusifer.training.run import load_recipe

PAIRS: dict[str, Any] = {"files": ["pairs.jsonl"], "columns": ["query", "document"]}
GRADED: dict[str, Any] = {"files": ["sts.tsv"], "columns": ["scores", "query", "document"]}


def built(source: dict[str, Any] = PAIRS, **changes: Any) -> ContrastiveRecipe:
    found = load_recipe(
        {
            "stage": "contrastive",
            "output": "out",
            "base": "some/model",
            "data": {"sources": [source]},
            **changes,
        }
    )
    assert isinstance(found, ContrastiveRecipe)
    return found


def test_grades_need_no_negatives_and_a_teacher_s_ranking_does() -> None:
    recipe = built(GRADED, negatives=0, loss=[{"kind": "cosent"}])
    assert recipe.scored
    with pytest.raises(ConfigError, match="negatives is 0"):
        built(GRADED, negatives=0, loss=[{"kind": "cosent"}, {"kind": "scores"}])
    assert not built().scored


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reading": {"pooling": "cls"}, "train": "queries"}, "reading changes the base"),
        (
            {"reading": {"pooling": "cls"}, "adapter": {"name": "a"}, "lora": {}},
            "reading changes the base",
        ),
        ({"reading": {"pooling": "middle"}}, r"reading\.pooling"),
        ({"reading": {"attention": "bidirectional", "echo": True}}, "in one reading"),
        ({"loss": [{"kind": "cosent", "temperature": 0}]}, "temperature is above 0"),
        ({"train": "queries", "mini_batch_tokens": 100}, "goes without matryoshka"),
        ({"heads": {}, "lora": {}}, "heads go with the term info_nce alone"),
        ({"base": None}, "name a base"),
    ],
)
def test_what_does_not_go_together_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        built(**changes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reading": {"pooling": "cls"}}, "no reading"),
        ({"lora": {}, "prompts": {"query": "q"}}, "no lora, no prompts"),
        ({"train": "queries"}, "no train: queries"),
    ],
)
def test_what_a_bridge_does_without_is_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"a bridge takes {named}"):
        without_bridge(built(**changes))
    without_bridge(built())
