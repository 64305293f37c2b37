"""The verbs of curation, in Python as on the command line: files in, a JSONL file and its report out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from lusifer.curate import decontaminate, duplicates, sanity
from lusifer.curate.filter import clean
from lusifer.curate.negatives import Mining, mine
from lusifer.curate.pairs import output_name, read_pairs, read_passages
from lusifer.curate.pool import Told
from lusifer.curate.report import Report
from lusifer.errors import LusiferError
from lusifer.models.load import Named

SILENT: Told = lambda what: lambda done, total: None  # noqa: E731


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
    tell: Told = SILENT,
) -> Report:
    """Hard negatives for the pairs of `files`; see `lusifer.curate.negatives`. `reranker` names a cross-encoder.

    Raises DataError for a file that cannot be read, LusiferError where no pair has enough negatives.
    """
    output, settings = output_name(into), settings or Mining()
    report = Report("negatives", {"files": list(files), "corpus": list(corpus), "model": model, "reranker": reranker})
    rows = read_pairs(files, columns, rename or {}, report)
    judge = None
    if reranker:
        from lusifer.models.rerank import load_reranker

        judge = load_reranker(reranker)
    named = Named.load(model, **({"bf16": True} if bf16 else {}))
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
    tell: Told = SILENT,
) -> Report:
    """Pairs that pass: `lengths`, `scripts` and `languages` of their `sides`, no duplicate, no text `against`, consistent in `top_k`.

    Raises DataError for a file that cannot be read, LusiferError for a wrong setting or where no row is left.
    """
    output = output_name(into)
    if top_k is not None and top_k < 1:
        raise LusiferError(f"top_k is {top_k}; it must be 1 or more")
    settings = {k: v for k, v in locals().items() if k not in ("output", "tell", "into", "bf16")}
    report = Report("filter", settings | {"files": list(files), "lengths": vars(lengths or sanity.Lengths())})
    tests: list[sanity.Test] = [lengths or sanity.Lengths()]
    tests += [sanity.scripts(sides)] if scripts else []
    tests += [duplicates.exact()] if same != "keep" else []
    tests += [sanity.languages(sides)] if languages else []
    tests += [decontaminate.Held(decontaminate.texts_of(against), ngram).test] if against else []
    tests += [duplicates.near(similarity)] if same == "near" else []
    rows = read_pairs(files, columns, rename or {}, report)
    consistent = (Named.load(model, **({"bf16": True} if bf16 else {})), top_k) if top_k else None
    clean(rows, tests, output, report, consistent=consistent, tell=tell)
    report.save(output)
    return report
