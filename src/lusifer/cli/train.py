"""`lusifer train`."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from lusifer.errors import LusiferError, MissingExtra, Preempted
from lusifer.io import plain_console


def train(
    recipe: str = typer.Argument(
        ..., help="A recipe file, or the name of one that ships (see `lusifer recipes`)."
    ),
    overrides: list[str] = typer.Argument(
        None, help="Dotted overrides, e.g. optim.lr=1e-4 data.root=texts/"
    ),
    dry_run: bool = typer.Option(
        False,
        "--dry-run",
        help="Print row counts, parameters and a memory estimate; train nothing.",
    ),
    restart: bool = typer.Option(
        False, "--restart", help="Throw away what the output folder holds and start anew."
    ),
    find_lr: bool = typer.Option(
        False,
        "--find-lr",
        help="Try learning rates from 1e-7 to 1 for a hundred steps, and say which to take.",
    ),
    verbose: bool = typer.Option(
        False, "--verbose", "-v", help="Show what the libraries below have to say."
    ),
) -> None:
    """Train a model from a recipe. A run that was stopped goes on where it was."""
    from lusifer.training import check_keys, load_recipe, plan, train as run

    check_keys(recipe, overrides or [])
    quiet_libraries(verbose)
    load_recipe(recipe, overrides or [])  # a wrong recipe is told before anything slow
    first = os.environ.get("RANK", "0") == "0"  # of several processes one speaks
    if dry_run:
        figures = plan(recipe, overrides or [])
        if first:
            show(figures)
        return
    if find_lr and restart:
        raise LusiferError("--find-lr and --restart are each done alone")
    try:
        if find_lr:
            show_rates(recipe, overrides or [], first=first)
            return
        folder = run(recipe, overrides or [], restart=restart)
    except Preempted as stop:
        if first:
            typer.echo("stopped by SIGTERM; no rate was found" if find_lr else str(stop), err=True)
        raise typer.Exit(0) from None
    from lusifer.training import leave_together

    leave_together()
    if first:
        for line in told(folder):
            typer.echo(line, err=True)


def show_rates(recipe: str, overrides: list[str], *, first: bool) -> None:
    """Try learning rates and print a dozen of them, and the one to take; of several processes the
    first prints.
    """
    from lusifer.training import find_lr, leave_together

    found = find_lr(recipe, overrides)
    leave_together()
    if not first:
        return
    table = Table(title="learning rates")
    table.add_column("optim.lr", justify="right")
    table.add_column("loss, smoothed", justify="right")
    for rate, loss in list(zip(found.rates, found.losses, strict=True))[
        :: max(1, len(found.rates) // 12)
    ]:
        table.add_row(f"{rate:.2g}", f"{loss:.4f}")
    plain_console().print(table)
    typer.echo(f"take optim.lr={found.suggested:.2g}, a tenth of where the loss is least")


def told(folder: Path) -> list[str]:
    """What a run made, how good it is by its validation, and how it is evaluated."""
    from lusifer.training import validated

    lines = [f"the run is on one page in {folder.parent / 'run.html'}", f"the model is in {folder}"]
    for phase, name, first, best, step in validated(folder.parent):
        lines.append(
            f"{phase}: validation {name} {first:.4f} at first, {best:.4f} at step {step:,}"
        )
    if (folder.parent / "recipe.yaml").read_text(encoding="utf-8").startswith("stage: rerank"):
        lines.append(f"to search with it:  lusifer search INDEX QUESTION --rerank {folder}")
    elif (folder / "modules.json").exists():
        lines.append(f"how good it is, by language:  lusifer evaluate {folder} --suite FOLDER")
    return lines


def quiet_libraries(verbose: bool = False) -> None:
    """Let our own progress through, and the libraries' notes only where asked."""
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.WARNING)
    logging.getLogger("lusifer").setLevel(logging.INFO)
    if not verbose:
        warnings.filterwarnings("ignore")
        for name in ("transformers", "sentence_transformers", "httpx", "accelerate"):
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            import transformers
        except ModuleNotFoundError:
            raise MissingExtra("transformers", "train") from None
        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()


def show(figures: dict[str, Any], title: str = "dry run") -> None:
    """Print a plan as a table."""
    table = Table(title=title)
    table.add_column("what")
    table.add_column("figure", justify="right")
    for name, value in figures.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for part, figure in rows:
            text = (
                f"{int(figure) / 2**30:.2f} GiB (estimate)"
                if name == "memory_bytes"
                else f"{figure:,}"
            )
            table.add_row(f"{'memory' if name == 'memory_bytes' else name} {part}".strip(), text)
    plain_console().print(table)
