"""A run that is told to go saves at the end of its step, and the signal means again what it meant."""

from __future__ import annotations

import os
import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import transformers

from lusifer.errors import Preempted
from lusifer.training.preempt import Preemption


def ended(one: Preemption, step: int, steps: int = 9) -> transformers.TrainerControl:
    """What the trainer is told behind a step."""
    control: Any = transformers.TrainerControl()
    one.on_step_end(SimpleNamespace(), SimpleNamespace(global_step=step, max_steps=steps), control)
    return control


def test_a_signal_ends_the_run_at_the_next_step_and_is_told() -> None:
    one, before = Preemption(), signal.getsignal(signal.SIGTERM)

    def work() -> None:
        with one.listening():
            assert not ended(one, 1233, 5000).should_training_stop
            os.kill(os.getpid(), signal.SIGTERM)
            control = ended(one, 1234, 5000)
            assert control.should_save
            assert control.should_training_stop

    with pytest.raises(Preempted, match=r"step 1,234, which is saved; run the same command again"):
        work()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_run_that_has_ended_anyway_is_no_stopped_one() -> None:
    one = Preemption()
    with one.listening():
        os.kill(os.getpid(), signal.SIGTERM)
        assert not ended(one, 9).should_training_stop


def test_an_error_within_gives_the_signal_back_and_is_not_hidden() -> None:
    before = signal.getsignal(signal.SIGTERM)
    one = Preemption()

    def work() -> None:
        with one.listening():
            os.kill(os.getpid(), signal.SIGTERM)
            ended(one, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert signal.getsignal(signal.SIGTERM) is before


def test_another_thread_leaves_the_signal_as_it_is() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), list[Any]()

    def work() -> None:
        with Preemption().listening():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
