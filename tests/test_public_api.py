"""The public API is whole and tells the truth: names resolve, signatures are real, docstrings say what goes in, comes out and fails."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lusifer
from lusifer.evaluation.tasks import Bitext

FUNCTIONS = [name for name in lusifer.__all__ if inspect.isfunction(getattr(lusifer, name))]
METHODS = [
    lusifer.Index.create,
    lusifer.Index.open,
    lusifer.Index.search,
    lusifer.Index.update,
    lusifer.BaseEmbedder.encode,
]


def test_every_name_resolves_and_has_a_docstring() -> None:
    assert len(FUNCTIONS) >= 18
    for name in lusifer.__all__:
        value = getattr(lusifer, name)
        assert inspect.getdoc(value), name
        assert inspect.isclass(value) or callable(value) or name == "curate", name


@pytest.mark.parametrize(
    "function",
    [*(getattr(lusifer, name) for name in FUNCTIONS), *METHODS],
    ids=lambda f: f.__qualname__,
)
def test_a_function_says_what_it_takes_gives_and_raises(function: Any) -> None:
    doc, signature = inspect.getdoc(function) or "", inspect.signature(function)
    assert all(
        p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values()
    )
    for section in ("Args:", "Returns:", "Raises:"):
        assert f"\n{section}\n" in f"\n{doc}\n", section
    described = doc.partition("Args:")[2].partition("Returns:")[0]
    for name in signature.parameters:
        if name not in ("self", "cls"):
            assert f"\n    {name}: " in described, f"{name} is not described"


def test_types_that_verbs_return_are_public() -> None:
    for function in FUNCTIONS:
        returned = str(inspect.signature(getattr(lusifer, function)).return_annotation).strip("'")
        for word in (
            "EncodedCorpus",
            "Parity",
            "CurationReport",
            "ValidationReport",
            "BitextPair",
            "Score",
            "Embedder",
        ):
            if word in returned:
                assert word in lusifer.__all__


def test_a_set_of_ones_own_is_a_task(tmp_path: Path) -> None:
    words = [
        f"{a} {b}"
        for a in "red green blue old new".split()
        for b in "house river stone bird king ship road tree".split()
    ]

    def read(root: Path) -> dict[str, list[dict[str, str]]]:
        rows = (root / "own.tsv").read_text(encoding="utf-8").splitlines()
        return {
            "deu_Latn": [
                dict(zip(("english", "text"), row.split("\t"), strict=True)) for row in rows
            ]
        }

    (tmp_path / "own.tsv").write_text("\n".join(f"{w}\t{w}" for w in words), encoding="utf-8")
    task = Bitext("own", ("own.tsv",), read)
    scores = lusifer.evaluate(lusifer.load(), tmp_path, [task])
    assert {score.task for score in scores} == {"own"}
    assert all(score.value == pytest.approx(1.0) for score in scores if score.metric == "accuracy")
    assert {score.n for score in scores} == {40}


def test_bitext_is_mined_by_the_public_door() -> None:
    vectors = np.eye(6, dtype=np.float32)
    found = lusifer.mine_bitext(vectors, vectors[::-1].copy(), k=2)
    assert {(pair.first, pair.second) for pair in found} == {(i, 5 - i) for i in range(6)}


def test_every_public_name_stands_in_the_reference() -> None:
    folder = Path(__file__).resolve().parents[1] / "docs" / "reference"
    pages = "".join(page.read_text(encoding="utf-8") for page in folder.glob("*.md"))
    for name in set(lusifer.__all__) - {"curate"}:  # the older door to a package
        value = getattr(lusifer, name)
        assert f"::: {value.__module__}.{value.__name__}\n" in pages, name
