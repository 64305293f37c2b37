"""A run's log keeps what was measured, through interrupts and resumed runs, and its best is told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lusifer.training.run_log import LOG, PhaseLog, draw_curves, read_log, validated


def at(step: int, *, first: bool = True) -> Any:
    return SimpleNamespace(global_step=step, is_world_process_zero=first)


def write(log: PhaseLog, step: int, **figures: Any) -> None:
    log.on_log(None, at(step), None, figures)


def test_a_resumed_run_takes_back_what_was_logged_behind_its_step(tmp_path: Path) -> None:
    file = tmp_path / LOG
    other = PhaseLog(file, "warm", 0)
    write(other, 9, loss=3.0)
    first = PhaseLog(file, "ranking", 0)
    for step in range(1, 6):
        write(first, step, loss=1 / step, epoch=0.1)
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"phase": "rank')
    again = PhaseLog(file, "ranking", 3)
    write(again, 4, loss=0.5)
    lines = read_log(file)
    assert [(line["phase"], line["step"]) for line in lines] == [
        *(("warm", 9), ("ranking", 1), ("ranking", 2), ("ranking", 3), ("ranking", 4))
    ]
    assert lines[-1]["loss"] == 0.5
    assert "epoch" not in lines[1]


def test_a_loss_that_is_no_number_is_written_as_json_and_read_as_nan(tmp_path: Path) -> None:
    log = PhaseLog(tmp_path / LOG, "ranking", 0)
    write(log, 1, validation_loss=math.nan, loss=math.inf)
    write(log, 2, validation_loss=0.5)
    text = (tmp_path / LOG).read_text(encoding="utf-8")
    assert json.loads(text.splitlines()[0], parse_constant=pytest.fail)["loss"] is None
    first, second = log.measurements()
    assert math.isnan(first.figures["loss"])
    assert (second.step, second.figures) == (2, {"loss": 0.5})
    assert validated(tmp_path) == [("ranking", "loss", 0.5, 0.5, 2)]


def test_what_is_not_a_step_s_and_other_processes_are_left_out(tmp_path: Path) -> None:
    log = PhaseLog(tmp_path / LOG, "ranking", 0)
    log.on_log(None, at(1, first=False), None, {"loss": 1.0})
    write(log, 6, train_runtime=3.0, train_loss=0.4)
    log.on_log(None, at(1), None, None)
    assert read_log(tmp_path / LOG) == []
    assert draw_curves(tmp_path) is None
    assert validated(tmp_path) == []


def test_of_a_loss_the_least_is_the_best_and_of_a_score_the_greatest(tmp_path: Path) -> None:
    log = PhaseLog(tmp_path / LOG, "contrastive", 0)
    for step, loss, score in ((0, 3.0, 0.2), (10, 1.0, 0.6), (20, 2.0, 0.6), (30, 1.5, 0.1)):
        write(log, step, validation_loss=loss, validation_tatoeba=score)
    assert validated(tmp_path) == [
        ("contrastive", "loss", 3.0, 1.0, 10),
        ("contrastive", "tatoeba", 0.2, 0.6, 10),
    ]


def test_curves_are_drawn_of_every_phase(tmp_path: Path) -> None:
    for phase in ("warm", "ranking"):
        log = PhaseLog(tmp_path / LOG, phase, 0)
        write(log, 1, loss=1.0)
        write(log, 2, loss=math.nan)
    assert draw_curves(tmp_path) == tmp_path / "curves.png"
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
