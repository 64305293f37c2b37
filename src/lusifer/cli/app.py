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
from lusifer.cli.bounds import bounded
from lusifer.version import __version__

app = typer.Typer(
    name="lusifer",
    help="Any embedding model, every language.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("train")(bounded(train.train))
app.command("merge")(bounded(merge.merge))
app.command("encode")(bounded(encode.encode))
app.command("export")(bounded(export.export))
app.command("embed")(bounded(embed.embed))
app.command("similar")(bounded(embed.similar))
app.command("neighbours")(bounded(embed.neighbours))
app.command("index")(bounded(search.index))
app.command("search")(bounded(search.search))
app.command("mine")(bounded(mine.mine))
app.command("models")(bounded(models.models))
app.command("evaluate")(bounded(evaluate.evaluate))
app.command("diagnose")(bounded(diagnose.diagnose))
app.command("report")(bounded(report.report))
app.command("demo")(bounded(demo.demo))
app.command("demo-bridge")(bounded(demo_bridge.demo_bridge))
app.command("recipes")(bounded(recipes.recipes))
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
