"""The paper's benchmark: every name resolves, scores are mteb's, what cannot be run is named;
training sets are known from cards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lusifer.errors import LusiferError
from lusifer.evaluation import contamination, mteb_benchmark as book
from lusifer.evaluation.catalog import TASKS
from lusifer.evaluation.mteb_benchmark import BenchmarkSet, benchmark_sets, means
from lusifer.evaluation.prompts import prompt_for
from lusifer.evaluation.run import run
from lusifer.evaluation.tasks import mteb_tasks
from lusifer.evaluation.tasks.mteb_tasks import MtebSet
from lusifer.models.load import LoadedModel
from tests.evaluation.oracle import Oracle

mteb = pytest.importorskip("mteb")
pytestmark = pytest.mark.filterwarnings("ignore")  # mteb's own

PAPER = {
    "en": 56,
    "es": 19,
    "ru": 17,
    "fr": 25,
    "vi": 10,
    "fa": 6,
    "id": 8,
    "ar": 7,
    "fi": 10,
    "ko": 13,
    "hi": 16,
    "bn": 12,
    "te": 12,
    "sw": 8,
}
TEXTS = [f"text {i} #{c}" for i, c in enumerate("abcdefghijklmnopqrst")]
NOISY = [f"words {i} #{c}" for i, c in enumerate("abcdefghijxxnxpqrxxx")]


def test_the_benchmark_is_the_papers_and_every_name_resolves_offline() -> None:
    found = benchmark_sets()
    counts = {code: sum(p.language == code for p in found) for code in PAPER}
    assert counts == PAPER
    assert sum(p.language == mteb_tasks.CROSSLINGUAL for p in found) == 5
    for place in found:
        meta = place.run.task().metadata
        assert place.run.main_score == meta.main_score, place.run.dataset
        assert place.run.split in meta.eval_splits, place.run.dataset
        parts = place.run.subsets()
        assert parts, f"{place.run.dataset} has nothing in {place.language}"
        assert place.language == mteb_tasks.CROSSLINGUAL or len(parts) == 1, (
            place.run.dataset,
            parts,
        )
    assert set(book.benchmark().sets) == {p.run.dataset for p in found}
    assert book.benchmark().published["LUSIFER"]["te"] == 69.30


def test_languages_and_tasks_are_chosen_by_name() -> None:
    assert {p.language for p in benchmark_sets(["hi", "sw"], ["retrieval"])} == {"hi"}
    assert {p.task for p in benchmark_sets(["hi"], ["retrieval", "sts"])} == {"retrieval", "sts"}
    with pytest.raises(LusiferError, match="the benchmark has no language 'de'; there are: en, es"):
        benchmark_sets(["de"])
    with pytest.raises(
        LusiferError, match="the benchmark has no task 'search'; there are: classification"
    ):
        benchmark_sets(None, ["search"])
    with pytest.raises(LusiferError, match="the benchmark has no retrieval in sw"):
        benchmark_sets(["sw"], ["retrieval"])


def fake(name: str, **columns: Any) -> Any:
    """mteb's task of this name with data of ours."""
    from datasets import Dataset, DatasetDict

    class Ours(type(mteb.get_task(name))):  # type: ignore[misc]
        def load_data(self, *args: object, **settings: object) -> None:
            if columns.get("unreachable"):
                raise ConnectionError("no network here")
            self.dataset = columns.get("dataset") or DatasetDict(
                {s: Dataset.from_dict(columns) for s in ("train", "validation", "test")}
            )
            self.data_loaded = True

    return Ours


def tasks() -> dict[str, Any]:
    from datasets import Dataset, DatasetDict

    documents = Dataset.from_dict(
        {"id": [f"d{i}" for i in range(20)], "text": TEXTS, "title": [""] * 20}
    )
    queries = Dataset.from_dict({"id": [f"q{i}" for i in range(20)], "text": NOISY})
    search = {
        "corpus": documents,
        "queries": queries,
        "relevant_docs": {f"q{i}": {f"d{i}": 1} for i in range(20)},
        "top_ranked": None,
    }
    ranked = search | {"top_ranked": {f"q{i}": [f"d{j}" for j in range(20)] for i in range(20)}}
    labels = [i % 2 for i in range(20)]
    pairs = DatasetDict(
        {"test": Dataset.from_dict({"sentence1": TEXTS, "sentence2": NOISY, "labels": labels})}
    )
    return {
        "EmotionClassification": fake("EmotionClassification", unreachable=True),
        "STSBenchmark": fake(
            "STSBenchmark",
            sentence1=TEXTS,
            sentence2=NOISY,
            score=[float(i % 6) for i in range(20)],
        ),
        "Banking77Classification": fake("Banking77Classification", text=TEXTS, label=labels),
        "SprintDuplicateQuestions": fake("SprintDuplicateQuestions", dataset=pairs),
        "SciFact": fake("SciFact", dataset={"default": {"test": search}}),
        "AskUbuntuDupQuestions": fake(
            "AskUbuntuDupQuestions", dataset={"default": {"test": ranked}}
        ),
        "TwentyNewsgroupsClustering": fake(
            "TwentyNewsgroupsClustering",
            dataset=DatasetDict(
                {
                    "test": Dataset.from_dict(
                        {"sentences": [TEXTS, NOISY], "labels": [labels, labels]}
                    )
                }
            ),
        ),
    }


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made, real = tasks(), mteb.get_task

    def get(name: str, **settings: Any) -> Any:
        return made[name]() if name in made else real(name, **settings)

    monkeypatch.setattr(mteb, "get_task", get)
    return made


