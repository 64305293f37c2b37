"""Which of a model's prompts a request asks for, by its own name or by the words of other APIs."""

from __future__ import annotations

from collections.abc import Mapping

from lusifer.serving.faults import Fault

# What Cohere, Voyage, Jina, NVIDIA and Google call the two sides of a search, and other uses.
MEANINGS = {
    "query": ("query", "search_query", "retrieval.query", "retrieval_query"),
    "document": (
        "document",
        "passage",
        "search_document",
        "retrieval.passage",
        "retrieval_document",
    ),
    "classification": ("classification",),
    "clustering": ("clustering", "separation"),
    "similarity": ("similarity", "text-matching", "semantic_similarity", "STS"),
}
NAMES = {word.lower(): words for words in MEANINGS.values() for word in words}


def prompt_of(prompts: Mapping[str, str], prompt: str | None, input_type: str | None) -> str | None:
    """The name of the prompt to use, or None for the model's default.

    Args:
        prompts: the model's.
        prompt: a name that must be among them.
        input_type: what a text is, in any API's words; a model without a prompt for that reads
            the text plainly, as it was trained to.

    Raises:
        Fault: for an unknown name or word, or both at once.
    """
    if prompt and input_type:
        raise Fault(400, "prompt_name and input_type are two ways to ask for a prompt; take one")
    if prompt:
        if prompt not in prompts:
            known = ", ".join(prompts) or "none"
            raise Fault(400, f"the model has no prompt {prompt[:100]!r}; its prompts: {known}")
        return prompt
    if not input_type:
        return None
    if input_type in prompts:
        return input_type
    words = NAMES.get(input_type.lower())
    if words is None:
        known = ", ".join(MEANINGS)
        raise Fault(400, f"input_type is {input_type[:100]!r}; it must be one of {known}")
    return next((word for word in words if word in prompts), None)
