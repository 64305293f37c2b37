"""One page for all results: a self-contained HTML file, the same figures as PNGs, and the tables as
Markdown.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluation.compare import ComparisonRow, compare, missing_scores
from lusifer.evaluation.outcomes import MODEL, Outcome, read_outcomes
from lusifer.evaluation.report.tables import heads, markdown
from lusifer.evaluation.run import DIAGNOSIS
from lusifer.io import replacing_file, write_text
from lusifer.models import read_json

TEMPLATE = Path(__file__).parents[2] / "assets" / "report.html"
FOUND = (
    ("sib200-bitext", "to English"),
    ("ntrex", "to English"),
    ("tatoeba", "to English"),
)  # the score beside fertility


@dataclass(frozen=True)
class Model:
    """A model's results, and its diagnosis if there is one."""

    name: str
    outcomes: tuple[Outcome, ...]
    diagnosis: Mapping[str, Any] | None
    seen: Mapping[str, bool | None]


def gather_results(folders: Sequence[str | Path]) -> list[Model]:
    """The models in folders of results, or in folders of one model each. Raises LusiferError where
    there is none.
    """
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise LusiferError(f"{folder}: no such folder")
        inside = (
            [folder]
            if (folder / MODEL).exists()
            else sorted(f.parent for f in folder.glob(f"*/{MODEL}"))
        )
        inside = [f for f in inside if any(f.glob("*.npz"))]
        if not inside:
            raise LusiferError(
                f"{folder}: holds no results; `lusifer evaluate MODEL --into {folder}` makes some"
            )
        found += inside
    return [_model(folder) for folder in dict.fromkeys(found)]


def _model(folder: Path) -> Model:
    diagnosis = folder / DIAGNOSIS
    about: dict[str, Any] = read_json(folder / MODEL)
    made: dict[str, Any] | None = read_json(diagnosis) if diagnosis.exists() else None
    return Model(folder.name, tuple(read_outcomes(folder)), made, about.get("zero_shot", {}))


def write_page(models: Sequence[Model], into: str | Path) -> list[Path]:
    """Write the page, its figures and tables into a folder; returns the files. Raises MissingExtra
    without matplotlib.
    """
    if importlib.util.find_spec("matplotlib") is None:  # before the work, not after it
        raise MissingExtra("matplotlib", "eval")
    into = Path(into)
    names = [model.name for model in models]
    rows = compare({model.name: model.outcomes for model in models})
    if not rows:
        lacks = missing_scores({model.name: model.outcomes for model in models})
        raise LusiferError(
            f"no task was asked of all of {', '.join(names)} on the same files; name models with a task in common ({'; '.join(lacks[-2:])})"
        )
    data = _data(models, rows)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    files = [into / "report.html", into / "tables.md"]
    write_text(files[0], TEMPLATE.read_text(encoding="utf-8").replace("__DATA__", text))
    write_text(files[1], markdown(rows, names))
    return files + _figures(data, into)


def _data(models: Sequence[Model], rows: Sequence[ComparisonRow]) -> dict[str, Any]:
    """All that the page shows, as plain values."""
    main: dict[str, str] = {}
    for row in rows:
        main.setdefault(row.task, row.metric)
    return {
        "about": f"{len(models)} model{'s' if len(models) > 1 else ''}, {len(main)} tasks; each figure with its 95 % bootstrap interval.",
        "models": [model.name for model in models],
        "means": [
            {
                "task": row.task,
                "metric": row.metric,
                "which": heads(row)[2],
                "n": row.examples,
                "main": main[row.task] == row.metric,
                "cells": [
                    {**cell.__dict__, "seen": model.seen.get(row.task) is False}
                    for cell, model in zip(row.cells, models, strict=True)
                ],
            }
            for row in rows
        ],
        "heat": [_heat(model, main) for model in models],
        "maps": [model.diagnosis and model.diagnosis.get("map") for model in models],
        "fertility": [_fertility(model) for model in models],
    }


