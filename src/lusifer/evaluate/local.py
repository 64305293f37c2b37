"""Tasks on the local files: bitext retrieval, question → passage retrieval, similarity, zero-shot classification.

Definitions: a translation is found where the nearest English sentence by cosine is its own (or has the same text);
nDCG@10 has one relevant passage, so it is 1 / log2(1 + rank) up to rank 10; similarity is Spearman's correlation of
cosine and human score; SIB-200 is a logistic regression on English train vectors, tested in each language.
`anchor` is the model that made an index: with it, the English side of a search is embedded by the anchor, not by the
model under test, which shows whether an existing index stays valid, and `english cosine` says how near the two are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lusifer.data.readers import read_rows
from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluate.scores import Score, mean_score, paired_score, spearman
from lusifer.models.embedder import Embedder, Vectors

TATOEBA_36 = (
    "afr_Latn",
    "arb_Arab",
    "ben_Beng",
    "bul_Cyrl",
    "deu_Latn",
    "ell_Grek",
    "spa_Latn",
    "est_Latn",
    "eus_Latn",
    "fin_Latn",
    "fra_Latn",
    "heb_Hebr",
    "hin_Deva",
    "hun_Latn",
    "ind_Latn",
    "ita_Latn",
    "jav_Latn",
    "jpn_Jpan",
    "kat_Geor",
    "kaz_Cyrl",
    "kor_Kore",
    "mal_Mlym",
    "mar_Deva",
    "nld_Latn",
    "pes_Arab",
    "por_Latn",
    "rus_Cyrl",
    "swh_Latn",
    "tam_Taml",
    "tel_Telu",
    "tgl_Latn",
    "tha_Thai",
    "tur_Latn",
    "urd_Arab",
    "vie_Latn",
    "zho_Hans",
)


class Encoder:
    """An embedder that encodes each distinct text once, whatever tasks ask for it."""

    def __init__(self, model: Embedder) -> None:
        self.model = model
        self.known: dict[tuple[str | None, str], int] = {}
        self.rows: list[Vectors] = []

    def __call__(self, texts: Sequence[str], prompt: str | None = None) -> Vectors:
        prompt = prompt if prompt in self.model.prompts else None
        new = [t for t in dict.fromkeys(texts) if (prompt, t) not in self.known]
        if new:
            for text, vector in zip(new, self.model.encode(new, prompt=prompt), strict=True):
                self.known[prompt, text] = len(self.rows)
                self.rows.append(vector)
        return np.stack([self.rows[self.known[prompt, t]] for t in texts])


Languages = Sequence[str] | None
Rows = dict[str, list[dict[str, str]]]


def _grouped(root: Path, file: str, columns: Sequence[str], languages: Languages) -> Rows:
    groups: Rows = defaultdict(list)
    for row in read_rows(str(root / file), columns):
        groups[row.values["language"]].append(row.values)
    if languages is None:
        return dict(groups)
    return {k: v for k, v in groups.items() if k in languages}


def bitext(
    task: str, root: Path, file: str, columns: Sequence[str], model: Encoder, anchor: Encoder | None, languages: Languages, pool: int
) -> list[Score]:
    """Accuracy of finding each sentence's translation among the language's first `pool` pairs, both ways."""
    scores = []
    for language, rows in sorted(_grouped(root, file, columns, languages).items()):
        if language == "eng_Latn":
            continue
        english, foreign = [r["english"] for r in rows[:pool]], [r["text"] for r in rows[:pool]]
        x, y = model(foreign), model(english)
        scores.append(mean_score(task, language, "to English", found(x, y, english)))
        scores.append(mean_score(task, language, "from English", found(y, x, foreign)))
        if anchor:
            scores.append(mean_score(task, language, "to anchor", found(x, anchor(english), english)))
    return scores


def found(queries: Vectors, candidates: Vectors, texts: Sequence[str], block: int = 1024) -> npt.NDArray[np.float64]:
    """For each query i, 1 where the nearest candidate's text is that of candidate i, else 0."""
    best = np.concatenate([(queries[i : i + block] @ candidates.T).argmax(1) for i in range(0, len(queries), block)])
    return np.array([texts[b] == texts[i] for i, b in enumerate(best)], dtype=np.float64)


