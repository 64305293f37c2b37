"""Labels of the texts in files, one by one, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

from lusifer.data import Row
from lusifer.encoding import Corpus
from lusifer.insight.classifier import Classifier
from lusifer.insight.labelled import good_rows
from lusifer.io import expand


def classify_files(
    classifier: Classifier,
    files: Sequence[str],
    *,
    text: str = "text",
    columns: Sequence[str] = (),
    skipped: list[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Label the rows of files.

    Args:
        classifier: any.
        files: names or globs of TSV, text, CSV, JSONL or Parquet files.
        text: the column of the text.
        columns: a TSV's columns in order.
        skipped: gets the rows that were left out, with the reason.

    Returns:
        For each row in order its file, line, text, label (None where none is sure enough),
        probability, and the probability of each label.

    Raises:
        DataError: where a file cannot be read at all.
    """
    told = skipped if skipped is not None else []
    corpus = Corpus(tuple(expand(files)), text, (), tuple(columns), skip_bad=True)
    read: deque[Row] = deque()

    def texts() -> Iterator[str]:
        for item in good_rows(corpus, told):
            read.append(item)
            yield corpus.text_of(item)

    for prediction in classifier.stream(texts()):
        row = read.popleft()
        yield {
            "path": row.path,
            "line": row.line,
            "text": corpus.text_of(row),
            "label": prediction.label,
            "probability": round(prediction.probability, 6),
            "probabilities": {k: round(p, 6) for k, p in prediction.probabilities.items()},
        }
