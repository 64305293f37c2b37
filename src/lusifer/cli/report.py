"""`lusifer report`."""

from __future__ import annotations

import typer

from lusifer.cli.options import into as into_


def report(
    results: list[str] = typer.Argument(
        ...,
        metavar="RESULTS...",
        help="Folders that `lusifer evaluate` made, or of one model in them.",
    ),
    into: str = into_("The folder for the page, its figures and tables.", "report"),
) -> None:
    """Write one page that shows results language by language, model by model, with figures (PNG)
    and tables (Markdown).
    """
    from lusifer.evaluation import gather_results, missing_scores, write_page
    from lusifer.io import plain_console

    models = gather_results(results)
    for file in write_page(models, into):
        plain_console().print(str(file), highlight=False, soft_wrap=True)
    for lack in missing_scores({model.name: model.outcomes for model in models}):
        plain_console(stderr=True).print(lack, highlight=False)