def tatoeba(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """Tatoeba (LASER's 111 languages, up to 1,000 pairs each)."""
    return bitext("tatoeba", root, "bitext_eval/tatoeba.tsv.xz", ["language", "_", "english", "text"], model, anchor, languages, 1000)


def ntrex(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """NTREX dev half, the first 1,000 sentences of each language."""
    columns = ["language", "_", "_", "english", "text"]
    return bitext("ntrex", root, "bitext_eval/ntrex_dev.tsv.xz", columns, model, anchor, languages, 1000)


def xquad(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """XQuAD: a question in each language, its passage among all in English, and among those in its own language."""
    corpus = _grouped(root, "retrieval/xquad_corpus.tsv.xz", ["language", "id", "title", "text"], None)
    queries = _grouped(root, "retrieval/xquad_queries.tsv.xz", ["language", "query", "id", "text", "_"], languages)
    return [score for language in sorted(queries) for score in _asked("xquad", language, queries, corpus, model, anchor)]


def _asked(task: str, language: str, queries: Rows, corpus: Rows, model: Encoder, anchor: Encoder | None) -> Iterator[Score]:
    """nDCG@10 of a language's questions among English candidates, by the model and by the anchor, and among its own."""
    q = model([r["text"] for r in queries[language]], "query")
    for metric, pool, encoder in (("English", "eng_Latn", model), ("own", language, model), ("anchor", "eng_Latn", anchor)):
        if encoder:
            wanted = {r["query"]: r["id"] for r in queries.get(pool, queries[language])}  # ids may be a language's own
            relevant = [wanted[r["query"]] for r in queries[language]]
            ids = [p["id"] for p in corpus[pool]]
            passages = encoder([p["text"] for p in corpus[pool]], "document")
            yield mean_score(task, language, f"nDCG@10 {metric}", ndcg10(q, passages, relevant, ids))


def xquad_r(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """XQuAD-R (LAReQA, arXiv 2004.05484): answer sentences in English, in the question's language, and in all eleven at once.

    `mAP all` is the paper's measure: the answer in every language is relevant, all languages' sentences are candidates.
    """
    corpus = _grouped(root, "retrieval/xquad_r_candidates.tsv.xz", ["language", "id", "text"], None)
    every = _grouped(root, "retrieval/xquad_r_queries.tsv.xz", ["language", "query", "id", "text"], None)
    places: dict[tuple[str, str], int] = {}
    for language in sorted(corpus):
        for row in corpus[language]:
            places[language, row["id"]] = len(places)
    candidates = model([row["text"] for language in sorted(corpus) for row in corpus[language]], "document")
    answers: dict[str, list[int]] = defaultdict(list)
    for language, rows in every.items():
        for row in rows:
            answers[row["query"]].append(places[language, row["id"]])
    scores: list[Score] = []
    for language in sorted(every):
        if languages is None or language in languages:
            scores += _asked("xquad-r", language, every, corpus, model, anchor)
            q = model([r["text"] for r in every[language]], "query")
            relevant = [answers[r["query"]] for r in every[language]]
            scores.append(mean_score("xquad-r", language, "mAP all", average_precision(q @ candidates.T, relevant)))
    return scores


def average_precision(similarity: npt.NDArray[np.float32], relevant: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """Of each row of scores: the mean, over its relevant columns, of precision at that column's rank; ties rank it last."""
    result = np.zeros(len(relevant))
    for i, columns in enumerate(relevant):
        own = np.sort(similarity[i, sorted(set(columns))])[::-1]
        ranks = (similarity[i] >= own[:, None]).sum(1)
        result[i] = ((own >= own[:, None]).sum(1) / ranks).mean()
    return result


def ndcg10(queries: Vectors, passages: Vectors, wanted: Sequence[str], ids: Sequence[str]) -> npt.NDArray[np.float64]:
    """nDCG@10 of each query with one relevant passage; ties rank the relevant one last."""
    place = {name: i for i, name in enumerate(ids)}
    target = np.array([place[w] for w in wanted])
    similarity = queries @ passages.T
    own = similarity[np.arange(len(queries)), target]
    rank = (similarity >= own[:, None]).sum(1)
    return np.where(rank <= 10, 1 / np.log2(1 + rank), 0.0)


def _similarity(task: str, language: str, rows: Sequence[dict[str, str]], model: Encoder) -> Score:
    cosine = (model([r["a"] for r in rows]) * model([r["b"] for r in rows])).sum(1).astype(np.float64)
    gold = np.array([float(r["score"]) for r in rows])
    return paired_score(task, language, "spearman", cosine, gold, spearman)


def sts17(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """STS17, by language pair."""
    groups = _grouped(root, "similarity/sts17.tsv.xz", ["track", "language", "score", "a", "b"], None)
    return [_similarity("sts17", pair, rows, model) for pair, rows in sorted(groups.items())]


def stsb(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """STS benchmark test; languages other than English are machine translations of it."""
    groups = _grouped(root, "similarity/stsb_test.tsv.xz", ["language", "score", "a", "b"], languages)
    return [_similarity("stsb", language, rows, model) for language, rows in sorted(groups.items())]


def english(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """Mean cosine of the model's vectors of English sentences (STS benchmark test) to the anchor's."""
    if anchor is None:
        return []
    rows = [r.values for r in read_rows(str(root / "similarity/stsb_test.tsv.xz"), ["language", "_", "a", "b"])]
    texts = sorted({r[side] for r in rows for side in "ab" if r["language"] in ("en", "eng_Latn")})
    return [mean_score("english", "eng_Latn", "cosine to anchor", (model(texts) * anchor(texts)).sum(1))]


def sib200(root: Path, model: Encoder, anchor: Encoder | None, languages: Languages) -> list[Score]:
    """SIB-200 topics: a logistic regression on the English train split, tested in each language."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError:
        raise MissingExtra("scikit-learn", "train") from None
    groups = _grouped(root, "classification/sib200.tsv.xz", ["language", "split", "_", "label", "text"], None)
    train = [r for r in groups["eng_Latn"] if r["split"] == "train"]
    probe = LogisticRegression(C=10.0, max_iter=2000).fit(model([r["text"] for r in train]), [r["label"] for r in train])
    scores = []
    for language, rows in sorted(groups.items()):
        test = [r for r in rows if r["split"] == "test"]
        if languages is None or language in languages:
            right = probe.predict(model([r["text"] for r in test])) == np.array([r["label"] for r in test])
            scores.append(mean_score("sib200", language, "accuracy", right))
    return scores


Task = Callable[[Path, Encoder, Encoder | None, Languages], list[Score]]
TASKS: dict[str, Task] = {
    "english": english,
    "tatoeba": tatoeba,
    "ntrex": ntrex,
    "xquad": xquad,
    "xquad-r": xquad_r,
    "sts17": sts17,
    "stsb": stsb,
    "sib200": sib200,
}


def evaluate(
    model: Embedder,
    root: str | Path,
    tasks: Iterable[str] = tuple(TASKS),
    languages: Languages = None,
    anchor: Embedder | None = None,
    done: Callable[[str, list[Score]], None] = lambda task, scores: None,
) -> list[Score]:
    """Score `model` on local tasks; `languages` (e.g. `hin_Deva`) limits those that have one file a language.

    After each task `done` gets its name and all scores so far.

    Raises LusiferError for an unknown task, DataError for a missing file.
    """
    root, tasks = Path(root), list(tasks)
    for task in tasks:
        if task not in TASKS:
            raise LusiferError(f"no local task {task!r}; there are: {', '.join(TASKS)}")
    encoder, other = Encoder(model), Encoder(anchor) if anchor else None
    scores: list[Score] = []
    for task in tasks:
        scores += TASKS[task](root, encoder, other, languages)
        done(task, scores)
    if languages and not scores:
        raise LusiferError(f"no task has the language {languages[0]!r}; codes are ISO 639-3 and script, e.g. hin_Deva")
    return scores
