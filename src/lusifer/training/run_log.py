"""`log.jsonl` of a run: a line for each thing that was measured, and the curves drawn from it."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import transformers

from lusifer.io import write_text
from lusifer.training.validation import LOSS, Measurement

LOG, CURVES = "log.jsonl", "curves.png"
PREFIX = "validation_"


class PhaseLog(transformers.TrainerCallback):  # type: ignore[misc]
    """Writes what the trainer logs of one phase. A resumed run takes back what was logged behind the
    step that it goes on from, and writes it again.
    """

    def __init__(self, file: Path, phase: str, step: int) -> None:
        self.file, self.phase, self.begun = file, phase, time.monotonic()
        kept = [line for line in read_log(file) if line["phase"] != phase or line["step"] <= step]
        if file.exists():
            write_text(file, "".join(json.dumps(line) + "\n" for line in kept))

    def measurements(self) -> list[Measurement]:
        """What was measured of the phase so far."""
        found = []
        for line in read_log(self.file):
            figures = {
                name.removeprefix(PREFIX): math.nan if value is None else value
                for name, value in line.items()
                if name.startswith(PREFIX)
            }
            if line["phase"] == self.phase and figures:
                found.append(Measurement(line["step"], figures))
        return found

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        figures = {
            name: float(value) if math.isfinite(value) else None
            for name, value in logs.items()
            if isinstance(value, int | float) and name != "epoch"
        }
        seconds = round(time.monotonic() - self.begun, 1)
        line = {"phase": self.phase, "step": state.global_step, "seconds": seconds, **figures}
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


def read_log(file: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; a last one that an interrupt cut short is left out."""
    if not file.exists():
        return []
    lines = []
    for text in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:
            break
    return lines


def validated(output: Path) -> list[tuple[str, str, float, float, int]]:
    """What a run's validation found.

    Args:
        output: the run's folder.

    Returns:
        For each phase and figure: both names, the first value, the best, and its step. Of a loss the
        least is the best, of a task's figure the greatest.
    """
    found: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for line in read_log(output / LOG):
        for name, value in line.items():
            if name.startswith(PREFIX) and value is not None:
                key = line["phase"], name.removeprefix(PREFIX)
                found.setdefault(key, []).append((value, line["step"]))
    lines = []
    for (phase, name), values in found.items():
        sign = 1 if name == LOSS else -1
        best, step = min(values, key=lambda pair: sign * pair[0])
        lines.append((phase, name, values[0][0], best, step))
    return lines


def draw_curves(output: Path) -> Path | None:
    """Draw a run's log as `curves.png`: a column a phase, the loss above and what was validated
    below.

    Args:
        output: the run's folder.

    Returns:
        The file; None where nothing was logged, or matplotlib is not there.
    """
    lines = read_log(output / LOG)
    phases = list(dict.fromkeys(line["phase"] for line in lines))
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        return None
    if not phases:
        return None
    names = list(dict.fromkeys(n for line in lines for n in line if n.startswith(PREFIX)))
    names.sort(key=lambda name: name != f"{PREFIX}loss")
    figure = Figure(figsize=(5 * len(phases), 2.6 * (1 + len(names))), layout="constrained")
    axes = figure.subplots(1 + len(names), len(phases), squeeze=False, sharex="col")
    for column, phase in enumerate(phases):
        for row, name in enumerate(["loss", *names]):
            axis = axes[row][column]
            points = [
                (line["step"], line[name])
                for line in lines
                if line["phase"] == phase and line.get(name) is not None
            ]
            axis.plot(*zip(*points, strict=True) if points else ([], []), marker="." if row else "")
            axis.set_ylabel(name.replace("_", " ", 1))
            axis.grid(alpha=0.3)
        axes[0][column].set_title(phase)
        axes[-1][column].set_xlabel("step")
    figure.savefig(output / CURVES, dpi=110)
    return output / CURVES
