"""`lusifer merge`."""

from __future__ import annotations

import typer


def merge(
    model: str = typer.Argument(..., help="A bridge: its folder."),
    into: str = typer.Argument(..., help="The folder to make."),
    encoder: str = typer.Option(None, "--encoder", help="Where the encoder's base is, if it has moved."),
    target: str = typer.Option(None, "--target", help="Where the target's base is, if it has moved."),
) -> None:
    """Write a bridge as a standalone model: adapters merged, both bases inside."""
    from lusifer.reshape.merge import merge as run

    typer.echo(f"wrote {run(model, into, encoder=encoder, target=target)}")
