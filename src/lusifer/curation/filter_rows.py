"""Filters over pairs, cheap ones first; what is dropped is written down with its reason.

INTO holds the rows that are left, as they were; INTO.dropped.jsonl the others, each with file, line
and reason; INTO.report.json counts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO

from lusifer.curation.filters.consistency import pair_ranks
from lusifer.curation.filters.sanity import Test
from lusifer.curation.pair_corpus import REPEATED, PairCorpus, Told, silent
from lusifer.curation.pairs import as_it_was, write_row
from lusifer.curation.report import CurationReport
from lusifer.data import Row
from lusifer.encoding import Tell
from lusifer.errors import LusiferError
from lusifer.io import locked, made_folder, replacing_file
from lusifer.models import LoadedModel


def clean(
    rows: Iterable[Row],
    tests: Sequence[Test],
    into: Path,
    report: CurationReport,
    *,
    consistent: tuple[LoadedModel, int] | None = None,
    tell: Told = silent,
) -> None:
    """Write the rows that pass all `tests`, and, with `consistent` (a model and k), whose document
    ranks among the model's k best.

    The consistency pass keeps the model's vectors, so that a run that was stopped embeds nothing
    twice.
    """
    aside = into.with_name(f".{into.name}.filter")
    with (
        made_folder(aside),
        locked(aside, f"{into}: another run is writing it"),
        replacing_file(f"{into}.dropped.jsonl") as dropped,
        replacing_file(into) as passed,
    ):
        left = _tested(rows, tests, report, dropped, tell("filtering"))
        if consistent is None:
            for row in left:
                write_row(passed, as_it_was(row))
                report.written += 1
        else:
            _consistent(left, *consistent, aside, passed, dropped, report, tell)
        if not report.written:
            why = "; ".join(f"{count:,} {reason}" for reason, count in report.dropped.most_common())
            raise LusiferError(f"no row is left of {report.read:,} ({why}); nothing was written")
    shutil.rmtree(aside, ignore_errors=True)


def _tested(
    rows: Iterable[Row],
    tests: Sequence[Test],
    report: CurationReport,
    dropped: IO[bytes],
    tell: Tell,
) -> Iterator[Row]:
    for row in rows:
        reason = next((found for test in tests if (found := test(row))), None)
        if reason is None:
            yield row
        else:
            _drop(row, reason, report, dropped)
        tell(report.read, 0)


def _consistent(
    left: Iterable[Row],
    model: LoadedModel,
    top_k: int,
    aside: Path,
    passed: IO[bytes],
    dropped: IO[bytes],
    report: CurationReport,
    tell: Told,
) -> None:
    """Hold the rows on disk, rank each pair, and write those within the model's `top_k`."""
    waiting = aside / "rows.jsonl"
    with closing(PairCorpus(aside)) as pool:
        with replacing_file(waiting) as stream:
            pool.fill(_pending(left, stream), (), report)
        if not len(pool.queries):
            return
        found = pair_ranks(pool, model, aside, tell)
        places = found.tolist()
        numbers = pool.numbers
    report.more["ranks"] = {f"within {k}": int((found <= k).sum()) for k in (1, 5, 10, 20, 50, 100)}
    with waiting.open(encoding="utf-8", errors="surrogatepass") as lines:
        for line, number in zip(lines, numbers, strict=True):
            row = Row(**json.loads(line))
            if number < 0:
                _drop(row, REPEATED, report, dropped, counted=True)
            elif places[number] > top_k:
                _drop(row, f"not among the {top_k} nearest to its query", report, dropped)
            else:
                write_row(passed, as_it_was(row))
                report.written += 1


def _pending(rows: Iterable[Row], stream: IO[bytes]) -> Iterator[Row]:
    for row in rows:
        write_row(stream, {"path": row.path, "line": row.line, "values": row.values})
        yield row


def _drop(
    row: Row, reason: str, report: CurationReport, dropped: IO[bytes], *, counted: bool = False
) -> None:
    if not counted:
        report.drop(reason)
    write_row(dropped, {"reason": reason, "path": row.path, "line": row.line, **as_it_was(row)})
