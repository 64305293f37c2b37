"""Every type of mteb's tasks is run, by mteb's own small ones: its main score is kept, with examples
where they make it, and its own account is written beside.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lusifer.encoding.cache import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation.outcomes import load
from lusifer.evaluation.run import run
from lusifer.evaluation.tasks.mteb_whole import MtebTask, merged
from lusifer.models.load import LoadedModel
from lusifer.text import Languages
from tests.evaluation.oracle import Oracle

mteb = pytest.importorskip("mteb")
mocks = pytest.importorskip("mteb.mocks.mock_tasks")
pytestmark = pytest.mark.filterwarnings("ignore")  # mteb's own


class Hashed(Oracle):
    """An embedder whose vectors follow from the texts alone."""

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        seeds = [int.from_bytes(sha256(text.encode()).digest()[:4], "big") for text in texts]
        made = np.stack([np.random.default_rng(seed).normal(size=26) for seed in seeds])
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def of_texts() -> list[Any]:
    found = [
        kind
        for kind in vars(mocks).values()
        if inspect.isclass(kind)
        and getattr(getattr(kind, "metadata", None), "modalities", None) == ["text"]
        and not hasattr(kind(), "tasks")
    ]
    return sorted(set(found), key=lambda kind: kind.__name__)


def whole(kind: Any, subsets: tuple[str, ...] = ()) -> MtebTask:
    task = kind()
    return MtebTask(
        task.metadata.name, tuple(task.eval_splits), subsets or tuple(task.hf_subsets), found=task
    )


@pytest.mark.parametrize("kind", of_texts(), ids=lambda kind: kind.__name__)
def test_every_type_of_task_gives_its_main_score(kind: Any, tmp_path: Path) -> None:
    task = whole(kind)
    model = LoadedModel("m", "1" * 16, Hashed())
    (outcome,) = run(model, ".", tmp_path, [task])
    assert outcome.task == task.name
    keys = [(score.language, score.metric) for score in outcome.scores]
    assert len(set(keys)) == len(keys) == len(task.splits) * len(task.subsets)
    assert all(np.isfinite(score.value) for score in outcome.scores)
    (folder,) = tmp_path.iterdir()
    own = json.loads((folder / "mteb" / f"{task.dataset}.json").read_text(encoding="utf-8"))
    kept = mteb.results.TaskResult.from_disk(folder / "mteb" / f"{task.dataset}.json")
    assert kept.task_name == own["task_name"] == task.dataset
    theirs = [one["main_score"] for split in task.splits for one in own["scores"][split]]
    np.testing.assert_allclose(sorted(s.value for s in outcome.scores), sorted(theirs), atol=2e-4)
    (again,) = run(model, ".", tmp_path, [whole(kind)])
    assert again.reused
    assert task.task().dataset is None, "the data of a whole benchmark would fill the memory"


def test_some_languages_of_a_task_are_a_run_of_their_own(tmp_path: Path) -> None:
    kind = mocks.MockMultilingualSTSTask
    french, all_of = whole(kind, ("fra",)), whole(kind)
    assert french.name == "MockMultilingualSTSTask.fra"
    assert all_of.name == "MockMultilingualSTSTask"
    assert french.language("fra") == "fra_Latn"
    model = LoadedModel("m", "1" * 16, Hashed())
    for task in (french, whole(kind, ("eng",))):
        run(model, ".", tmp_path, [task])
    (folder,) = tmp_path.iterdir()
    assert load(folder, "MockMultilingualSTSTask.fra")
    assert load(folder, "MockMultilingualSTSTask.eng")
    own = json.loads((folder / "mteb" / "MockMultilingualSTSTask.json").read_text(encoding="utf-8"))
    assert [one["hf_subset"] for one in own["scores"]["test"]] == ["fra", "eng"]


def test_two_directions_of_one_pair_are_told_apart() -> None:
    task = whole(mocks.MockMultilingualParallelBitextMiningTask)
    names = [task.language(subset) for subset in task.subsets]
    assert len(set(names)) == len(names)


def test_many_subsets_make_a_short_name() -> None:
    task = mteb.get_task("BibleNLPBitextMining")
    some = MtebTask(task.metadata.name, ("train",), tuple(task.hf_subsets[:40]), found=task)
    assert some.name.startswith("BibleNLPBitextMining.40-")
    assert len(some.name) < 90
    assert some.overlaps == ("biblenlpbitextmining",)
    assert some.revision.startswith(mteb.__version__)


def test_two_models_keep_accounts_of_their_own(tmp_path: Path) -> None:
    """Also where one was measured now and the other before, and both run the same task objects."""
    kind, first, second = mocks.MockSTSTask, Hashed(), Oracle()
    second.encode = lambda texts, prompt=None: -first.encode(texts) if len(texts[0]) % 2 else first.encode(texts[::-1])  # type: ignore[method-assign]  # fmt: skip
    models = [LoadedModel("a", "1" * 16, first), LoadedModel("b", "2" * 16, second)]
    run(models[1], ".", tmp_path, [whole(kind)])
    (folder,) = tmp_path.iterdir()
    before = (folder / "mteb" / "MockSTSTask.json").read_text(encoding="utf-8")
    task = whole(kind)
    for model in models:
        run(model, ".", tmp_path, [task])
    assert (folder / "mteb" / "MockSTSTask.json").read_text(encoding="utf-8") == before


def test_other_splits_are_a_run_of_their_own() -> None:
    task = mocks.MockRetrievalTask()
    assert MtebTask("MockRetrievalTask", ("test",), ("default",), found=task).name == "MockRetrievalTask.test"  # fmt: skip
    assert whole(mocks.MockRetrievalTask).name == "MockRetrievalTask"


def test_newer_scores_of_a_subset_replace_older_ones() -> None:
    before = {"test": [{"hf_subset": "de", "x": 1}, {"hf_subset": "fr", "x": 1}]}
    now = {"test": [{"hf_subset": "de", "x": 2}], "dev": [{"hf_subset": "de", "x": 3}]}
    assert merged(before, now) == {
        "test": [{"hf_subset": "fr", "x": 1}, {"hf_subset": "de", "x": 2}],
        "dev": [{"hf_subset": "de", "x": 3}],
    }


def test_data_from_a_folder(tmp_path: Path) -> None:
    """A copy of a data set of the hub, with nothing fetched."""
    copy = tmp_path / "mteb" / "stsbenchmark-sts"
    copy.mkdir(parents=True)
    rows = [
        {"split": "test", "sentence1": f"one #{a}", "sentence2": f"two #{b}", "score": 5.0 * (a == b)}
        for a in "abc"
        for b in "abc"
    ]  # fmt: skip
    (copy / "test.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    task = MtebTask("STSBenchmark", ("test",), ("default",), copies=str(tmp_path))
    encoder = Encoder(Oracle(), tmp_path / "vectors")
    (found,) = task.measure(tmp_path, encoder, None, Languages.of(None))
    assert (found.language, len(found.values)) == ("eng_Latn", 9)
    assert found.value() == pytest.approx(1.0)
    (again,) = task.measure(tmp_path, encoder, None, Languages.of(None))
    assert again.value() == found.value(), "a second model finds the folder too"
    before = task.revision
    (copy / "test.jsonl").write_text(json.dumps(rows[0]) + "\n", encoding="utf-8")
    assert task.revision != before, "other data are another result"
    absent = MtebTask("STS12", ("test",), ("default",), copies=str(tmp_path))
    with pytest.raises(LusiferError, match=r"STS12: .*mteb/sts12-sts: no such folder"):
        list(absent.measure(tmp_path, encoder, None, Languages.of(None)))


def test_what_cannot_be_fetched_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    task = whole(mocks.MockSTSTask)

    def fails(self: Any, **settings: Any) -> None:
        raise ConnectionError("no network\nat all")

    task.fetch()
    monkeypatch.setattr(type(task.task()), "load_data", fails)
    with pytest.raises(
        LusiferError, match=r"MockSTSTask: could not be run \(ConnectionError: no network at all"
    ):
        task.fetch()
