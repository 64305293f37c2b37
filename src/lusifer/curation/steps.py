"""The verbs of curation, in Python as on the command line: files in, a JSONL file and its report
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from lusifer.curation import from_structure, synthesize as synthesis, templates
from lusifer.curation.chat import Endpoint
from lusifer.curation.filter_rows import clean
from lusifer.curation.filters import decontaminate, duplicates as copies, sanity
from lusifer.curation.negatives import Mining, mine
from lusifer.curation.pair_corpus import Told, silent
from lusifer.curation.pairs import output_name, read_pairs, read_passages, write_row
from lusifer.curation.report import CurationReport
from lusifer.curation.synthesize import Estimate
from lusifer.data import Row, read_rows
from lusifer.errors import DataError, LusiferError
from lusifer.io import expand, named as names_of, refuse_input, replacing_file
from lusifer.models import LoadedModel
from lusifer.renamed import renamed
from lusifer.text import Languages


def mine_negatives(
    files: Sequence[str],
    into: str | Path,
    model: str = "default",
    settings: Mining | None = None,
    *,
    columns: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    corpus: Sequence[str] = (),
    reranker: str | None = None,
    cache: str | Path | None = None,
    bf16: bool = False,
    tell: Told = silent,
) -> CurationReport:
    """Find hard negatives for pairs; the method is described in `lusifer.curation.negatives`.

    Args:
        files: TSV, JSONL or Parquet files of pairs, or globs.
        into: the .jsonl file to write; its report lies beside it.
        model: the model that finds them.
        settings: how many, and what is too near to be a negative.
        columns: the columns of a TSV in order, `_` for one that is not used.
        rename: other names of the columns, e.g. {"question": "query"}.
        corpus: files of further passages, in the column `document`.
        reranker: the name of a cross-encoder that judges what was found.
        cache: a folder for vectors, which other runs may use.
        bf16: compute in bfloat16.
        tell: makes a progress line of each part of the work.

    Returns:
        Counts of what was read, written and dropped, by reason.

    Raises:
        DataError: for a file that cannot be read.
        LusiferError: where no pair has enough negatives.
    """
    output, settings = output_name(into), settings or Mining()
    files, corpus = names_of(files), names_of(corpus)
    refuse_input(output, [*expand(files), *(expand(corpus) if corpus else [])])
    report = CurationReport(
        "negatives",
        {"files": list(files), "corpus": list(corpus), "model": model, "reranker": reranker},
    )
    rows = read_pairs(files, columns, rename or {}, report)
    judge = None
    if reranker:
        from lusifer.models import load_reranker

        judge = load_reranker(reranker)
    named = LoadedModel.load(model, **({"bf16": True} if bf16 else {}))
    mine(
        rows, named, output, settings, report,
        corpus=read_passages(corpus, rename or {}), reranker=judge, reranker_name=reranker or "",
        cache=Path(cache) if cache else None, tell=tell,
    )  # fmt: skip
    report.save(output)
    return report


@renamed(same="duplicates")
def filter_pairs(
    files: Sequence[str],
    into: str | Path,
    *,
    columns: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    lengths: sanity.Lengths | None = None,
    sides: tuple[sanity.Side, ...] = ("document",),
    scripts: bool = False,
    languages: bool = False,
    duplicates: Literal["exact", "near", "keep"] = "exact",
    similarity: float = 0.8,
    against: Sequence[str] = (),
    ngram: int = 50,
    top_k: int | None = None,
    model: str = "default",
    bf16: bool = False,
    tell: Told = silent,
) -> CurationReport:
    """Keep the pairs that pass every test that is asked for.

    Args:
        files: TSV, JSONL or Parquet files of pairs, or globs.
        into: the .jsonl file to write; its report lies beside it.
        columns: the columns of a TSV in order, `_` for one that is not used.
        rename: other names of the columns, e.g. {"question": "query"}.
        lengths: the shortest and longest texts, and the ratio of the two sides.
        sides: which of `query` and `document` are in the row's language.
        scripts: drop rows whose text is not in their language's script.
        languages: drop rows whose text is in another language.
        duplicates: drop `exact` ones, `near` ones too, or `keep` them.
        similarity: of near duplicates, from 0 to 1.
        against: files of evaluation texts that training must not see.
        ngram: characters that two texts share where one counts as seen.
        top_k: keep a pair whose document is among so many nearest to its query.
        model: the model of `top_k`.
        bf16: compute in bfloat16.
        tell: makes a progress line of each part of the work.

    Returns:
        Counts of what was read, written and dropped, by reason.

    Raises:
        DataError: for a file that cannot be read.
        LusiferError: for a wrong setting, or where no row is left.
    """
    output = output_name(into)
    files, against = names_of(files), names_of(against)
    refuse_input(output, [*expand(files), *(expand(against) if against else [])])
    if top_k is not None and top_k < 1:
        raise LusiferError(f"top_k is {top_k}; it must be 1 or more")
    settings = {
        "files": list(files),
        "columns": columns,
        "rename": rename,
        "lengths": vars(lengths or sanity.Lengths()),
        "sides": sides,
        "scripts": scripts,
        "languages": languages,
        "duplicates": duplicates,
        "similarity": similarity,
        "against": against,
        "ngram": ngram,
        "top_k": top_k,
        "model": model,
    }
    report = CurationReport("filter", settings)
    tests: list[sanity.Test] = [lengths or sanity.Lengths()]
    tests += [sanity.scripts(sides)] if scripts else []
    tests += [copies.exact()] if duplicates != "keep" else []
    tests += [sanity.languages(sides)] if languages else []
    tests += (
        [decontaminate.EvaluationTexts(decontaminate.texts_of(against), ngram).test]
        if against
        else []
    )
    tests += [copies.near(similarity)] if duplicates == "near" else []
    rows = read_pairs(files, columns, rename or {}, report)
    if scripts or languages:
        rows = _with_language(rows, "scripts" if scripts else "languages")
    consistent = (
        (LoadedModel.load(model, **({"bf16": True} if bf16 else {})), top_k) if top_k else None
    )
    clean(rows, tests, output, report, consistent=consistent, tell=tell)
    report.save(output)
    return report


@renamed(most_dollars="max_dollars")
def synthesize_pairs(
    files: Sequence[str],
    into: str | Path,
    template: str,
    endpoint: Endpoint,
    *,
    columns: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    languages: Sequence[str] = (),
    limit: int | None = None,
    exemplars: str | None = None,
    controls: Mapping[str, Sequence[str]] | None = None,
    prices: tuple[float | None, float | None] = (None, None),
    max_dollars: float | None = None,
    seed: int = 0,
    started: Callable[[Estimate], None] = lambda estimate: None,
    tell: Told = silent,
) -> CurationReport:
    """Have an LLM write pairs about texts; the method is described in `lusifer.curation.synthesize`.

    Args:
        files: files of texts, or globs.
        into: the .jsonl file to write; its report lies beside it.
        template: a template's name, or a .yaml file.
        endpoint: the LLM.
        columns: the columns of a TSV in order, `_` for one that is not used.
        rename: other names of the columns, e.g. {"question": "query"}.
        languages: of the pairs, in turn.
        limit: texts to ask about, at most.
        exemplars: a file of pairs that show what is wanted.
        controls: values of the template's controls.
        prices: dollars a million tokens, in and out.
        max_dollars: ask nothing where the estimate is above it.
        seed: of the choices among languages and controls.
        started: gets the estimate before anything is asked.
        tell: makes a progress line of each part of the work.

    Returns:
        Counts of what was asked, written and dropped, by reason.

    Raises:
        LusiferError: for a template, column or language that is not there, or a cost above the limit.
        ModelError: where the endpoint refuses or is silent.
    """
    output, plan = (
        output_name(into),
        Plan(
            files,
            template,
            columns,
            rename or {},
            languages,
            limit,
            exemplars,
            controls or {},
            seed,
        ),
    )
    refuse_input(output, [*expand(names_of(files)), *([exemplars] if exemplars else [])])
    settings = {
        "files": list(files),
        "template": template,
        "endpoint": endpoint.url,
        "languages": list(languages),
        "limit": limit,
    }
    report = CurationReport(
        "synthesize",
        settings
        | {"controls": {k: list(v) for k, v in plan.template.controls.items()}, "seed": seed},
    )
    cost = synthesis.estimate(plan.orders(), plan.template, *prices)
    if max_dollars is not None and (cost.dollars is None or cost.dollars > max_dollars):
        raise LusiferError(
            f"{cost}: more than ${max_dollars:g}"
            if cost.dollars is not None
            else "a limit of cost needs prices"
        )
    started(cost)
    synthesis.write(
        plan.orders(report), plan.template, endpoint, output, report, tell("asking"), cost.requests
    )
    report.save(output)
    return report


def preview(
    files: Sequence[str],
    template: str,
    *,
    columns: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    languages: Sequence[str] = (),
    limit: int | None = None,
    exemplars: str | None = None,
    controls: Mapping[str, Sequence[str]] | None = None,
    prices: tuple[float | None, float | None] = (None, None),
    seed: int = 0,
) -> tuple[Estimate, str]:
    """What `synthesize_pairs` would cost, and its first prompt; nothing is asked."""
    plan = Plan(
        files, template, columns, rename or {}, languages, limit, exemplars, controls or {}, seed
    )
    first = next(plan.orders(), None)
    prompt = "\n\n".join(message["content"] for message in first.messages) if first else ""
    return synthesis.estimate(plan.orders(), plan.template, *prices), prompt


def _with_language(rows: Iterable[Row], judge: str) -> Iterator[Row]:
    """The rows. Raises DataError where those of a file have no language to be judged by: every one
    would pass.
    """
    path = None
    for row in rows:
        if row.path != path and "language" not in row.values:
            raise DataError(row.path, row.line, f"no column 'language', which {judge} judges by")
        path = row.path
        yield row


class Plan:
    """The requests of a run, to be gone through more than once."""

    def __init__(
        self,
        files: Sequence[str],
        template: str,
        columns: Sequence[str] | None,
        rename: Mapping[str, str],
        languages: Sequence[str],
        limit: int | None,
        exemplars: str | None,
        controls: Mapping[str, Sequence[str]],
        seed: int,
    ) -> None:
        self.files, self.columns, self.rename, self.languages, self.limit, self.seed = (
            files,
            columns,
            rename,
            Languages.of(languages).names or (),
            limit,
            seed,
        )
        if limit is not None and limit < 1:
            raise LusiferError(f"limit is {limit}; it must be 1 or more")
        self.template = templates.load_template(template, controls)
        found = (
            list(islice(read_pairs([exemplars], None, {}, CurationReport("", {})), 5))
            if exemplars
            else []
        )
        self.exemplars = templates.shown(found)

    def orders(self, report: CurationReport | None = None) -> Iterator[synthesis.Order]:
        """All requests, in order; inputs that cannot be asked about are counted in `report`."""
        rows = islice(self._rows(), self.limit)
        return synthesis.orders(
            rows, self.template, self.languages, self.exemplars, self.seed, report
        )

    def _rows(self) -> Iterator[Row]:
        for path in expand(self.files):
            for row in read_rows(path, self.columns):
                yield Row(
                    row.path,
                    row.line,
                    {self.rename.get(name, name): text for name, text in row.values.items()},
                )


def structure_pairs(files: Sequence[str], into: str | Path) -> CurationReport:
    """Make weak pairs from the structure of Markdown, reStructuredText and HTML files.

    Args:
        files: documents, or globs.
        into: the .jsonl file to write; its report lies beside it.

    Returns:
        Counts of what was read, written and dropped, by reason.

    Raises:
        DataError: for a file that cannot be read.
        LusiferError: where no file has a heading with a paragraph, or a term with a definition.
    """
    output = output_name(into)
    refuse_input(output, expand(names_of(files)))
    report = CurationReport("structure", {"files": list(files)})
    with replacing_file(output) as stream:
        for path in expand(files):
            for pair in from_structure.pairs(Path(path), report):
                write_row(stream, pair)
        if not report.written:
            raise LusiferError(
                "the files have no heading with a paragraph below it, and no term with a definition; nothing was written"
            )
    report.save(output)
    return report
