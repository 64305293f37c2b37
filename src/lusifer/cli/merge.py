"""`lusifer merge`."""

from __future__ import annotations

from typing import Any

import typer

from lusifer.cli.options import TABLE_COLUMNS, in_order, into as into_
from lusifer.errors import LusiferError


def merge(
    models: list[str] = typer.Argument(
        ..., help="A bridge, to be made standalone; or several models of one shape, to be combined."
    ),
    into: str = into_("The folder to make."),
    method: str = typer.Option(
        "linear",
        "--method",
        help="linear, slerp, task-arithmetic, self-positioning; or branches, bridges side by side.",
    ),
    weights: str = typer.Option(
        None,
        "--weights",
        help="A weight a model, e.g. 0.7,0.3; of slerp the second's share. Even without.",
    ),
    base: str = typer.Option(
        None,
        "--base",
        help="What the models were fine-tuned from (task-arithmetic, self-positioning).",
    ),
    scale: float = typer.Option(
        1.0, "--scale", help="How much of what was learnt (task-arithmetic)."
    ),
    probe: str = typer.Option(
        None,
        "--probe",
        help="A file of pairs (query, document) to learn the weights on (self-positioning).",
    ),
    columns: str = TABLE_COLUMNS,
    steps: int = typer.Option(50, "--steps", help="Steps on the probe."),
    encoder: str = typer.Option(
        None, "--encoder", help="Where a bridge's encoder is, if it has moved."
    ),
    target: str = typer.Option(
        None, "--target", help="Where a bridge's target is, if it has moved."
    ),
) -> None:
    """Combine the weights of models that were fine-tuned from one base; or write a bridge as a
    standalone model.
    """
    from lusifer.reshaping import merge as run

    if len(models) == 1 and base is None:
        typer.echo(f"wrote {run(models[0], into, encoder=encoder, target=target)}")
        return
    from lusifer.curation import CurationReport, read_pairs
    from lusifer.reshaping import Combining, combine

    try:
        given = tuple(float(w) for w in weights.split(",")) if weights else ()
    except ValueError:
        raise LusiferError(
            f"--weights is {weights!r}; write numbers with commas between, e.g. 0.7,0.3"
        ) from None
    chosen: Any = method
    pairs: list[tuple[str, str]] = []
    if probe:
        rows = read_pairs([probe], in_order(columns) or None, {}, CurationReport("probe", {}))
        pairs = [(row.values["query"], row.values["document"]) for row in rows]
    found = combine(
        models,
        into,
        Combining(chosen, given, scale, steps=steps),
        base=base,
        probe=pairs,
        encoder=encoder,
        target=target,
    )
    typer.echo(f"wrote {into}: " + ", ".join(f"{name} {value}" for name, value in found.items()))
