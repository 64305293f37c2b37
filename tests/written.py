"""What users see of the package, written down: a change shows in the diff of these files, or its
test fails.

`make snapshots` writes them anew.
"""

from __future__ import annotations

import inspect
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import lusifer
from lusifer import config
from lusifer.cli.app import app
from lusifer.training.run import find_stage, load_recipe, stage_names

FOLDER = Path(__file__).parent / "snapshots"
RECIPES = Path(lusifer.__file__).parent / "recipes"
SCHEMAS = Path(lusifer.__file__).parent / "assets" / "schemas"


def api() -> str:
    """Every public name with its signature, and the public members of every class."""
    return "".join(
        f"{line}\n"
        for name in sorted(lusifer.__all__)
        for line in _described(name, getattr(lusifer, name))
    )


def _described(name: str, value: Any) -> Iterator[str]:
    if inspect.isclass(value):
        yield f"class {name}{_signature(value)}"
        for member, inner in sorted(vars(value).items()):
            if not member.startswith("_") and (
                callable(inner) or isinstance(inner, property | classmethod | staticmethod)
            ):
                found = getattr(value, member)
                yield (
                    f"    {member}"
                    if isinstance(inner, property)
                    else f"    {member}{_signature(found)}"
                )
    elif callable(value):
        yield f"{name}{_signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def _signature(value: Any) -> str:
    try:
        return re.sub(r"<function (\S+) at 0x\w+>", r"\1", str(inspect.signature(value)))
    except (TypeError, ValueError):
        return "(…)"


def commands() -> str:
    """Every command with its arguments and options: names, defaults, whether they are required or
    many.
    """
    lines: list[str] = []

    def walk(command: Any, name: str) -> None:
        if hasattr(command, "commands"):
            for inner in sorted(command.commands):
                walk(command.commands[inner], f"{name} {inner}")
            return
        lines.append(name)
        for parameter in command.params:
            names = " ".join([*parameter.opts, *parameter.secondary_opts])
            required = " required" if parameter.required else ""
            many = " …" if getattr(parameter, "multiple", False) or parameter.nargs == -1 else ""
            lines.append(f"    {names}{many}{required} = {parameter.default!r}")

    walk(typer.main.get_command(app), "lusifer")
    return "\n".join(lines) + "\n"


def schemas() -> dict[str, str]:
    """The JSON Schema of every stage: file name → text."""
    stages = {
        f"{name}_{method}" if method else name: find_stage(name, method or None)
        for name, methods in stage_names().items()
        for method in methods or [""]
    }
    return {
        f"{name}.json": json.dumps(config.schema(stage.recipe), indent=1, ensure_ascii=False) + "\n"
        for name, stage in stages.items()
        if stage
    }


def resolved(name: str) -> str:
    """A recipe that ships, with every key that it leaves to its default."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return config.dump(load_recipe(name))


def written() -> dict[str, str]:
    """All snapshots: file name → text."""
    names = sorted(file.stem for file in RECIPES.glob("*.yaml"))
    return {"api.txt": api(), "commands.txt": commands()} | {
        f"recipes/{name}.yaml": resolved(name) for name in names
    }


def write() -> None:
    """Write all snapshots, and delete those of what is gone."""
    for name, text in schemas().items():  # by which recipes are then read
        SCHEMAS.mkdir(exist_ok=True)
        (SCHEMAS / name).write_text(text, encoding="utf-8")
    texts = written()
    for old in [*FOLDER.glob("*.txt"), *FOLDER.glob("recipes/*.yaml")]:
        old.unlink()
    for name, text in texts.items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
