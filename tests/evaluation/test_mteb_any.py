"""Any benchmark and task of the installed mteb is found by name, and the table is its leaderboard's."""

from __future__ import annotations

from statistics import fmean

import pytest

from lusifer.errors import LusiferError
from lusifer.evaluation.mteb_any import mteb_means, mteb_run

mteb = pytest.importorskip("mteb")
pytestmark = pytest.mark.filterwarnings("ignore")  # mteb's own


def test_every_benchmark_is_found_with_all_its_tasks() -> None:
    for one in mteb.get_benchmarks():
        of_texts = [t for t in one.tasks if t.metadata.modalities == ["text"]]
        if not of_texts:
            with pytest.raises(LusiferError, match="has no task of texts"):
                mteb_run(one.name)
            continue
        found = mteb_run(one.name)
        names = {task.part_of or task.dataset for task in found.tasks}
        assert names == {t.metadata.name for t in of_texts}, one.name
        assert len(found.not_text) == len(one.tasks) - len(of_texts)
        assert len({task.name for task in found.tasks}) == len(found.tasks), one.name


def test_a_benchmark_s_own_choice_of_subsets_and_splits_is_kept() -> None:
    tasks = {task.dataset: task for task in mteb_run("MTEB(fas, v1)").tasks}
    assert tasks["MassiveIntentClassification"].subsets == ("fa",)
    assert tasks["MassiveIntentClassification"].splits == ("validation", "test")
    assert tasks["MIRACLRetrieval"].language("fa") == "fas_Arab"


def test_tasks_types_and_languages_are_chosen() -> None:
    found = mteb_run("MTEB(fas, v1)", ["sts", "FarsTail"])
    assert [task.dataset for task in found.tasks] == ["Farsick", "SynPerSTS", "Query2Query", "FarsTail"]  # fmt: skip
    (sts,) = mteb_run("mteb", ["STS17"], ["de"]).tasks
    assert sts.subsets == ("en-de",)
    assert len(mteb_run("mteb", ["STS17", "STS22.v2"]).tasks) == 2


def test_a_task_made_of_others_is_run_part_by_part() -> None:
    parts = [t for t in mteb_run("MTEB(eng, v1)").tasks if t.part_of]
    assert {t.part_of for t in parts} == {"CQADupstackRetrieval"}
    assert len(parts) == 12


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (("MTEB(fa, v1)",), r"no benchmark 'MTEB\(fa, v1\)'; near it are: .*MTEB\(fas, v1\)"),
        (("zzzz",), "no benchmark 'zzzz'; there are: BEIR"),
        (("mteb", ["STS17x"]), "no task 'STS17x'; near it are: STS17"),
        (("mteb",), "takes tasks by name"),
        (("MTEB(fas, v1)", ["Farsik"]), "no task 'Farsik'; near it are: Farsick.*or all of a type: Classification"),
        (("MTEB(fas, v1)", None, ["de"]), "has the language 'deu'"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_told_with_the_right_ones(asked: tuple[str, ...], line: str) -> None:
    with pytest.raises(LusiferError, match=line):
        mteb_run(*asked)  # type: ignore[arg-type]


def test_means_are_the_leaderboard_s() -> None:
    tasks = [t for t in mteb_run("MTEB(eng, v1)", ["STS", "Retrieval"]).tasks if t.part_of or t.task_type == "STS"]  # fmt: skip
    scores = {task.name: [0.1 + i / 100, 0.2 + i / 100] for i, task in enumerate(tasks)}
    rows = {row.name: row for row in mteb_means(tasks, scores)}
    sts = [fmean(scores[t.name]) * 100 for t in tasks if t.task_type == "STS"]
    parts = [fmean(scores[t.name]) * 100 for t in tasks if t.part_of]
    assert rows["CQADupstackRetrieval"].points == pytest.approx(fmean(parts))
    assert rows["STS"].points == pytest.approx(fmean(sts))
    assert rows["mean of tasks"].points == pytest.approx(fmean([*sts, fmean(parts)]))
    assert rows["mean of types"].points == pytest.approx(fmean([fmean(sts), fmean(parts)]))
    lost = dict(list(scores.items())[1:])
    marked = {row.name: row for row in mteb_means(tasks, lost)}
    assert marked[tasks[0].dataset].points is None
    assert marked["STS"].lacking == marked["mean of tasks"].lacking == (tasks[0].dataset,)
