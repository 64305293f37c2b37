"""A verb that is not named is `apply`; help, and verbs that are named, stay what they are."""

from __future__ import annotations

import typer
from typer.testing import CliRunner

from lusifer.cli.default_group import DefaultGroup

app = typer.Typer(cls=DefaultGroup, no_args_is_help=True)


@app.command()
def train(name: str) -> None:
    """Teach."""
    typer.echo(f"train {name}")


@app.command()
def apply(name: str, times: int = typer.Option(1, "--times")) -> None:
    """Use."""
    typer.echo(f"apply {name} {times}")


def said(*arguments: str) -> str:
    return CliRunner().invoke(app, list(arguments)).output


def test_the_verb_that_is_meant() -> None:
    assert said("model") == said("apply", "model") == "apply model 1\n"
    assert said("--times", "3", "model") == "apply model 3\n"
    assert said("train", "model") == "train model\n"
    assert "Teach." in said("--help")
    assert "Teach." in said()
