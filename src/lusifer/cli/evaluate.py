"""`lusifer evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from lusifer.cli.options import (
    BF16,
    RENAME,
    TABLE_COLUMNS,
    in_order,
    into as into_,
    languages as languages_,
    renamed,
    split,
)
from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from lusifer.cli.runs import Run
    from lusifer.evaluation import Outcome, Sorter, Task
    from lusifer.io import Bars
    from lusifer.models import LoadedModel


SEARCHES = ("retrieval", "reranking")  # kinds of tasks that a reranker sorts
NO_NETWORK = 3  # data sets that could not be fetched, of those many that were tried


def evaluate(
    models: list[str] = typer.Argument(
        None, metavar="MODEL...", help="Folders, hub ids, endpoints, or default."
    ),
    suite: str = typer.Option(None, "--suite", help="The folder of local evaluation files."),
    own: str = typer.Option(None, "--set", help="A file of your own, of one --kind."),
    kind: str = typer.Option(
        None,
        "--kind",
        help="Of --set: bitext, retrieval, sts, pairclassification, classification, clustering, reranking.",
    ),
    columns: str = TABLE_COLUMNS,
    rename: list[str] = RENAME,
    spoken_in: str = typer.Option(
        "en", "--set-language", help="Of --set: of rows without a column language."
    ),
    corpus: str = typer.Option(
        None, "--corpus", help="Of --set and retrieval: a file of more documents to search."
    ),
    benchmark: str = typer.Option(
        None,
        "--benchmark",
        help="lusifer: the paper's 14 languages; or any that mteb has, e.g. 'MTEB(fas, v1)'; mteb: its --tasks.",
    ),
    tasks: str = typer.Option(
        None,
        "--tasks",
        help="Names or kinds, e.g. xquad,bitext; of a benchmark e.g. retrieval,sts; all without.",
    ),
    languages: str = languages_("E.g. hi,swh_Latn; 'tatoeba-36' for the usual 36 and English."),
    anchor: str = typer.Option(
        None, "--anchor", help="The model that made an existing index: also search that."
    ),
    rerank: str = typer.Option(
        None, "--rerank", help="A cross-encoder that sorts the best of what a model finds."
    ),
    rerank_top: int = typer.Option(
        100, "--rerank-top", help="How many of a question's nearest it reads."
    ),
    into: str = into_(
        "The folder that keeps results; what is there is not computed again.", "results"
    ),
    by_language: bool = typer.Option(False, "--by-language", help="A line for each language."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Of a benchmark: list what would be fetched, and how large."
    ),
    fetch: bool = typer.Option(
        False, "--fetch", help="Of a benchmark of mteb: fetch its data, and run nothing."
    ),
    copies: str = typer.Option(
        "", "--from", help="A folder of copies of the hub's data sets, FOLDER/OWNER/NAME."
    ),
    bf16: bool = BF16,
) -> None:
    """Score models language by language with 95 % intervals, and say which differences are real."""
    from lusifer.evaluation import run as runs, task_from_file
    from lusifer.models import LoadedModel
    from lusifer.text import Languages

    if sum(one is not None for one in (suite, benchmark, own)) != 1:
        raise LusiferError(
            "name --suite FOLDER (local files), --set FILE (your own), or --benchmark NAME (data sets that mteb fetches)"
        )
    spoken = split(languages) or None
    asked: list[Any] | None = split(tasks) or None
    if own is None and (kind or corpus or columns or rename):
        raise LusiferError("--kind, --corpus, --columns and --rename go with --set FILE")
    if own:
        if kind is None or asked:
            raise LusiferError("--set takes --kind, what is asked of it, and no --tasks")
        named = in_order(columns), renamed(rename)
        asked = [
            task_from_file(
                own, kind, columns=named[0], rename=named[1], language=spoken_in, corpus=corpus
            )
        ]
    if benchmark:
        from lusifer.cli import benchmark as paper, mteb_runs
        from lusifer.evaluation import BENCHMARKS, MtebRun, benchmark_sets, mteb_run

        if anchor or by_language or rerank:
            raise LusiferError(
                "--anchor, --rerank and --by-language go with --suite; a benchmark's table is as it is"
            )
        of_paper = benchmark in BENCHMARKS
        if of_paper and (fetch or copies):
            raise LusiferError("--fetch and --from go with benchmarks of mteb, named as mteb does")
        sets = benchmark_sets(spoken, asked) if of_paper else []
        whole = MtebRun(()) if of_paper else mteb_run(benchmark, asked, spoken, copies)
        if fetch:
            mteb_runs.fetch(whole)
            return
        if dry_run:
            paper.listing(sets) if of_paper else mteb_runs.listing(whole)
            return
    elif dry_run:
        raise LusiferError("--dry-run goes with --benchmark; a suite's files are there already")
    elif fetch or copies:
        raise LusiferError(
            "--fetch and --from go with --benchmark; a suite's files are there already"
        )
    if not models:
        raise LusiferError("name a model: a folder, a hub id, an endpoint, or default")
    if len(set(models)) < len(models):
        raise LusiferError("a model is named twice; a comparison wants different ones")
    made_by = LoadedModel.load(anchor, bf16=bf16) if anchor else None
    sorter, sorting = sorts(rerank, rerank_top, asked) if rerank else (None, {})
    asked = asked or (list(SEARCHES) if sorter else None)
    measured: set[str] = set()

    def run(model: LoadedModel, wanted: Sequence[Task]) -> tuple[list[Outcome], dict[str, str]]:
        """Run tasks with progress; of a benchmark what cannot be run is told at the end."""
        failed: dict[str, str] = {}

        def left_out(task: Task, error: LusiferError) -> None:
            """Keep what could not be run; where nothing at all can be fetched, say so at once: each
            try takes half a minute.
            """
            failed[task.name] = str(error)
            if (
                len(failed) == NO_NETWORK
                and line.done == 0
                and isinstance(error.__cause__, OSError)
            ):
                raise LusiferError(
                    f"the first {NO_NETWORK} data sets could not be fetched; is there a network? The last: {error}"
                ) from error

        with _progress() as bar:
            line = _Line(bar, bar.add_task(model.name, total=len(wanted), what=""))
            done = runs.run(
                model,
                suite or ".",
                into,
                wanted,
                None if benchmark else spoken,
                made_by,
                sorter=sorter,
                settings={"bf16": bf16} | sorting,
                tell=line.task,
                encoded=line.texts,
                failed=left_out if benchmark else None,
            )
        measured.update(score.language for outcome in done for score in outcome.scores)
        return done, failed

    found = {name: LoadedModel.load(name, bf16=bf16) for name in models}
    if benchmark:
        if of_paper:
            paper.score(found, sets, run, into)
        else:
            mteb_runs.score(found, whole, run, into)
    else:
        _suite(found, asked, run, into, by_language=by_language)
        # What was found is shown first: it took long to make.
        Languages.of(spoken).check(measured)


def sorts(name: str, top: int, asked: list[Any] | None) -> tuple[Sorter, dict[str, bool | str]]:
    """What sorts searches, and what results remember of it. Raises LusiferError for tasks that search
    nothing.
    """
    from lusifer.evaluation import Sorter, chosen_tasks
    from lusifer.models import hub, identity, load_reranker

    for task in chosen_tasks(asked) if asked else ():
        if task.kind.lower() not in SEARCHES:
            raise LusiferError(
                f"--rerank sorts searches; {task.name} is {task.kind}. Ask for --tasks {','.join(SEARCHES)}, or some of these"
            )
    sorter = Sorter(load_reranker(name), top)
    key = f"rerank{top}-{identity(hub.locate(name))[:8]}"
    return sorter, {key: name}


def _suite(
    models: dict[str, LoadedModel],
    asked: list[Any] | None,
    run: Run,
    into: str,
    *,
    by_language: bool,
) -> None:
    """Run local tasks and show them."""
    from lusifer.cli.console import tables
    from lusifer.cli.runs import warn_of_prompts
    from lusifer.evaluation import (
        SEEN,
        chosen_tasks,
        compare,
        declared,
        missing_scores,
        score_table,
        zero_shot,
    )
    from lusifer.io import plain_console

    wanted = chosen_tasks(asked)
    found, seen = {}, {}
    note = plain_console(stderr=True)
    for name, model in models.items():
        warn_of_prompts(name, model)
        found[name], _ = run(model, wanted)
        if before := sum(outcome.reused for outcome in found[name]):
            note.print(
                f"{name}: {before} of {len(wanted)} results were there already.", highlight=False
            )
        trained_on = declared(model)
        seen[name] = {task.name: zero_shot(trained_on, task) for task in wanted}
    tables().print(score_table(compare(found, by_language=by_language), list(models), seen))
    if any(False in marks.values() for marks in seen.values()):
        note.print(
            f"{SEEN} not zero-shot: what the model says it was trained on shares texts or source with the task.",
            highlight=False,
        )
    for name, marks in seen.items():
        if set(marks.values()) == {None}:
            note.print(
                f"{name} does not say what it was trained on: whether its scores are zero-shot is not known.",
                highlight=False,
            )
    for lack in missing_scores(found):
        note.print(lack, highlight=False)
    note.print(
        f"All is kept in {into}."
        if by_language
        else f"All is kept in {into}; a line for each language: --by-language."
    )


class _Line:
    """A model's line on the terminal."""

    def __init__(self, bar: Progress, line: TaskID) -> None:
        self.bar, self.line, self.embedded, self.done = bar, line, 0, 0

    def task(self, outcome: Outcome) -> None:
        self.done += 1
        self.bar.advance(self.line)
        self._say(f", {outcome.task} {'was there' if outcome.reused else 'done'}")

    def texts(self, count: int) -> None:
        self.embedded += count
        self._say("")

    def _say(self, what: str) -> None:
        self.bar.update(self.line, what=f"{self.embedded:,} texts embedded{what}")


def _progress() -> Bars:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    from lusifer.io import Bars

    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    )
