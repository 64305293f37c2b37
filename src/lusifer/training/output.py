"""A run's output folder: whose it is, what it holds, and what `--restart` may delete of it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lusifer import config as recipes
from lusifer.errors import LusiferError
from lusifer.io import write_json, write_text
from lusifer.training.processes import rank_and_world, wait_for_all

RECIPE, VERSIONS, PREPARED = "recipe.yaml", "versions.json", "prepared"
RESULTS = ("model", "encoder", "decoder")
# beside results and checkpoints: what stages prepare, by every name that it ever had
NAMED = (
    RECIPE,
    VERSIONS,
    PREPARED,
    "log.jsonl",
    "curves.png",
    "run.html",
    "tokenizer.json",
    "table.json",
    "teacher",
    *RESULTS,
)


def claim(output: str | Path, recipe: Any, *, restart: bool = False) -> Path:
    """Make the output folder this recipe's own: write `recipe.yaml`, or check that the one there is
    the same.

    Args:
        output: the folder.
        recipe: the resolved recipe.
        restart: delete what an earlier run left there.

    Returns:
        The folder.

    Raises:
        LusiferError: where the folder holds a run of another recipe, or files of somebody else's.
    """
    output = Path(output)
    text, file = recipes.dump(recipe), output / RECIPE
    if (
        file.exists()
        and not (output / VERSIONS).exists()
        and file.read_text(encoding="utf-8") != text
    ):
        raise LusiferError(
            f"{output}: holds a recipe.yaml that no run of ours wrote; name another output=…"
        )
    if restart and output.exists() and rank_and_world()[0] == 0:
        if any(output.iterdir()) and not (file.exists() and (output / VERSIONS).exists()):
            raise LusiferError(
                f"{output}: holds no run of ours, so --restart will not delete it; name another output=…"
            )
        for product in products(output):
            shutil.rmtree(product) if product.is_dir() else product.unlink(missing_ok=True)
    wait_for_all()
    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise LusiferError(
            f"{output}: holds a run of another recipe; name another output=…, or start anew with --restart"
        )
    if rank_and_world()[0] == 0 and not file.exists():
        write_text(file, text)
        write_json(output / VERSIONS, versions())
    wait_for_all()
    return output


def products(output: Path) -> Iterator[Path]:
    """What runs have left in a folder: files by their names, and folders of checkpoints alone."""
    for name in NAMED:
        if (output / name).exists():
            yield output / name
    for folder in output.iterdir():
        if folder.is_dir() and folder.name not in NAMED:
            inside = [path.name for path in folder.iterdir()]
            if inside and all(
                name.startswith(("checkpoint-", ".best.")) or name in (".saving", "best", "runs")
                for name in inside
            ):
                yield folder


def versions() -> dict[str, str]:
    """The versions that a run was made with, kept beside its output."""
    from importlib.metadata import version

    names = (
        "lusifer",
        "torch",
        "transformers",
        "sentence-transformers",
        "peft",
        "tokenizers",
        "numpy",
    )
    return {"python": platform.python_version()} | {name: version(name) for name in names}
