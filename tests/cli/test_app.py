"""The verbs, put together: all are there, each says what it does, and none is heavy to name."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest
from typer.main import get_command

import lusifer
import lusifer.cli
from lusifer.cli.app import app
from tests.cli.command import in_a_process, run
from tests.cli.test_verb import verbs

PLAIN = {"seed", "temperature", "min_score", "max_score"}  # their names say all


def test_import_and_help_load_nothing_heavy() -> None:
    code = "import sys, lusifer, lusifer.cli.app; print([m for m in ('torch', 'transformers', 'sklearn', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "train" in in_a_process("--help").stdout
    assert in_a_process("--version").stdout.strip() == f"lusifer {lusifer.__version__}"


@pytest.mark.parametrize("group", [(), ("data",), ("curate",)])
def test_a_group_without_a_verb_shows_its_help_and_no_empty_line(group: tuple[str, ...]) -> None:
    done = run(*group)
    assert done.returncode == 2
    assert "Commands" in done.stdout
    assert done.stderr == ""


def test_a_file_with_a_verb_of_its_name_is_registered() -> None:
    listed = getattr(get_command(app), "commands", {})
    for module in pkgutil.iter_modules(lusifer.cli.__path__):
        found = importlib.import_module(f"lusifer.cli.{module.name}")
        own = getattr(found, module.name, None)
        if getattr(own, "__module__", "") == found.__name__ and module.name != "verb":
            assert module.name.replace("_", "-") in listed, module.name


@pytest.mark.parametrize("name", [name for name, _ in verbs()])
def test_each_verb_says_what_it_and_its_options_do(name: str) -> None:
    command = get_command(app)
    for word in name.split():
        command = getattr(command, "commands", {})[word]
    assert command.help
    assert {p.name for p in command.params if not getattr(p, "help", None)} <= PLAIN
    short, long = (run(*name.split(), option) for option in ("-h", "--help"))
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == long.stdout
    assert f"Usage: lusifer {name} " in " ".join(short.stdout.split())


def test_the_version_is_told_before_any_verb_runs() -> None:
    done = run("--version", "similar", "a", "b")
    assert (done.returncode, done.stdout) == (0, f"lusifer {lusifer.__version__}\n")
