"""`lusifer recipes`."""

from __future__ import annotations

import typer


def recipes(name: str = typer.Argument(None, help="Print this one.")) -> None:
    """The recipes that ship with the package."""
    from importlib import resources

    folder = resources.files("lusifer") / "recipes"
    if name:
        from lusifer import config

        typer.echo(config.find(name).read_text(encoding="utf-8"), nl=False)
        return
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            first = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            typer.echo(f"{file.name.removesuffix('.yaml'):14} {first}")
