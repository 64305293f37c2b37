"""`lusifer models`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def models(folder: str = typer.Argument(None, help="Also the models below this folder.")) -> None:
    """The models that are here: the one that comes with lusifer, and those below a folder."""
    from rich.console import Console
    from rich.table import Table

    from lusifer.models.bases import DEFAULT, locate

    rows = [_row(DEFAULT, locate(DEFAULT))]
    if folder:
        rows += [_row(str(path), path) for path in sorted(_below(Path(folder)))]
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for name in ("model", "kind", "numbers", "size", "languages", "figures"):
        table.add_column(name, overflow="fold", justify="right" if name in ("numbers", "size") else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _below(folder: Path) -> list[Path]:
    from lusifer.errors import LusiferError

    if not folder.is_dir():
        raise LusiferError(f"{folder}: no such folder")
    found = {p.parent for name in ("config.json", "bridge.json", "modules.json") for p in folder.rglob(name)}
    return [p for p in found if any(p.glob("*.safetensors")) and not {q for q in found if q in p.parents and (q / "modules.json").exists()}]


def _row(name: str, folder: Path) -> tuple[str, ...]:
    from lusifer.models.bases import read_json
    from lusifer.models.static import is_static, read_static_config

    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    about: dict[str, Any] = {}
    if is_static(folder):
        config = read_static_config(folder)
        kind, numbers, about = "static", str(config.dim), config.about
    elif (folder / "bridge.json").exists():
        kind, numbers = "bridge", str(read_json(folder / "target" / "config.json").get("hidden_size", "?"))
    else:
        read = read_json(folder / "config.json") if (folder / "config.json").exists() else {}
        kind, numbers = str(read.get("model_type", "?")), str(read.get("hidden_size", "?"))
    figures = "; ".join(f"{task} {value}" for task, value in about.get("figures", {}).items())
    return name, kind, numbers, f"{size / 1e6:.1f} MB", str(about.get("languages", "")), figures
