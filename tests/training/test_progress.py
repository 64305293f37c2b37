"""Where there is no terminal a line tells step, loss and the time left, of this start's own pace."""

from __future__ import annotations

import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest

from lusifer.training.progress import Progress


def state(step: int, steps: int = 10, *, first: bool = True) -> Any:
    return SimpleNamespace(global_step=step, max_steps=steps, is_world_process_zero=first)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "lusifer")
    return caplog


def test_a_line_for_each_loss_and_for_nothing_else(told: pytest.LogCaptureFixture) -> None:
    one = Progress("masked LM")
    one.on_train_begin(None, state(0), None)
    one.on_log(None, state(1), None, {"eval_loss": 2.0})
    one.on_log(None, state(1), None, None)
    assert told.messages == []
    one.on_log(None, state(5), None, {"loss": "1.23456"})
    (line,) = told.messages
    assert re.fullmatch(r"masked LM: step 5 of 10, loss 1\.2346, [\d.]+ steps/s, \d+ s left", line)
    one.stop()


def test_a_resumed_run_s_pace_is_of_the_steps_since(
    told: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 104.0, 104.0])
    monkeypatch.setattr("lusifer.training.progress.time.monotonic", lambda: next(clock))
    one = Progress("causal LM")
    one.on_train_begin(None, state(80, 100), None)
    one.on_log(None, state(88, 100), None, {"loss": 0.5})
    assert told.messages == ["causal LM: step 88 of 100, loss 0.5000, 2.00 steps/s, 6 s left"]
    one.on_log(None, state(80, 100), None, {"loss": 0.5})
    assert told.messages[-1].endswith("0.00 steps/s, nan s left")


def test_one_process_alone_tells(told: pytest.LogCaptureFixture) -> None:
    one = Progress("x")
    one.on_train_begin(None, state(0, first=False), None)
    one.on_log(None, state(3, first=False), None, {"loss": 1.0})
    one.on_step_end(None, state(3, first=False), None)
    one.stop()
    assert told.messages == []


def test_a_terminal_has_a_bar_that_is_taken_off(
    monkeypatch: pytest.MonkeyPatch, told: pytest.LogCaptureFixture
) -> None:
    import io

    from rich.console import Console

    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr("lusifer.training.progress.plain_console", lambda **_: screen)
    one = Progress("pooled map")
    one.on_train_begin(None, state(4), None)
    assert one.bar is not None
    one.on_log(None, state(6), None, {"loss": 0.25})
    one.on_step_end(None, state(6), None)
    task = one.bar.tasks[0]
    assert (task.completed, task.total, task.fields["loss"]) == (6, 10, "loss 0.2500")
    one.stop()
    one.stop()
    assert one.bar is None
    assert told.messages == []