def test_one_runner_serves_mteb_too_and_its_scores_are_mtebs(
    offline: dict[str, Any], tmp_path: Path
) -> None:
    chosen = [
        p
        for p in benchmark_sets(["en"])
        if p.run.dataset in offline and p.run.dataset != "EmotionClassification"
    ]
    assert len(chosen) == len(offline) - 1
    model = Oracle()
    outcomes = run(LoadedModel("oracle", "5" * 64, model), ".", tmp_path, [p.run for p in chosen])
    assert len(model.seen) == len(set(model.seen)), (
        "each text is embedded once, whatever sets hold it"
    )
    for place, outcome in zip(chosen, outcomes, strict=True):
        (score,) = outcome.scores
        task = place.run.task()
        result = mteb.evaluate(
            AsMteb(Oracle()), [task], cache=None, show_progress_bar=False, co2_tracker=False
        ).task_results[0]
        assert score.value == pytest.approx(result.scores["test"][0]["main_score"], abs=1e-4), (
            place.run.dataset
        )
        assert score.n >= 2, f"{place.run.dataset}: no interval"
        assert score.low <= score.value <= score.high
    idle = Oracle()
    assert all(
        o.reused
        for o in run(LoadedModel("oracle", "5" * 64, idle), ".", tmp_path, [p.run for p in chosen])
    )
    assert idle.seen == []


class AsMteb:
    """The oracle as mteb wants a model, written by itself."""

    def __init__(self, model: Oracle) -> None:
        self.model = model

    def encode(
        self, inputs: Any, *, task_metadata: Any, prompt_type: Any = None, **settings: Any
    ) -> np.ndarray:
        texts = [t for batch in inputs for t in batch["text"]]
        return self.model.encode(
            texts,
            prompt=prompt_for(
                self.model.prompts, task_metadata.name, task_metadata.type, prompt_type
            ),
        )

    similarity = mteb_tasks.MtebModel.similarity
    similarity_pairwise = mteb_tasks.MtebModel.similarity_pairwise

    @property
    def mteb_model_meta(self) -> Any:
        from mteb.models import ModelMeta

        return ModelMeta.create_empty({"name": "tests/oracle", "revision": "1"})


def test_what_cannot_be_run_is_named_and_never_left_out_silently(
    offline: dict[str, Any], tmp_path: Path
) -> None:
    names = ("STSBenchmark", "EmotionClassification")
    chosen = [p for p in benchmark_sets(["en"]) if p.run.dataset in names]
    failed: dict[str, str] = {}
    outcomes = run(
        LoadedModel("oracle", "5" * 64, Oracle()),
        ".",
        tmp_path,
        [p.run for p in chosen],
        failed=lambda t, e: failed.update({t.name: str(e)}),
    )
    assert list(failed) == ["EmotionClassification.en"]
    assert "no network here" in failed["EmotionClassification.en"]
    scores = {o.task: o.scores[0].value for o in outcomes}
    (mean,) = means(chosen, scores)
    assert (mean.done, mean.of, mean.lacking) == (1, 2, ("EmotionClassification",))
    with pytest.raises(LusiferError, match="EmotionClassification"):
        run(LoadedModel("oracle", "5" * 64, Oracle()), ".", tmp_path, [p.run for p in chosen])


def test_means_are_the_papers_and_the_macro_means() -> None:
    def place(language: str, task: str, name: str) -> BenchmarkSet:
        return BenchmarkSet(language, task, MtebSet(name, language, (), "test", "accuracy"))

    asked = [
        place("en", "sts", "A"),
        place("en", "sts", "B"),
        place("en", "retrieval", "C"),
        place("hi", "sts", "A"),
    ]
    rows = {m.name: m for m in means(asked, {"A.en": 0.2, "B.en": 0.4, "C.en": 0.9, "A.hi": 0.1})}
    assert rows["en"].points == pytest.approx(50)
    assert rows["hi"].points == pytest.approx(10)
    assert rows["all sets"].points == pytest.approx(40)
    assert rows["mean of tasks"].points == pytest.approx((70 / 3 + 90) / 2)
    assert rows["mean of languages"].points == pytest.approx(30)


