"""The verbs, put together. Each verb's module is light; what is heavy is imported when the verb
runs.
"""

from __future__ import annotations

import typer

from lusifer.cli import (
    curate,
    data,
    demo,
    demo_bridge,
    diagnose,
    embed,
    encode,
    evaluate,
    export,
    merge,
    mine,
    models,
    recipes,
    report,
    search,
    train,
)
from lusifer.version import __version__

app = typer.Typer(
    name="lusifer",
    help="Any embedding model, every language.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("train")(train.train)
app.command("merge")(merge.merge)
app.command("encode")(encode.encode)
app.command("export")(export.export)
app.command("embed")(embed.embed)
app.command("similar")(embed.similar)
app.command("neighbours")(embed.neighbours)
app.command("index")(search.index)
app.command("search")(search.search)
app.command("mine")(mine.mine)
app.command("models")(models.models)
app.command("evaluate")(evaluate.evaluate)
app.command("diagnose")(diagnose.diagnose)
app.command("report")(report.report)
app.command("demo")(demo.demo)
app.command("demo-bridge")(demo_bridge.demo_bridge)
app.command("recipes")(recipes.recipes)
app.add_typer(data.app, name="data")
app.add_typer(curate.app, name="curate")


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Any embedding model, every language."""
    if version:
        typer.echo(f"lusifer {__version__}")
        raise typer.Exit
