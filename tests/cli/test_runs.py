"""A model that needs prompts and has none is told of, and no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lusifer.cli.runs import warn_of_prompts
from lusifer.models import LoadedModel
from tests.evaluation.oracle import Oracle


class Bare(Oracle):
    """Without prompts."""

    prompts: Mapping[str, str] = {}


@pytest.mark.parametrize("name", ["multilingual-e5-small", "out/my-bge-m4", "modèles/[x]/e5"])
def test_a_model_without_the_prompts_of_its_family_is_named(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_of_prompts(name, LoadedModel(name, "1", Bare()))
    out, told = capsys.readouterr()
    assert out == ""
    said = " ".join(told.split())
    assert said.startswith(f"{name} is known to need prompts, and its folder names none: ")
    assert said.endswith("config_sentence_transformers.json.")


@pytest.mark.parametrize(
    ("name", "embedder"), [("multilingual-e5-small", Oracle()), ("out/minilm", Bare())]
)
def test_no_other_model_is(name: str, embedder: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    warn_of_prompts(name, LoadedModel(name, "1", embedder))
    assert tuple(capsys.readouterr()) == ("", "")
