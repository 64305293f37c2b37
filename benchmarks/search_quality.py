"""What `lusifer search` finds, by its ways to search: nDCG@10 by vector, by words, by both, and of both
sorted by a reranker; beside it bm25s by itself with its usual analysis, where it is installed.

cranfield: 1,400 abstracts, 225 questions. squad: 2,067 English passages, English questions; then with the
others' 9,000 questions in the index, each a further vector of its passage. foreign: the
same passages, XQuAD's questions in another language. own: XQuAD's passages in twelve languages in one
index (2,880), questions in each; a passage's translations are as right as itself. Intervals are
resamples of questions.

python benchmarks/search_quality.py ../shared/data
python benchmarks/search_quality.py ../shared/data --model out/multilingual-e5-small --rerank out/reranker/model
"""

from __future__ import annotations

import argparse
import json
import lzma
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lusifer

TOP, DEEP, DRAWS = 10, 15, 1000


@dataclass(frozen=True)
class Question:
    """A question, and the passages that answer it."""

    language: str
    text: str
    right: frozenset[str]


@dataclass(frozen=True)
class Collection:
    """Passages by their names, and questions to them."""

    name: str
    passages: dict[str, str]
    questions: list[Question]
    others: tuple[tuple[str, str], ...] = ()  # questions that are not asked, and their passages


def read(file: Path) -> Iterator[list[str]]:
    with lzma.open(file, "rt", encoding="utf-8") as opened:
        for line in opened:
            yield line.rstrip("\n").split("\t")


def collections(folder: Path, most: int) -> Iterator[Collection]:
    """The four, with at most so many questions a language."""

    def some(rows: list[Any]) -> list[Any]:
        order = np.random.default_rng(0).permutation(len(rows))[:most]
        return [rows[i] for i in sorted(order)]

    right: dict[str, set[str]] = defaultdict(set)
    for query, document, grade in read(folder / "cranfield_qrels.tsv.xz"):
        if int(grade) > 0:
            right[query].add(document)
    documents = {
        row[1]: f"{row[2]} {row[3]}" for row in read(folder / "cranfield_corpus_en.tsv.xz")
    }
    asked = [row for row in read(folder / "cranfield_queries_en.tsv.xz") if right[row[1]]]
    questions = [Question("eng_Latn", row[2], frozenset(right[row[1]])) for row in some(asked)]
    yield Collection("cranfield", documents, questions)

    passages = {row[1]: row[3] for row in read(folder / "squad11_dev_corpus_en.tsv.xz")}
    rows = list(read(folder / "squad11_dev_queries_en.tsv.xz"))
    asked = some(rows)
    questions = [Question("eng_Latn", row[3], frozenset({row[2]})) for row in asked]
    texts = {row[3] for row in asked}
    others = tuple((row[3], passages[row[2]]) for row in rows if row[3] not in texts)
    yield Collection("squad", passages, questions, others)

    corpus = list(read(folder / "xquad_corpus.tsv.xz"))
    by_text = {text: name for name, text in passages.items()}
    same = {row[1]: by_text[row[3]] for row in corpus if row[0] == "eng_Latn" and row[3] in by_text}
    by_language: dict[str, list[list[str]]] = defaultdict(list)
    for row in read(folder / "xquad_queries.tsv.xz"):
        by_language[row[0]].append(row)
    questions = [
        Question(language, row[3], frozenset({same[row[2]]}))
        for language, rows in by_language.items()
        for row in some([row for row in rows if row[2] in same])
        if language != "eng_Latn"
    ]
    yield Collection("foreign", passages, questions)

    everywhere = {f"{row[0]} {row[1]}": row[3] for row in corpus}
    questions = [
        Question(language, row[3], frozenset(f"{other} {row[2]}" for other in by_language))
        for language, rows in by_language.items()
        for row in some(rows)
    ]
    yield Collection("own", everywhere, questions)


