"""Results as they lie on disk: what a task measured, its scores, and what they depend on.

`TASK.json` holds the scores, `TASK.npz` a value an example, which paired tests need. A result of some
languages grows by those that are asked for later.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lusifer.errors import LusiferError
from lusifer.evaluation.scores import Measured, Score
from lusifer.io import fingerprint, replacing_file, write_json
from lusifer.text import Languages

MODEL = "model.json"


@dataclass(frozen=True)
class Outcome:
    """A task's result: what was measured, its scores, the seconds it took, and whether it was there
    already. `languages` are those that were asked for, None for all. `data` stands for the files and
    the definition that it was measured by, `anchor` for the model of an existing index; both are empty
    where nobody wrote them down.
    """

    task: str
    kind: str
    measured: tuple[Measured, ...]
    scores: tuple[Score, ...]
    seconds: float
    reused: bool = False
    data: str = ""
    anchor: str = ""
    languages: tuple[str, ...] | None = None


def measured_by(state: Mapping[str, Any]) -> tuple[str, str]:
    """What scores must share to be compared, of `identity`: the data, and the anchor where a metric
    has one.
    """
    data = [f"{key}={json.dumps(state.get(key))}" for key in ("definition", "files", "revision")]
    return fingerprint("", data), state.get("anchor") or ""


def save(folder: Path, outcome: Outcome, state: dict[str, Any]) -> None:
    """Write an outcome: first the examples, then the scores that say that they are whole."""
    arrays = {}
    for i, measured in enumerate(outcome.measured):
        arrays[f"values{i}"] = measured.values.astype(np.float32)
        if measured.gold is not None:
            arrays[f"gold{i}"] = measured.gold
    with replacing_file(folder / f"{outcome.task}.npz") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    scores = [
        s.row() | {"statistic": m.statistic}
        for s, m in zip(outcome.scores, outcome.measured, strict=True)
    ]
    write_json(
        folder / f"{outcome.task}.json",
        {"task": outcome.task, "of": state, "seconds": round(outcome.seconds, 2), "scores": scores},
    )


def load(folder: Path, task: str, state: dict[str, Any] | None = None) -> Outcome | None:
    """An outcome that was saved; None where there is none, or, with `state`, where it is of another
    state of things, whatever its languages.
    """
    file = folder / f"{task}.json"
    if not file.exists():
        return None
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        languages = stored["of"]["languages"]
        if state is not None and stored["of"] != json.loads(json.dumps(state)) | {
            "languages": languages
        }:
            return None
        statistics = [row.pop("statistic") for row in stored["scores"]]
        scores = [Score(**row) for row in stored["scores"]]
        with (folder / f"{task}.npz").open("rb") as stream, np.load(stream) as arrays:
            measured = [
                Measured(
                    s.task,
                    s.language,
                    s.metric,
                    arrays[f"values{i}"],
                    arrays.get(f"gold{i}"),
                    statistic,
                )
                for i, (s, statistic) in enumerate(zip(scores, statistics, strict=True))
            ]
        data, anchor = measured_by(stored["of"])
        return Outcome(
            task,
            stored["of"]["kind"],
            tuple(measured),
            tuple(scores),
            stored["seconds"],
            reused=True,
            data=data,
            anchor=anchor,
            languages=None if languages is None else tuple(languages),
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise LusiferError(
            f"{file}: is no result of `lusifer evaluate`, or damaged ({error}); delete it to have it made anew"
        ) from None


def part(outcome: Outcome | None, languages: Languages) -> Outcome | None:
    """Some languages of a result of all: what is there is neither computed again nor written over
    by less.
    """
    if outcome is None:
        return None
    asked = [m.language in languages for m in outcome.measured]
    measured = tuple(m for m, wanted in zip(outcome.measured, asked, strict=True) if wanted)
    return replace(
        outcome,
        measured=measured,
        scores=tuple(s for s, wanted in zip(outcome.scores, asked, strict=True) if wanted),
    )


def together(before: Outcome, now: Outcome) -> Outcome:
    """Two results of one task in different languages as one.

    Args:
        before: what was known.
        now: what was measured since; where both have a language it counts.

    Returns:
        The result in all of their languages.
    """
    fresh = {m.language for m in now.measured}
    kept = [i for i, m in enumerate(before.measured) if m.language not in fresh]
    return replace(
        now,
        measured=(*(before.measured[i] for i in kept), *now.measured),
        scores=(*(before.scores[i] for i in kept), *now.scores),
        seconds=before.seconds + now.seconds,
        languages=tuple(dict.fromkeys([*(before.languages or ()), *(now.languages or ())])),
    )


def read_outcomes(folder: Path) -> list[Outcome]:
    """All outcomes of a model's folder, by name. Raises LusiferError where there are none."""
    names = sorted(file.stem for file in folder.glob("*.json") if file.with_suffix(".npz").exists())
    found = [outcome for name in names if (outcome := load(folder, name))]
    if not found or not (folder / MODEL).exists():
        raise LusiferError(
            f"{folder}: holds no results of a model; `lusifer evaluate MODEL --into RESULTS` makes RESULTS/MODEL-HASH"
        )
    return found
