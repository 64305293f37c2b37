"""`lusifer recipes`."""

from __future__ import annotations

import typer


def recipes(
    name: str = typer.Argument(None, help="Print this one, or a recipe file."),
    schema: bool = typer.Option(
        False, "--schema", help="Print the JSON Schema of its stage, for an editor, instead."
    ),
) -> None:
    """The recipes that ship with the package."""
    from importlib import resources

    if schema:
        _print_schema(name)
        return

    folder = resources.files("lusifer") / "recipes"
    if name:
        from lusifer import config

        typer.echo(config.text_of(config.find(name)), nl=False)
        return
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            first = file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
            typer.echo(f"{file.name.removesuffix('.yaml'):14} {first}")


def _print_schema(name: str | None) -> None:
    """The schema of a recipe's stage, as JSON."""
    import json

    from lusifer import config
    from lusifer.errors import ConfigError
    from lusifer.training import load_recipe

    if not name:
        raise ConfigError(
            "--schema needs a recipe's name, or its file: lusifer recipes minilm --schema"
        )
    data = config.upgraded(config.read(config.find(name)))
    found = config.shipped_schema(str(data.get("stage")), data.get("method"))
    if found is None:  # a stage of an extension, or none
        found = config.schema(type(load_recipe(name)))
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