def _heat(model: Model, main: Mapping[str, str]) -> dict[str, Any]:
    """Languages against tasks; languages that one task alone has are left to the tables."""
    scores: dict[str, dict[str, float]] = {}
    for outcome in model.outcomes:
        for s in outcome.scores:
            if main.get(s.task) == s.metric:
                scores.setdefault(s.language, {})[s.task] = s.value
    tasks = [task for task in main if sum(task in by_task for by_task in scores.values()) > 1]
    rows = [
        {"language": language, "values": [by_task.get(t) for t in tasks]}
        for language, by_task in sorted(scores.items())
    ]
    return {
        "tasks": tasks,
        "rows": [row for row in rows if any(v is not None for v in row["values"])],
    }


def _fertility(model: Model) -> list[dict[str, Any]] | None:
    """Each language's tokens against its score."""
    if model.diagnosis is None:
        return None
    scores = {
        (s.task, s.metric, s.language): s.value
        for outcome in model.outcomes
        for s in outcome.scores
    }
    points = []
    for row in model.diagnosis["languages"]:
        score = next(
            (
                scores[*where, row["language"]]
                for where in FOUND
                if (*where, row["language"]) in scores
            ),
            None,
        )
        if score is not None and row.get("premium") is not None:
            points.append({"language": row["language"], "premium": row["premium"], "score": score})
    return points


def _figures(data: Mapping[str, Any], into: Path) -> list[Path]:
    """The page's figures as PNGs."""
    from matplotlib.figure import Figure

    files = []

    def keep(figure: Any, name: str) -> None:
        with replacing_file(into / f"{name}.png") as stream:
            figure.savefig(stream, format="png", dpi=120, bbox_inches="tight")
        files.append(into / f"{name}.png")

    main = [row for row in data["means"] if row["main"]]
    figure = Figure(figsize=(8, 0.35 * len(main) * max(1, len(data["models"]) ** 0.5) + 1.5))
    axes = figure.subplots()
    for m, name in enumerate(data["models"]):
        places = [
            i + (m - (len(data["models"]) - 1) / 2) * 0.8 / len(data["models"])
            for i in range(len(main))
        ]
        values = [row["cells"][m]["value"] for row in main]
        spread = [
            [max(0.0, v - row["cells"][m]["low"]) for v, row in zip(values, main, strict=True)]
        ]
        spread.append(
            [max(0.0, row["cells"][m]["high"] - v) for v, row in zip(values, main, strict=True)]
        )
        axes.errorbar(values, places, xerr=spread, fmt="o", markersize=4, label=name)
    axes.set_yticks(
        range(len(main)),
        [f"{row['task']} {row['metric']} ({row['which']})" for row in main],
        fontsize=8,
    )
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
    keep(figure, "models")
    for name, heat, shown, points in zip(
        data["models"], data["heat"], data["maps"], data["fertility"], strict=True
    ):
        if heat["rows"] and heat["tasks"]:
            figure = Figure(figsize=(1.5 + 0.55 * len(heat["tasks"]), 1 + 0.14 * len(heat["rows"])))
            axes = figure.subplots()
            cells = [
                [float("nan") if v is None else v for v in row["values"]] for row in heat["rows"]
            ]
            drawn = axes.imshow(cells, aspect="auto", cmap="GnBu")
            axes.set_xticks(
                range(len(heat["tasks"])), heat["tasks"], rotation=60, ha="right", fontsize=8
            )
            axes.set_yticks(
                range(len(heat["rows"])), [row["language"] for row in heat["rows"]], fontsize=5
            )
            figure.colorbar(drawn, shrink=0.4)
            keep(figure, f"languages-{name}")
        if shown:
            figure = Figure(figsize=(8, 6))
            axes = figure.subplots()
            for language in dict.fromkeys(shown["languages"]):
                mine = [
                    p
                    for p, of in zip(shown["points"], shown["languages"], strict=True)
                    if of == language
                ]
                axes.scatter(
                    [p[0] for p in mine], [p[1] for p in mine], s=12, label=language, alpha=0.7
                )
            axes.legend(fontsize=7, markerscale=1.5, ncols=2)
            keep(figure, f"map-{name}")
        if points:
            figure = Figure(figsize=(8, 5))
            axes = figure.subplots()
            axes.scatter([p["premium"] for p in points], [p["score"] for p in points], s=12)
            axes.set_xlabel("tokens, times English")
            axes.set_ylabel("translations found")
            keep(figure, f"fertility-{name}")
    return files
