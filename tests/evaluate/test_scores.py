"""Metrics equal the reference libraries'; intervals hold the value; tasks read the real files' shapes."""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, ndcg_score

from lusifer.errors import DataError, LusiferError
from lusifer.evaluate.local import TASKS, TATOEBA_36, average_precision, evaluate, found, ndcg10
from lusifer.evaluate.report import means
from lusifer.evaluate.scores import mean_score, paired_score, spearman


def unit(rng: np.random.Generator, n: int, d: int = 12) -> np.ndarray:
    v = rng.normal(size=(n, d)).astype(np.float32)
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def test_spearman_is_scipys_with_ties() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, 300).astype(float), rng.normal(size=300).round(1)
    assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-9)


def test_ndcg_is_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    queries, passages = unit(rng, 40), unit(rng, 30)
    ids = [f"p{i}" for i in range(30)]
    wanted = [ids[i] for i in rng.integers(0, 30, 40)]
    relevance = np.array([[i == w for i in ids] for w in wanted], dtype=float)
    expected = ndcg_score(relevance, queries @ passages.T, k=10)
    assert ndcg10(queries, passages, wanted, ids).mean() == pytest.approx(expected, abs=1e-6)


def test_average_precision_is_scikit_learns() -> None:
    rng = np.random.default_rng(4)
    similarity = rng.normal(size=(30, 50)).round(1).astype(np.float32)
    relevant = [sorted({int(c) for c in rng.integers(0, 50, 5)}) for _ in range(30)]
    expected = [average_precision_score(np.isin(np.arange(50), r), row) for row, r in zip(similarity, relevant, strict=True)]
    np.testing.assert_allclose(average_precision(similarity, relevant), expected, atol=1e-6)


def test_found_is_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    x, y = unit(rng, 50, 3), unit(rng, 50, 3)
    texts = [f"t{i % 25}" for i in range(50)]
    plain = [float(texts[int(np.argmax(y @ x[i]))] == texts[i]) for i in range(50)]
    assert found(x, y, texts, block=7).tolist() == plain


def test_intervals_shrink_with_n_and_hold_the_value() -> None:
    rng = np.random.default_rng(3)
    small, large = (mean_score("t", "x", "m", rng.random(n) < 0.4) for n in (50, 5000))
    for s in (small, large):
        assert s.low < s.value < s.high
    assert large.high - large.low < (small.high - small.low) / 5
    exact = np.sqrt(0.24 / 5000) * 1.96
    assert (large.high - large.low) / 2 == pytest.approx(exact, rel=0.15)
    x = rng.normal(size=400)
    score = paired_score("t", "x", "m", x, x + rng.normal(size=400), spearman)
    assert score.low < score.value < score.high


class Oracle:
    """An embedder that knows which texts belong together: by the letter that follows '#'."""

    dim = 26
    max_tokens = 10
    prompts: Mapping[str, str] = {"query": "q", "document": "d"}

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        self.seen += [f"{prompt}:{t}" for t in texts]
        return np.eye(26, dtype=np.float32)[[ord(t.split("#")[1][0]) - 97 for t in texts]]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Files of the real ones' shapes, from our own texts."""
    letters = "abcdefgh"
    files = {
        "bitext_eval/tatoeba.tsv.xz": [f"{lang}\tx\tenglish #{c}\tforeign {lang} #{c}" for lang in ("deu_Latn", "cor_Latn") for c in letters],
        "bitext_eval/ntrex_dev.tsv.xz": [f"deu_Latn\tx\t{i}\tenglish #{c}\tforeign #{c}" for i, c in enumerate(letters)],
        "retrieval/xquad_corpus.tsv.xz": [f"{lang}\tp{c}\ttitle\tpassage {lang} #{c}" for lang in ("eng_Latn", "deu_Latn") for c in letters],
        "retrieval/xquad_queries.tsv.xz": [f"{lang}\tq{c}\tp{c}\tquestion {lang} #{c}\tanswer" for lang in ("eng_Latn", "deu_Latn") for c in letters],
        "retrieval/xquad_r_candidates.tsv.xz": [f"{lang}\ts{lang}{c}\tsentence {lang} #{c}" for lang in ("eng_Latn", "deu_Latn") for c in letters],
        "retrieval/xquad_r_queries.tsv.xz": [f"{lang}\tq{c}\ts{lang}{c}\task {lang} #{c}" for lang in ("eng_Latn", "deu_Latn") for c in letters],
        "similarity/sts17.tsv.xz": [f"track5\ten-en\t{5 * (i % 2)}\tx #{c}\ty #{c if i % 2 else 'z'}" for i, c in enumerate(letters)],
        "similarity/stsb_test.tsv.xz": [f"eng_Latn\t{5 * (i % 2)}\tx #{c}\ty #{c if i % 2 else 'z'}" for i, c in enumerate(letters)],
        "classification/sib200.tsv.xz": [
            f"{lang}\t{split}\t0\t{'sport' if c < 'e' else 'science'}\ttext {lang} {split} #{c}"
            for lang in ("eng_Latn", "deu_Latn") for split in ("train", "test") for c in letters
        ],
    }  # fmt: skip
    for name, lines in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(lzma.compress(("\n".join(lines) + "\n").encode()))
    return tmp_path


def test_a_perfect_model_scores_one_everywhere_and_encodes_each_text_once(suite: Path) -> None:
    model, anchor = Oracle(), Oracle()
    scores = evaluate(model, suite, anchor=anchor)
    assert {s.task for s in scores} == set(TASKS)
    assert all(s.value == pytest.approx(1.0) for s in scores)
    assert {s.metric for s in scores if s.task == "tatoeba"} == {"to English", "from English", "to anchor"}
    assert len(model.seen) == len(set(model.seen))
    for seen in (model.seen, anchor.seen):
        assert not any(t.startswith("None:passage") for t in seen), "fault 9: the compared baselines got no prompts"
    assert any(t.startswith("query:question") for t in model.seen), "prompts are applied"
    assert any(t.startswith("document:passage") for t in anchor.seen)
    rows = {(task, which, metric): n for task, which, metric, _, n in means(scores)}
    assert rows["tatoeba", "36", "to English"] == 1
    assert rows["tatoeba", "all", "to English"] == 2


def test_what_is_known_is_told_after_each_task(suite: Path) -> None:
    told: list[tuple[str, int]] = []
    scores = evaluate(Oracle(), suite, ["tatoeba", "sts17"], done=lambda task, so_far: told.append((task, len(so_far))))
    assert [task for task, _ in told] == ["tatoeba", "sts17"]
    assert told[0][1] < told[1][1] == len(scores)


def test_languages_limit_and_wrong_names_are_told(suite: Path) -> None:
    scores = evaluate(Oracle(), suite, ["tatoeba"], ["cor_Latn"])
    assert {s.language for s in scores} == {"cor_Latn"}
    with pytest.raises(LusiferError, match="no local task 'tatoba'"):
        evaluate(Oracle(), suite, ["tatoba"])
    (suite / "bitext_eval" / "tatoeba.tsv.xz").unlink()
    with pytest.raises(DataError, match="no such file"):
        evaluate(Oracle(), suite, ["tatoeba"])


def test_the_usual_36_languages(shared_data: Path) -> None:
    from lusifer.data.readers import read_rows

    rows = (r.values["language"] for r in read_rows(str(shared_data / "bitext_eval/tatoeba.tsv.xz"), ["language", "_", "_", "_"]))
    assert len(set(TATOEBA_36)) == 36
    assert set(TATOEBA_36) <= set(rows)
