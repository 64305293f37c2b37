"""The verbs of curation, in Python as on the command line: files in, a JSONL file and its report
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from lusifer.curation import from_structure, templates
from lusifer.curation import synthesize as synthesis
from lusifer.curation.chat import Endpoint
from lusifer.curation.filter_rows import clean
from lusifer.curation.filters import decontaminate, duplicates, sanity
from lusifer.curation.negatives import Mining, mine
from lusifer.curation.pair_corpus import Told, silent
from lusifer.curation.pairs import output_name, read_pairs, read_passages, write_row
from lusifer.curation.report import CurationReport
from lusifer.curation.synthesize import Estimate
from lusifer.data.rows import Row, read_rows
from lusifer.errors import LusiferError
from lusifer.io.files import replacing_file
from lusifer.io.paths import expand
from lusifer.models.load import LoadedModel


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
    """Hard negatives for the pairs of `files`; see `lusifer.curation.negatives`. `reranker` names a
    cross-encoder.

    Raises DataError for a file that cannot be read, LusiferError where no pair has enough
    negatives.
    """
    output, settings = output_name(into), settings or Mining()
    report = CurationReport(
        "negatives",
        {"files": list(files), "corpus": list(corpus), "model": model, "reranker": reranker},
    )
    rows = read_pairs(files, columns, rename or {}, report)
    judge = None
    if reranker:
        from lusifer.models.reranker import load_reranker

        judge = load_reranker(reranker)
    named = LoadedModel.load(model, **({"bf16": True} if bf16 else {}))
    mine(
        rows, named, output, settings, report,
        corpus=read_passages(corpus, rename or {}), reranker=judge, reranker_name=reranker or "",
        cache=Path(cache) if cache else None, tell=tell,
    )  # fmt: skip
    report.save(output)
    return report


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
    same: Literal["exact", "near", "keep"] = "exact",
    similarity: float = 0.8,
    against: Sequence[str] = (),
    ngram: int = 50,
    top_k: int | None = None,
    model: str = "default",
    bf16: bool = False,
    tell: Told = silent,
) -> CurationReport:
    """Pairs that pass: `lengths`, `scripts` and `languages` of their `sides`, no duplicate, no text
    `against`, consistent in `top_k`.

    Raises DataError for a file that cannot be read, LusiferError for a wrong setting or where no
    row is left.
    """
    output = output_name(into)
    if top_k is not None and top_k < 1:
        raise LusiferError(f"top_k is {top_k}; it must be 1 or more")
    settings = {k: v for k, v in locals().items() if k not in ("output", "tell", "into", "bf16")}
    report = CurationReport(
        "filter", settings | {"files": list(files), "lengths": vars(lengths or sanity.Lengths())}
    )
    tests: list[sanity.Test] = [lengths or sanity.Lengths()]
    tests += [sanity.scripts(sides)] if scripts else []
    tests += [duplicates.exact()] if same != "keep" else []
    tests += [sanity.languages(sides)] if languages else []
    tests += (
        [decontaminate.EvaluationTexts(decontaminate.texts_of(against), ngram).test]
        if against
        else []
    )
    tests += [duplicates.near(similarity)] if same == "near" else []
    rows = read_pairs(files, columns, rename or {}, report)
    consistent = (
        (LoadedModel.load(model, **({"bf16": True} if bf16 else {})), top_k) if top_k else None
    )
    clean(rows, tests, output, report, consistent=consistent, tell=tell)
    report.save(output)
    return report


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
    most_dollars: float | None = None,
    seed: int = 0,
    started: Callable[[Estimate], None] = lambda estimate: None,
    tell: Told = silent,
) -> CurationReport:
    """Pairs that an LLM writes about the texts of `files` by a template (its name, or a .yaml
    file); see `lusifer.curation.synthesize`.

    `started` gets the estimate before anything is asked. Raises LusiferError where that is above
    `most_dollars`, or for a template, column or language that is not there; ModelError where the
    endpoint refuses or is silent.
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
    if most_dollars is not None and (cost.dollars is None or cost.dollars > most_dollars):
        raise LusiferError(
            f"{cost}: more than ${most_dollars:g}"
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
            languages,
            limit,
            seed,
        )
        self.template = templates.load(template, controls)
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
    """Weak pairs from the structure of Markdown, reStructuredText and HTML files; see
    `lusifer.curation.from_structure`.
    """
    output = output_name(into)
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
