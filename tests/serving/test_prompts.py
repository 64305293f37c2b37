"""The words of several APIs choose the model's own prompt; a model without one is asked plainly."""

from __future__ import annotations

import pytest

from lusifer.serving.faults import Fault
from lusifer.serving.prompts import prompt_of

E5 = {"query": "query: ", "passage": "passage: "}
JINA = {"retrieval.query": "q", "retrieval.passage": "p", "text-matching": "t"}


@pytest.mark.parametrize(
    ("prompts", "input_type", "found"),
    [
        (E5, "query", "query"), (E5, "search_query", "query"), (E5, "search_document", "passage"), (E5, "document", "passage"),
        (E5, "passage", "passage"), (E5, "RETRIEVAL_QUERY", "query"), (E5, "clustering", None), (JINA, "query", "retrieval.query"),
        (JINA, "document", "retrieval.passage"), (JINA, "semantic_similarity", "text-matching"), ({}, "query", None), (E5, None, None),
    ],
)  # fmt: skip
def test_input_types(prompts: dict[str, str], input_type: str | None, found: str | None) -> None:
    assert prompt_of(prompts, None, input_type) == found


def test_names_and_faults() -> None:
    assert prompt_of(E5, "passage", None) == "passage"
    with pytest.raises(Fault, match="no prompt 'x'; its prompts: query, passage"):
        prompt_of(E5, "x", None)
    with pytest.raises(Fault, match="its prompts: none"):
        prompt_of({}, "query", None)
    with pytest.raises(Fault, match="must be one of query, document"):
        prompt_of(E5, None, "nonsense")
    with pytest.raises(Fault, match="take one"):
        prompt_of(E5, "query", "query")
