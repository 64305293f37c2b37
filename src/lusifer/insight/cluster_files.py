"""Clusters of the texts in files: encoded, grouped, named, written down with a page to look at.

Vectors are kept beside the result, in shards that a stopped run goes on with. Memory: the vectors
(4 × dim bytes a text) and their neighbours; texts are read again when they are written.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lusifer.data import Row
from lusifer.encoding import Corpus, encode, read_vectors
from lusifer.errors import LusiferError
from lusifer.insight.cluster import Clusters, ClusterSettings, check_installed, cluster_vectors
from lusifer.insight.cluster_names import Cluster, ClusterNames
from lusifer.insight.cluster_page import cluster_page
from lusifer.insight.labelled import good_rows
from lusifer.insight.plane import on_a_plane, without_language
from lusifer.io import expand, named, replacing_file, write_json, write_text
from lusifer.text import language_of

if TYPE_CHECKING:
    from lusifer.models import Vectors

VECTORS, TEXTS, CLUSTERS, PAGE = "vectors", "texts.jsonl", "clusters.json", "clusters.html"
EXAMPLES = 5
DRAWN = 2000  # texts of the page's map
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ClusterReport:
    """What `cluster_files` made: the folder, how many texts, how many of them are in no cluster, the
    clusters, and how many rows could not be read.
    """

    folder: str
    texts: int
    alone: int
    clusters: list[Cluster]
    skipped: int


def silent(what: str, done: int, total: int) -> None:
    """Report nothing: the default of `cluster_files`."""


def cluster_files(
    files: Sequence[str] | str,
    into: str | Path,
    *,
    model: str | Path = "default",
    clustering: ClusterSettings | None = None,
    column: str = "text",
    language: str = "",
    columns: Sequence[str] = (),
    prompt: str | None = None,
    bf16: bool = False,
    tell: Tell = silent,
) -> ClusterReport:
    """Cluster the rows of files, across languages.

    Args:
        files: names or globs of TSV, text, CSV, JSONL or Parquet files.
        into: a folder, which gets `clusters.json` (sizes, names, languages, examples),
            `texts.jsonl` (the cluster of each row), `clusters.html` (a page to look at) and the
            vectors.
        model: as for `lusifer.load`.
        clustering: the settings.
        column: the column of the text.
        language: the column of the language; without one it is told from the text.
        columns: a TSV's columns in order.
        prompt: one of the model's prompts.
        bf16: compute in bfloat16, where torch computes.
        tell: gets what is done, how many of it, and of how many.

    Returns:
        The clusters.

    Raises:
        LusiferError: where nothing can be read, or the folder holds something else.
        MissingExtra: where the extra `insight` is not installed.
    """
    clustering = clustering or ClusterSettings()
    check_installed(clustering)  # before an hour of encoding
    names = expand(named(files))
    corpus = Corpus(tuple(names), column, (language,) if language else (), tuple(columns), True)
    total = corpus.count() or 0
    done = 0

    def encoded(rows: int, tokens: int) -> None:
        nonlocal done
        done += rows
        tell("encoding", done, max(done, total))

    folder = Path(into)
    run = encode(
        names,
        folder / VECTORS,
        model=model,
        prompt=prompt,
        column=column,
        keep=(language,) if language else (),
        columns=columns,
        format="safetensors" if not language else "parquet",
        skip_bad=True,
        bf16=bf16,
        tell=encoded,
    )
    if not run.rows:
        raise LusiferError(f"{', '.join(names[:3])}: holds no row with text")
    vectors = np.empty((run.rows, run.dim), dtype=np.float32)
    for numbers, part in read_vectors(folder / VECTORS):
        vectors[numbers] = part
    languages = _languages(corpus, language)
    found = cluster_vectors(
        vectors,
        clustering,
        languages=languages,
        tell=lambda rows, all_rows: tell("finding neighbours", rows, all_rows),
    )
    clusters = _described(corpus, languages, found)
    _write_texts(folder / TEXTS, corpus, found)
    settings = asdict(clustering) | {"model": str(model), "prompt": prompt, "files": names}
    alone = int((found.cluster < 0).sum())
    write_json(
        folder / CLUSTERS,
        {"settings": settings, "texts": run.rows, "alone": alone}
        | {"clusters": [asdict(cluster) for cluster in clusters]},
    )
    write_text(folder / PAGE, cluster_page(clusters, _map(corpus, languages, vectors, found)))
    return ClusterReport(str(into), run.rows, alone, clusters, run.rejected)


def _rows(corpus: Corpus) -> Iterator[Row]:
    """The rows as the corpus was encoded: what could not be read was told then."""
    return good_rows(corpus, [])


def _languages(corpus: Corpus, column: str) -> list[str]:
    """Of each row, as its column says, or else told from its text."""
    return [
        row.values[column].strip() if column else language_of(corpus.text_of(row))
        for row in _rows(corpus)
    ]


def _described(corpus: Corpus, languages: Sequence[str], found: Clusters) -> list[Cluster]:
    names = ClusterNames(len(found))
    spoken: list[Counter[str]] = [Counter() for _ in range(len(found))]
    examples = _nearest(found)
    wanted = {row for rows in examples for row in rows}
    shown: dict[int, str] = {}
    for number, (row, code) in enumerate(zip(_rows(corpus), languages, strict=True)):
        text = corpus.text_of(row)
        cluster = int(found.cluster[number])
        names.add([cluster], [text], [code])
        if cluster >= 0:
            spoken[cluster][code] += 1
        if number in wanted:
            shown[number] = text
    return [
        Cluster(
            number,
            int((found.cluster == number).sum()),
            words,
            dict(spoken[number].most_common()),
            [shown[row] for row in examples[number]],
        )
        for number, words in enumerate(names.names())
    ]


def _nearest(found: Clusters) -> list[list[int]]:
    """The rows nearest to each cluster's centre."""
    inside = np.flatnonzero(found.cluster >= 0)
    order = inside[np.lexsort((inside, -found.likeness[inside], found.cluster[inside]))]
    starts = np.searchsorted(found.cluster[order], np.arange(len(found) + 1))
    return [
        [int(row) for row in order[starts[i] : min(starts[i] + EXAMPLES, starts[i + 1])]]
        for i in range(len(found))
    ]


def _write_texts(file: Path, corpus: Corpus, found: Clusters) -> None:
    with replacing_file(file) as stream:
        for number, item in enumerate(_rows(corpus)):
            line = {
                "path": item.path,
                "line": item.line,
                "cluster": int(found.cluster[number]),
                "likeness": round(float(found.likeness[number]), 4),
                "text": corpus.text_of(item),
            }
            stream.write((json.dumps(line, ensure_ascii=False) + "\n").encode())


def _map(
    corpus: Corpus, languages: Sequence[str], vectors: Vectors, found: Clusters
) -> list[tuple[float, float, int, str, str]]:
    """A sample's points for the page: x, y, cluster, language, text."""
    rows = np.sort(np.random.default_rng(0).permutation(len(vectors))[:DRAWN])
    wanted = set(rows.tolist())
    texts = [corpus.text_of(row) for i, row in enumerate(_rows(corpus)) if i in wanted]
    codes = [languages[row] for row in rows]
    points = on_a_plane(without_language(vectors[rows], codes))
    return [
        (float(x), float(y), int(found.cluster[row]), code, text)
        for row, (x, y), text, code in zip(rows, points, texts, codes, strict=True)
    ]
