"""`lusifer models`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import typer

from lusifer.errors import LusiferError, ModelError

COLUMNS = ("model", "kind", "numbers", "size", "languages", "figures")


def models(
    folders: list[str] = typer.Argument(
        None, help="Folders to look below; without one, the working directory's `models`."
    ),
) -> None:
    """List the models that are here: those that come with lusifer, and those below the folders."""
    from rich.table import Table

    from lusifer.io import plain_console
    from lusifer.models import SHIPPED, locate

    found: list[tuple[str, Path]] = []
    for shipped in SHIPPED:
        # A copy without one still lists what is below the folders.
        with contextlib.suppress(ModelError):
            found.append((shipped, locate(shipped)))
    for name in folders or (["models"] if Path("models").is_dir() else []):
        if not Path(name).is_dir():
            raise LusiferError(f"{name}: no such folder")
        found += [(str(path), path) for path in below(Path(name))]
    if not found:
        raise LusiferError("no models here; name a folder to look below: lusifer models FOLDER")
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(
            name, overflow="fold", justify="right" if name in ("numbers", "size") else "left"
        )
    for name, path in found:
        table.add_row(name, *describe(path))
    plain_console().print(table)


def below(folder: Path) -> Iterator[Path]:
    """The model folders at or below a folder; what lies inside a model is part of it."""
    from lusifer.models import onnx_file

    weights = any(folder.glob("*.safetensors")) and any(
        (folder / name).exists() for name in ("bridge.json", "modules.json", "config.json")
    )
    if weights or (onnx_file(folder) and (folder / "tokenizer.json").exists()):
        yield folder
        return
    for child in sorted(
        p for p in folder.iterdir() if p.is_dir() and not p.name.startswith((".", "checkpoint-"))
    ):
        yield from below(child)


def describe(folder: Path) -> tuple[str, ...]:
    """(kind, numbers of a vector, size on disk, languages, figures), as its files tell."""
    from lusifer.models import format_of

    size = f"{sum(p.stat().st_size for p in folder.rglob('*') if p.is_file()) / 1e6:.1f} MB"
    about = format_of(folder).describe(folder)
    return about.kind, about.dim, size, about.languages, about.figures
