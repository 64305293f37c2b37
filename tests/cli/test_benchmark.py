"""The benchmark's table: languages against models, published figures beside, what lacks told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lusifer.cli.benchmark import listing, score
from lusifer.errors import LusiferError
from lusifer.evaluation import (
    BenchmarkSet,
    Outcome,
    Score,
    Task,
    benchmark,
    benchmark_sets,
    means,
)
from lusifer.models import LoadedModel
from tests.evaluation.oracle import Oracle


def scored(
    points: dict[str, float], sets: Sequence[BenchmarkSet]
) -> tuple[list[Outcome], dict[str, str]]:
    """Outcomes of the sets that have points; the others could not be run."""
    outcomes = [
        Outcome(
            entry.run.name,
            "mteb",
            (),
            (Score(entry.run.name, entry.language, "x", points[entry.run.name], 0, 1, 9),),
            0.1,
        )
        for entry in sets
        if entry.run.name in points
    ]
    failed = {e.run.name: f"{e.run.name}: no [data]" for e in sets if e.run.name not in points}
    return outcomes, failed


def rows(printed: str) -> dict[str, list[str]]:
    """A printed table, by its first column."""
    cells = [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
        for line in printed.splitlines()
        if line[:1] in "│┃"
    ]
    return {first: rest for first, *rest in cells}


def test_each_model_has_a_column_of_means(capsys: pytest.CaptureFixture[str]) -> None:
    sets = benchmark_sets(["te", "hi"])
    names = [entry.run.name for entry in sets]
    points = {
        "half": {name: i / len(names) for i, name in enumerate(names)},
        "whole": dict.fromkeys(names[1:], 1.0),
    }

    def run(model: LoadedModel, wanted: Sequence[Task]) -> tuple[list[Outcome], dict[str, str]]:
        assert [task.name for task in wanted] == names
        return scored(points[model.name], sets)

    models = {name: LoadedModel(name, "1", Oracle()) for name in points}
    score(models, sets, run, "kept [here]")
    out, told = capsys.readouterr()
    table, book = rows(out), benchmark()
    assert table["language"][1:3] == ["half", "whole"]
    told = " ".join(told.split())
    assert f"whole: {names[0]}: no [data]" in told
    assert "All is kept in kept [here]." in told
    for column, name in enumerate(points, 1):
        for mean in means(sets, points[name]):
            lacking = f" ({mean.done}/{mean.of})" if mean.lacking else ""
            assert table[mean.name][column] == f"{mean.points:.2f}{lacking}"
    for column, published in enumerate(book.published.values(), 3):
        assert table["te"][column] == f"{published['te']:.2f}"


def test_published_figures_are_left_out_where_a_part_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sets = benchmark_sets(["te"], ["sts"])
    points = {entry.run.name: 0.5 for entry in sets}
    score({"m": LoadedModel("m", "1", Oracle())}, sets, lambda *_: scored(points, sets), "results")
    assert rows(capsys.readouterr().out)["te"] == [str(len(sets)), "50.00"]


def test_where_nothing_could_be_run_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    sets = benchmark_sets(["sw"])
    with pytest.raises(LusiferError, match="none of these data sets could be run"):
        score({"m": LoadedModel("m", "1", Oracle())}, sets, lambda *_: scored({}, sets), "r")
    out, told = capsys.readouterr()
    assert out == ""
    assert all(f"m: {entry.run.name}: no [data]" in told for entry in sets)


@pytest.mark.filterwarnings("ignore")  # mteb's own
def test_what_would_be_fetched_is_listed_set_by_set(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mteb")
    sets = benchmark_sets(["te"], ["sts"])
    listing(sets)
    *table, last = capsys.readouterr().out.splitlines()
    lines: list[Any] = [line for line in table if line.startswith("│")]
    assert len(lines) == len(sets)
    for line, entry in zip(lines, sets, strict=True):
        assert f" {entry.run.dataset} {entry.run.split} " in line
        assert f" {entry.run.size()[0]:,} " in line
    assert last.startswith(f"{len(sets)} runs on {len(sets)} data sets, some ")
