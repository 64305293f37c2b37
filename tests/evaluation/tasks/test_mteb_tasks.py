"""A set of mteb as a task: the parts of a language, what its score is made of, and a model as mteb
sees one.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lusifer.encoding.cache import Encoder
from lusifer.evaluation.tasks.mteb_tasks import (
    CROSSLINGUAL,
    MtebModel,
    MtebSet,
    by_query,
    examples,
)
from tests.evaluation.oracle import Oracle

mteb = pytest.importorskip("mteb")
pytestmark = pytest.mark.filterwarnings("ignore")  # mteb's own


def place(name: str, language: str, *codes: str, subset: str | None = None) -> MtebSet:
    return MtebSet(name, language, codes, "test", "main", subset)


def test_a_language_s_parts_are_its_own_else_its_pairs() -> None:
    assert place("STSBenchmark", "en", "eng-Latn").subsets() == ["default"]
    assert place("STS22.v2", "es", "spa-Latn").subsets() == ["es"]
    assert place("STS17", "ar", "ara-Arab", subset="ar-ar").subsets() == ["ar-ar"]
    pairs = place("STS17", "de", "deu_Latn").subsets()
    assert pairs == ["en-de"]
    across = place("STS17", CROSSLINGUAL).subsets()
    assert "en-de" in across
    assert "ar-ar" not in across


def test_a_set_is_named_and_its_state_is_told() -> None:
    one = place("STS17", "de", "deu-Latn")
    assert one.name == "STS17.de"
    assert one.overlaps == ("sts17",)
    assert one.revision.startswith(mteb.__version__)
    assert one.revision.endswith("test ['en-de']")
    examples, characters = one.size()
    assert characters > examples > 0


def test_by_query_is_the_plain_formula_and_leaves_the_query_out() -> None:
    rng = np.random.default_rng(0)
    queries, documents = [f"q{i}" for i in range(12)], [f"d{i}" for i in range(30)]
    results = {q: {d: float(rng.normal()) for d in documents} | {q: 9.0} for q in queries[:-1]}
    relevant = {q: {d: int(rng.integers(0, 3)) for d in documents[::4]} for q in queries}
    relevant["q0"] = dict.fromkeys(documents[:2], 0) | {"d5": 1}
    found = by_query(results, relevant, "ndcg_at_10")
    for query, value in zip(queries, found, strict=True):
        ranked = sorted(documents, key=lambda d, q=query: -results.get(q, {}).get(d, 0.0))  # type: ignore[misc]
        gain = [relevant[query].get(d, 0) / math.log2(r + 2) for r, d in enumerate(ranked[:10])]
        best = sorted(relevant[query].values(), reverse=True)[:10]
        ideal = sum(g / math.log2(r + 2) for r, g in enumerate(best))
        assert value == pytest.approx(sum(gain) / ideal if query in results else 0.0)


class Part:
    """A task's data as mteb keeps them, of one subset."""

    label_column_name = "label"

    def __init__(self, **columns: list[Any]) -> None:
        self.dataset = {"default": {"test": columns}}


def test_a_score_s_examples_are_kept_only_where_they_make_that_score() -> None:
    accuracy = MtebSet("X", "en", (), "test", "accuracy")
    task, said = Part(label=[0, 1, 1, 0]), [[0, 1, 1, 1], [0, 1, 0, 0]]
    fitting = examples(accuracy, "en", task, "default", {"main_score": 0.75}, said)
    np.testing.assert_array_equal(fitting.values, [1, 1, 0.5, 0.5])
    other = examples(accuracy, "en", task, "default", {"main_score": 0.6}, said)
    np.testing.assert_array_equal(other.values, [0.6])
    tries = [{"accuracy": 0.5}, {"accuracy": 0.7}]
    scores = {"main_score": 0.6, "scores_per_experiment": tries}
    repeated = examples(accuracy, "en", task, "default", scores, said)
    np.testing.assert_array_equal(repeated.values, [0.5, 0.7])
    assert repeated.value() == pytest.approx(0.6)


@pytest.mark.parametrize("role", ["query", "passage", None])
def test_a_model_embeds_all_batches_in_order_with_its_own_prompt(
    role: str | None, tmp_path: Path
) -> None:
    oracle = Oracle()
    model = MtebModel(Encoder(oracle, tmp_path))
    batches = [{"text": ["море #c", "海 #a"]}, {"text": ["sea #b", "海 #a"]}]
    meta = mteb.get_task("SciFact").metadata
    made = model.encode(batches, task_metadata=meta, prompt_type=role)
    np.testing.assert_array_equal(made.argmax(1), [2, 0, 1, 0])
    prompt = {"query": "query", "passage": "document", None: None}[role]
    assert sorted(oracle.seen) == sorted(f"{prompt}:{t}" for t in ("море #c", "海 #a", "sea #b"))
    cosines = model.similarity(made, made[:2]).numpy()
    np.testing.assert_array_equal(cosines, [[1, 0], [0, 1], [0, 0], [0, 1]])
    np.testing.assert_array_equal(model.similarity_pairwise(made, made[::-1]), [0, 0, 0, 0])
    assert model.similarity(made[0], made).shape == (1, 4)
    assert model.mteb_model_meta.embed_dim == oracle.dim