def ndcg(names: list[str], right: frozenset[str]) -> float:
    gains = [1 / np.log2(rank + 2) for rank, name in enumerate(names[:TOP]) if name in right]
    best = sum(1 / np.log2(rank + 2) for rank in range(min(TOP, len(right))))
    return float(sum(gains) / best)


def with_bm25s(collection: Collection) -> Callable[[str], list[str]] | None:
    try:
        import bm25s
    except ModuleNotFoundError:
        return None
    names = list(collection.passages)
    index = bm25s.BM25()
    index.index(
        bm25s.tokenize(list(collection.passages.values()), show_progress=False), show_progress=False
    )

    def ask(query: str) -> list[str]:
        words = bm25s.tokenize([query], show_progress=False, return_ids=False)
        if not words[0]:
            return []
        found, scores = index.retrieve(words, k=TOP, show_progress=False)
        return [names[i] for i, score in zip(found[0], scores[0], strict=True) if score > 0]

    return ask


def ways(
    collection: Collection, index: Any, reranker: Any
) -> dict[str, Callable[[str], list[str]]]:
    def asking(mode: str, sort: Any = None) -> Callable[[str], list[str]]:
        def ask(query: str) -> list[str]:
            hits = index.search(query, top_k=DEEP, mode=mode, reranker=sort)
            return list(dict.fromkeys(hit.path.removeprefix("text:") for hit in hits))

        return ask

    found = {mode: asking(mode) for mode in ("dense", "text", "hybrid")}
    if reranker:
        found["reranked"] = asking("hybrid", reranker)
    if alone := with_bm25s(collection):
        found["bm25s"] = alone
    if collection.others:

        def known(mode: str) -> Callable[[str], list[str]]:
            def ask(query: str) -> list[str]:
                if index.queries is None:  # the ways before this one are measured without
                    rows = ({"query": q, "document": text} for q, text in collection.others)
                    index.add_queries(rows)
                return asking(mode)(query)

            return ask

        found |= {f"{mode}, queries": known(mode) for mode in ("dense", "hybrid")}
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--model", default="default")
    arguments.add_argument("--rerank")
    arguments.add_argument("--questions", type=int, default=300, help="At most, a language.")
    arguments.add_argument("--only", nargs="*", default=["cranfield", "squad", "foreign", "own"])
    arguments.add_argument("--into", default="out/search_quality.json")
    asked = arguments.parse_args()
    reranker = lusifer.load_reranker(asked.rerank) if asked.rerank else None
    rng, rows = np.random.default_rng(0), []
    for collection in collections(asked.data / "retrieval", asked.questions):
        if collection.name not in asked.only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            index = lusifer.Index.create(Path(folder) / "index", asked.model)
            index.add({"id": name, "text": text} for name, text in collection.passages.items())
            for way, ask in ways(collection, index, reranker).items():
                values: dict[str, list[float]] = defaultdict(list)
                for question in collection.questions:
                    values[question.language].append(ndcg(ask(question.text), question.right))
                draws = np.mean(
                    [rng.choice(one, (DRAWS, len(one))).mean(1) for one in values.values()], axis=0
                )
                low, high = np.quantile(draws, [0.025, 0.975])
                rows.append(
                    {
                        "set": collection.name,
                        "passages": len(collection.passages),
                        "way": way,
                        "nDCG@10": round(float(np.mean([np.mean(v) for v in values.values()])), 3),
                        "±": round(float(high - low) / 2, 3),
                        "questions": sum(map(len, values.values())),
                        "by language": {k: round(float(np.mean(v)), 3) for k, v in values.items()},
                    }
                )
                print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    Path(asked.into).parent.mkdir(parents=True, exist_ok=True)
    result = {"model": asked.model, "reranker": asked.rerank, "rows": rows}
    Path(asked.into).write_text(json.dumps(result, indent=1), "utf-8")


if __name__ == "__main__":
    main()
