"""What all verbs have in common."""

from __future__ import annotations

import os

import pytest
from typer.main import get_command

from lusifer.cli.app import app
from lusifer.errors import LusiferError
from tests.cli.command import in_a_process, refused
from tests.conftest import TEXTS


def verbs() -> list[tuple[str, list[str]]]:
    """Every verb, by its words, with its options."""
    found, left = [], [("", get_command(app))]
    while left:
        name, command = left.pop()
        below = getattr(command, "commands", None)
        if below is None:
            options = [option for parameter in command.params for option in parameter.opts]
            found.append((name, options))
        else:
            left.extend((f"{name} {part}".strip(), each) for part, each in below.items())
    return sorted(found)


@pytest.mark.parametrize(
    ("name", "options"), verbs(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_one_thing_has_one_name(name: str, options: list[str]) -> None:
    assert "-q" in options
    for usual, others in {
        "--into": ("--out", "--output"),
        "--model": ("--with",),
        "--columns": ("--cols",),
        "--top-k": ("--number",),
    }.items():
        assert usual in options or not any(other in options for other in others), name
    if "-o" in options:
        assert "--into" in options


@pytest.mark.parametrize("count", ["1", "2"])
def test_threads_are_set_before_anything_counts_them(
    count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    seen = []

    def load(*_: object, **__: object) -> None:
        seen.append(os.environ["OMP_NUM_THREADS"])
        raise LusiferError("seen")

    monkeypatch.setattr("lusifer.models.load", load)
    refused("similar", TEXTS[0], TEXTS[1], "--threads", count)
    assert seen == [count]


def test_no_threads_at_all_are_refused() -> None:
    assert "--threads is 0; it must be 1 or more" in refused("similar", "a", "b", "--threads", "0")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_verbs_are_completed(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_LUSIFER_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", "lusifer ev")
    monkeypatch.setenv("COMP_CWORD", "1")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "lusifer ev")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    done = in_a_process()
    assert "evaluate" in done.stdout, done
    assert "search" not in done.stdout
