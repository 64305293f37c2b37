"""Random input, for a given time: random Unicode, random files of every format, random recipes. Only an error
that says what is wrong (`LusiferError`) may come of it, and what must be equal is compared.

    python -m tests.fuzz --seconds 120

Each failure is shrunk and printed by hypothesis; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, seed, settings, strategies as st

from lusifer import config
from lusifer.curation import filter_pairs
from lusifer.data import Problem, file_formats, scan_rows, sections
from lusifer.errors import LusiferError
from lusifer.models import LoadedModel
from lusifer.search import Index
from lusifer.text import (
    comparable,
    language_of,
    passages,
    printable,
    query_terms,
    sentences,
    terms,
    unwrap,
    visible,
)
from lusifer.training import load_recipe

TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(exclude_categories=("Cs",)),
        st.sampled_from(
            "ab. 。।\n\r\t\u200b\u200d\u00ad-漢字かなกข한국어عربيעברית\u0301🙂👩\u200d🚀!?\"',;0१٣"
        ),
    ),
    max_size=300,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
RECIPES = (
    "minilm-29m",
    "static",
    "e5-student",
    "compact-30m",
    "small-align",
    "student",
    "encoder",
    "minilm-pooled",
)
EXAMPLES = 60  # of a target at a time
SLOW = {"search": 8}  # an index is made for each


TARGETS: list[tuple[Callable[..., None], tuple[Any, ...]]] = []


def target(*strategies: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have the function called with values of the strategies."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        TARGETS.append((function, strategies))
        return function

    return register


@cache
def static() -> LoadedModel:
    """The table that comes along, loaded once."""
    return LoadedModel.load("static")


@target(TEXTS)
def texts(text: str) -> None:
    spans = sentences(text)
    assert all(a < b for a, b in spans)
    assert [*passages(text, 40)] == sorted(passages(text, 40))
    line = " ".join(text.split())
    assert {*query_terms(line).split()} <= {*terms(line).split()}
    assert visible(visible(text)) == visible(text)
    assert comparable(comparable(text)) == comparable(text) or not comparable(text)
    assert len(printable(text)) == len(text)
    assert language_of(text)
    unwrap(text)


@target(st.lists(TEXTS, min_size=1, max_size=6))
def vectors(many: list[str]) -> None:
    model = static().embedder
    found = model.encode(many)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(found[:1], model.encode(many[:1]), atol=1e-5)


@target(
    st.sampled_from(sorted(file_formats())),
    st.one_of(st.binary(max_size=400), TEXTS.map(lambda t: t.encode())),
)
def files(ending: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"a{ending}"
        file.write_bytes(content)
        for read in (lambda: list(sections(file)), lambda: list(scan_rows(str(file), ["text"]))):
            try:
                read()
            except LusiferError:
                continue


@target(st.lists(JSON, max_size=6))
def rows(values: list[object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.jsonl"
        lines = [json.dumps(value, ensure_ascii=bool(i % 2)) for i, value in enumerate(values)]
        file.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
        for item in sections(file):
            assert isinstance(item, Problem) or item.text


@target(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def pairs(many: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "a.jsonl", Path(folder) / "o.jsonl"
        file.write_text("".join(json.dumps({"query": q, "document": d}) + "\n" for q, d in many))
        try:
            report = filter_pairs([str(file)], out, scripts=True, languages=True)
        except LusiferError:
            return
        assert report.written == out.read_bytes().count(b"\n")


@target(
    st.dictionaries(
        st.sampled_from(["a.txt", "b.md", "c.jsonl", "d.csv", "e.html", "f.tsv"]), TEXTS, min_size=1
    ),
    TEXTS,
)
def search(content: dict[str, str], query: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "in"
        place.mkdir()
        for name, text in content.items():
            (place / name).write_text(text, encoding="utf-8", newline="")
        index = Index.create(Path(folder) / "ix", static())
        report = index.update([place])
        assert report.passages == len(index)
        try:
            index.search(query, top_k=3)
        except LusiferError:
            return


@target(st.sampled_from(RECIPES), st.data())
def recipes(name: str, data: st.DataObject) -> None:
    document = config.read(config.find(name))
    key = data.draw(st.sampled_from(sorted(document)))
    value = data.draw(st.one_of(JSON, st.just(document[key])))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "r.yaml"
        file.write_text(json.dumps({**document, key: value}, default=str), encoding="utf-8")
        said = ""
        try:
            load_recipe(file)
        except LusiferError as error:
            said = str(error)
        assert len(said.splitlines()) <= 1, said


def main() -> None:
    """Go round the targets until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    ends, runs = (
        time.monotonic() + args.seconds,
        dict.fromkeys((function.__name__ for function, _ in TARGETS), 0),
    )
    while time.monotonic() < ends:
        for function, strategies in TARGETS:
            number = rng.randrange(1 << 32)
            sys.stderr.write(f"{function.__name__} (seed {number})\n")
            examples = SLOW.get(function.__name__, EXAMPLES)
            calm = settings(
                max_examples=examples,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            calm(seed(number)(given(*strategies)(function)))()
            runs[function.__name__] += examples
            if time.monotonic() > ends:
                break
    counts = ", ".join(f"{name} {count}" for name, count in runs.items())
    sys.stderr.write(f"nothing found in so many examples: {counts}\n")


if __name__ == "__main__":
    main()
