"""The verbs, put together. Each verb's module is light; what is heavy is imported when the verb
runs.
"""

from __future__ import annotations

import typer

from lusifer.cli import (
    align,
    classify,
    cluster,
    curate,
    data,
    demo,
    demo_bridge,
    diagnose,
    embed,
    encode,
    ensemble,
    evaluate,
    export,
    index,
    merge,
    mine,
    models,
    recipes,
    report,
    reshape,
    search,
    serve,
    train,
)
from lusifer.cli.verb import verb
from lusifer.version import __version__

app = typer.Typer(
    name="lusifer",
    help="Any embedding model, every language.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("train")(verb(train.train))
app.command("merge")(verb(merge.merge))
app.command("ensemble")(verb(ensemble.ensemble))
app.command("encode")(verb(encode.encode))
app.command("export")(verb(export.export))
app.command("embed")(verb(embed.embed))
app.command("similar")(verb(embed.similar))
app.command("neighbours")(verb(embed.neighbours))
app.command("index")(verb(index.index))
app.command("search")(verb(search.search))
app.command("serve")(verb(serve.serve))
app.command("align")(verb(align.align))
app.command("cluster")(verb(cluster.cluster))
app.command("mine")(verb(mine.mine))
app.command("models")(verb(models.models, computes=False))
app.command("evaluate")(verb(evaluate.evaluate))
app.command("diagnose")(verb(diagnose.diagnose))
app.command("report")(verb(report.report, computes=False))
app.command("demo")(verb(demo.demo))
app.command("demo-bridge")(verb(demo_bridge.demo_bridge))
app.command("recipes")(verb(recipes.recipes, computes=False))
app.add_typer(data.app, name="data")
app.add_typer(curate.app, name="curate")
app.add_typer(classify.app, name="classify")
app.add_typer(reshape.app, name="reshape")


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Any embedding model, every language."""
    if version:
        typer.echo(f"lusifer {__version__}")
        raise typer.Exit