def test_prompts_are_the_most_specific_that_the_model_has() -> None:
    prompts = dict.fromkeys(["query", "document", "STS", "SciFact-query", "Retrieval"], "")
    assert prompt_for(prompts, "SciFact", "Retrieval", "query") == "SciFact-query"
    assert prompt_for(prompts, "NFCorpus", "Retrieval", "query") == "Retrieval"
    assert prompt_for(prompts, "NFCorpus", "Other", "passage") == "document"
    assert prompt_for(prompts, "STS12", "STS", None) == "STS"
    assert prompt_for(prompts, "X", "Clustering", None) is None


def test_training_sets_are_known_from_recipes_and_cards(tmp_path: Path) -> None:
    def trained(folder: str | Path) -> set[str] | None:
        return contamination.declared(LoadedModel(str(folder), "1", Oracle()))

    def zero_shot(folder: str | Path, task: str) -> bool | None:
        return contamination.zero_shot(trained(folder), TASKS[task])

    seen = [name for name, task in TASKS.items() if not zero_shot("static", name)]
    assert seen == ["titles"], (
        "the shipped table saw none of these, its teacher StackExchange's titles"
    )
    seen = [name for name, task in TASKS.items() if zero_shot("default", name) is False]
    assert {"xquad", "xquad-r", "squad", "tatoeba", "sib200", "titles"} <= set(seen)
    assert zero_shot("default", "ntrex") is True
    (tmp_path / "taught").mkdir()
    (tmp_path / "taught" / "recipe.yaml").write_text(
        "start: {base: intfloat/multilingual-e5-base}\n", encoding="utf-8"
    )
    assert zero_shot(tmp_path / "taught", "xquad") is False, "its teacher's paper says so"
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "README.md").write_text(
        "---\ndatasets:\n- rajpurkar/squad\n- mteb/STS12\n---\n# x\n"
    )
    assert zero_shot(tmp_path / "card", "xquad") is False
    assert zero_shot(tmp_path / "card", "ntrex") is True
    assert (
        contamination.zero_shot(trained(tmp_path / "card"), MtebSet("STS12", "en", (), "test", "x"))
        is False
    )
    (tmp_path / "ours" / "model").mkdir(parents=True)
    (tmp_path / "ours" / "recipe.yaml").write_text(
        json.dumps({"texts": [{"files": ["similarity/stsb_train.tsv.xz"]}]})
    )
    assert zero_shot(tmp_path / "ours" / "model", "stsb") is False
    assert zero_shot(tmp_path / "ours" / "model", "tatoeba") is True
    (tmp_path / "silent").mkdir()
    assert zero_shot(tmp_path / "silent", "stsb") is None
    known = contamination.declared(LoadedModel("intfloat/multilingual-e5-small", "1", Oracle()))
    assert known is not None
    assert "msmarco" in known


def test_a_model_known_to_need_prompts_and_given_none_is_warned_of() -> None:
    class Bare(Oracle):
        prompts: Mapping[str, str] = {}

    assert contamination.wants_prompts(LoadedModel("intfloat/multilingual-e5-small", "1", Bare()))
    assert contamination.wants_prompts(LoadedModel("out/my-bge-m4", "1", Bare()))
    assert not contamination.wants_prompts(
        LoadedModel("intfloat/multilingual-e5-small", "1", Oracle())
    )
    assert not contamination.wants_prompts(LoadedModel("out/minilm", "1", Bare()))


def test_a_model_inherits_what_its_base_and_its_teacher_were_trained_on(tmp_path: Path) -> None:
    for kind, recipe in (
        ("base", {"stage": "student", "start": {"base": "intfloat/multilingual-e5-small"}}),
        (
            "teacher",
            {
                "stage": "distill",
                "data": {"files": ["a.tsv"]},
                "teacher": {"base": "intfloat/multilingual-e5-small"},
            },
        ),
        (
            "encoder",
            {"stage": "distill", "bridge": {"encoder": {"base": "intfloat/multilingual-e5-small"}}},
        ),
    ):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        found = contamination.declared(LoadedModel(str(tmp_path / kind), "1", Oracle()))
        own = contamination.declared(LoadedModel("intfloat/multilingual-e5-small", "1", Oracle()))
        assert found is not None
        assert own
        assert own <= found
