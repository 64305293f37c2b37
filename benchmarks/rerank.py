"""What a cross-encoder adds to an embedder: TREC-QA's candidates sorted by either, and XQuAD's questions
in several languages, each with the best English passages that the embedder found, sorted again.

python benchmarks/rerank.py out/reranker/model --embedder out/multilingual-e5-small
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import lusifer
from lusifer.evaluation.catalog import chosen_tasks
from lusifer.evaluation.metrics import mean_precision, ndcg
from lusifer.evaluation.scores import Measured
from lusifer.io.files import write_json

Ints = npt.NDArray[np.int64]


def placed(scores: Sequence[float], right: Sequence[int]) -> Ints:
    """The ranks, from 1, of the right candidates; of equal scores the wrong one comes first."""
    values = np.asarray(scores, dtype=np.float64)
    wrong = [i for i in range(len(values)) if i not in set(right)]
    order = sorted(range(len(values)), key=lambda i: (-values[i], i not in wrong))
    return np.sort([order.index(i) + 1 for i in right])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reranker")
    parser.add_argument("--embedder", default="default")
    parser.add_argument("--suite", type=Path, default=Path("../shared/data"))
    parser.add_argument("--languages", default="eng_Latn,deu_Latn,arb_Arab,hin_Deva,tur_Latn")
    parser.add_argument("--questions", type=int, default=200, help="of XQuAD, in each language")
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--into", default="out/benchmarks/rerank.json")
    asked = parser.parse_args()
    embedder, judge = lusifer.load(asked.embedder, bf16=True), lusifer.load_reranker(asked.reranker)
    prompts = [name if name in embedder.prompts else None for name in ("query", "document")]
    trec, xquad = chosen_tasks(["trecqa", "xquad"])
    found: list[dict[str, object]] = []

    def tell(task: str, language: str, metric: str, ways: dict[str, list[float]]) -> None:
        for way, values in ways.items():
            score = Measured(task, language, metric, np.array(values)).score()
            half = (score.high - score.low) / 2
            print(f"{task} {language} {metric}, {way}: {score.value:.3f} ± {half:.3f} ({score.n})")
            found.append(score.row() | {"by": way})

    by_query = defaultdict(list)
    for row in trec.read(asked.suite)["eng_Latn"]:  # type: ignore[attr-defined]
        by_query[row["query"]].append(row)
    ways: dict[str, list[float]] = {"embedder": [], "reranker": []}
    for query, rows in by_query.items():
        right = [i for i, row in enumerate(rows) if row["label"] == "1"]
        if 0 < len(right) < len(rows):
            texts = [row["text"] for row in rows]
            question = embedder.encode([query], prompt=prompts[0])[0]
            cosines = embedder.encode(texts, prompt=prompts[1]) @ question
            for way, scores in (
                ("embedder", cosines.tolist()),
                ("reranker", judge([(query, text) for text in texts])),
            ):
                ways[way].append(float(mean_precision([placed(scores, right)])[0]))
    tell("trecqa", "eng_Latn", "mAP", ways)

    data = xquad.read(asked.suite)  # type: ignore[attr-defined]
    passages = data.passages["eng_Latn"]
    vectors = embedder.encode([row["text"] for row in passages], prompt=prompts[1])
    for language in asked.languages.split(","):
        ways = {"embedder": [], "reranker": []}
        rows = data.queries[language]
        chosen = np.random.default_rng(0).permutation(len(rows))[: asked.questions]
        for number in np.sort(chosen):
            row = rows[number]
            question = embedder.encode([row["text"]], prompt=prompts[0])[0]
            cosines = vectors @ question
            best = np.argsort(-cosines, kind="stable")[: asked.depth]
            wanted = set(data.relevant["eng_Latn"].get(row["id"], ()))
            right = [i for i, place in enumerate(best) if passages[place]["id"] in wanted]
            pairs = [(row["text"], passages[place]["text"]) for place in best]
            for way, scores in (("embedder", cosines[best].tolist()), ("reranker", judge(pairs))):
                missed = [] if right else [asked.depth + 1]
                ranks = placed(scores, right) if right else np.array(missed)
                ways[way].append(float(ndcg([ranks])[0]))
        tell("xquad", language, "nDCG@10", ways)
    write_json(asked.into, found)


if __name__ == "__main__":
    main()
