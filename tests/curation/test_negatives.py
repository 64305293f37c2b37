"""Mined negatives: the suspects nearest to the query go, the rest is what sentence-transformers
would take, and a stop loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.util import mine_hard_negatives

import lusifer
from lusifer.curation import negatives
from lusifer.curation.filters.sanity import Lengths
from lusifer.curation.negatives import FEW, Mining, mine
from lusifer.curation.pairs import EMPTY, SAME, read_pairs
from lusifer.curation.report import CurationReport
from lusifer.data.formats import Row
from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


class Circle:
    """Texts that are angles, in degrees: their cosine is known."""

    dim, max_tokens = 2, 8
    prompts: Mapping[str, str] = {}

    def __init__(self, patience: int = 10**9) -> None:
        self.patience, self.embedded = patience, []

    embedded: list[str]

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Any:
        self.patience -= 1
        if self.patience < 0:
            raise KeyboardInterrupt
        self.embedded += texts
        angles = np.radians([float(text.split()[0]) for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def rows(*pairs: tuple[str, ...]) -> list[Row]:
    names = ("query", "document", "language")
    return [
        Row("pairs.tsv", i, dict(zip(names, pair, strict=False))) for i, pair in enumerate(pairs, 1)
    ]


def mined(
    into: Path, pairs: list[Row], settings: Mining, model: Any = None, **more: Any
) -> tuple[list[dict[str, Any]], CurationReport]:
    report = CurationReport("negatives", {})
    mine(pairs, LoadedModel("circle", "0" * 64, model or Circle()), into, settings, report, **more)
    return [json.loads(line) for line in into.read_text(encoding="utf-8").splitlines()], report


def test_the_nearest_suspects_are_dropped_not_the_farthest(tmp_path: Path) -> None:
    """The paper's first implementation cut the thirty farthest; the false negatives are at the
    other end.
    """
    corpus = rows(*[("", f"{angle} far") for angle in range(5, 90, 5)])
    found, report = mined(
        tmp_path / "out.jsonl",
        rows(("0 query", "20 right")),
        Mining(4, relative_margin=0.1),
        corpus=corpus,
    )
    bound = np.cos(np.radians(20)) * 0.9
    expected = [f"{angle} far" for angle in range(5, 90, 5) if np.cos(np.radians(angle)) <= bound][
        :4
    ]
    assert [
        found[0][name] for name in ("negative", "negative_2", "negative_3", "negative_4")
    ] == expected
    assert expected[0] == "35 far"
    assert report.more["candidates"]["relative_margin"] == 6  # 5, 10, 15, 20, 25, 30
    assert found[0]["scores"][0] == pytest.approx(np.cos(np.radians(20)), abs=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"relative_margin": 0.05},
        {"relative_margin": None},
        {"relative_margin": None, "absolute_margin": 0.02},
        {"max_score": "median"},
        {"min_score": 0.2},
        {"range_min": 2, "range_max": 9, "max_score": "median"},
    ],
)
def test_the_negatives_are_those_of_sentence_transformers(
    tmp_path: Path, model_folder: Folder, settings: dict[str, Any]
) -> None:
    model = SentenceTransformer(str(model_folder("bert")), device="cpu")
    words = [f"{a} {b}" for a in TEXTS for b in ("and", "the river", TEXTS[3])]
    pairs = [(f"{words[i]}?", words[i]) for i in range(0, 48, 2)] + [(f"{words[0]}?", words[1])]
    settings = {"relative_margin": None, "num_negatives": 3, **settings}
    if "max_score" in settings:
        vectors = model.encode(words, normalize_embeddings=True)
        settings["max_score"] = float(np.median(vectors @ vectors.T))
    theirs = mine_hard_negatives(
        Dataset.from_dict({"query": [p[0] for p in pairs], "document": [p[1] for p in pairs]}), model, corpus=words,
        output_format="n-tuple", output_scores=True, verbose=False, **settings,
    )  # fmt: skip
    named = LoadedModel.load(model_folder("bert"))
    report = CurationReport("negatives", {})
    mine(
        rows(*pairs),
        named,
        tmp_path / "out.jsonl",
        Mining(**settings),
        report,
        corpus=rows(*[("", w) for w in words]),
    )
    ours = [
        json.loads(line)
        for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(ours) == len(theirs) > 0
    key = ("query", "document")
    names = ("negative", "negative_2", "negative_3")
    expected = {tuple(row[k] for k in key): row for row in theirs}
    for row in ours:
        other = expected[row["query"], row["document"]]
        assert [row[n] for n in names] == [other[f"negative_{n}"] for n in (1, 2, 3)]
        np.testing.assert_allclose(row["scores"], other["scores"], atol=1e-4)


def test_languages_reranker_and_sample(tmp_path: Path) -> None:
    pairs = rows(("0 q", "10 a", "eng"), ("2 q", "12 b", "eng"))
    corpus = rows(
        *[
            ("", f"{angle} {tongue}", tongue)
            for angle in range(40, 80, 4)
            for tongue in ("eng", "deu")
        ]
    )
    for language, tongue in (("same", "eng"), ("other", "deu")):
        found, _ = mined(
            tmp_path / f"{language}.jsonl", pairs, Mining(3, language=language), corpus=corpus
        )  # type: ignore[arg-type]
        assert all(
            row[name].endswith(tongue)
            for row in found
            for name in ("negative", "negative_2", "negative_3")
        )
    sampled = Mining(3, sampling_strategy="random", range_max=12, seed=5)
    first, _ = mined(tmp_path / "one.jsonl", pairs, sampled, corpus=corpus)
    again, _ = mined(tmp_path / "two.jsonl", pairs, sampled, corpus=corpus)
    top, _ = mined(tmp_path / "top.jsonl", pairs, Mining(3, range_max=12), corpus=corpus)
    assert first == again != top
    assert all(row["scores"][1:] == sorted(row["scores"][1:], reverse=True) for row in first)

    def judge(asked: list[tuple[str, str]]) -> list[float]:
        return [
            float(document.split()[0]) for _, document in asked
        ]  # the farther the better, and all above the positive

    with pytest.raises(LusiferError, match="no pair has 3 negatives"):
        mined(tmp_path / "judge.jsonl", pairs, Mining(3), corpus=corpus, reranker=judge)
    found, _ = mined(
        tmp_path / "judge.jsonl",
        pairs,
        Mining(3, relative_margin=None),
        corpus=corpus,
        reranker=judge,
    )
    assert found[0]["scores"] == [10, 76, 76, 72]


@pytest.mark.parametrize("together", [1, 3, 64])
def test_a_reranker_gets_the_pairs_of_many_queries_at_once_and_says_the_same(
    together: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = rows(*[(f"{i} q", f"{i + 3} d") for i in range(0, 40, 2)])
    calls: list[int] = []

    def judge(asked: list[tuple[str, str]]) -> list[float]:
        calls.append(len(asked))
        return [-abs(float(q.split()[0]) - float(d.split()[0])) for q, d in asked]

    mining = Mining(2, relative_margin=None)
    monkeypatch.setattr(negatives, "TOGETHER", together)
    found, _ = mined(tmp_path / "out.jsonl", pairs, mining, reranker=judge)
    assert len(calls) == -(-len(pairs) // together)
    for row in found:
        query = float(row["query"].split()[0])
        names = ("document", "negative", "negative_2")
        assert row["scores"] == [-abs(query - float(row[n].split()[0])) for n in names]


def test_a_stopped_run_goes_on_and_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = rows(*[(f"{i} q", f"{i + 3} d") for i in range(40)])
    monkeypatch.setattr(negatives, "QUERIES", 7)
    whole, _ = mined(tmp_path / "whole.jsonl", pairs, Mining(2))
    stopped = Circle(patience=1)  # queries are embedded, passages are not
    with pytest.raises(KeyboardInterrupt):
        mined(tmp_path / "out.jsonl", pairs, Mining(2), stopped)
    assert not (tmp_path / "out.jsonl").exists()
    calls = 0
    real = negatives.Search.part

    def part(self: Any, start: int, stop: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return real(self, start, stop)

    monkeypatch.setattr(negatives.Search, "part", part)
    second = Circle()
    with pytest.raises(KeyboardInterrupt):
        mined(tmp_path / "out.jsonl", pairs, Mining(2), second)
    third = Circle()
    assert mined(tmp_path / "out.jsonl", pairs, Mining(2), third)[0] == whole
    assert calls == 3 + 4  # two parts of six were kept
    assert sorted(second.embedded) == sorted(f"{i + 3} d" for i in range(40))
    assert third.embedded == []
    assert not list(tmp_path.glob(".out*"))


def test_what_is_no_pair_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text(
        "0 q\t10 d\n \t10 d\n5 same\t5 same\n0 q\t10 d\n7 q\t\n7 q\t12 d\n", encoding="utf-8"
    )
    report = CurationReport("negatives", {})
    pairs = list(read_pairs([str(file)], ["query", "document"], {}, report))
    found, counted = mined(tmp_path / "out.jsonl", pairs, Mining(1, relative_margin=None))
    assert report.dropped == {EMPTY: 2, SAME: 1}
    assert [(row["query"], row["negative"]) for row in found] == [("0 q", "12 d"), ("7 q", "10 d")]
    assert counted.dropped == {"the same pair once more": 1}
    with pytest.raises(LusiferError, match=f"1 {FEW}"):
        mined(tmp_path / "few.jsonl", pairs[:1], Mining(1))
    with pytest.raises(LusiferError, match="no column 'query'; its columns are question, document"):
        list(read_pairs([str(file)], ["question", "document"], {}, report))


def test_a_query_never_gets_itself_or_another_of_its_documents(tmp_path: Path) -> None:
    pairs = rows(("0 q", "10 a"), ("0 q", "14 b"), ("1 r", "30 c"))
    found, _ = mined(
        tmp_path / "out.jsonl", pairs, Mining(1, relative_margin=None), corpus=rows(("", "0 q"))
    )
    assert {(row["query"], row["document"], row["negative"]) for row in found} == {
        ("0 q", "10 a", "30 c"), ("0 q", "14 b", "30 c"), ("1 r", "30 c", "0 q"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_negatives": 0}, "1 or more"),
        ({"range_max": 2}, "range_max"),
        ({"relative_margin": -0.1}, "nearer"),
    ],
)
def test_a_wrong_setting_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LusiferError, match=said):
        Mining(**changes)


@pytest.mark.parametrize("again", ["0 Q?", "0 q.", "0\u00a0q", "0  q"])
def test_what_is_right_for_the_same_question_is_no_negative(again: str, tmp_path: Path) -> None:
    pairs = rows(("0 q", "10 a"), (again, "14 b"), ("1 r", "30 c"), ("2 s", "10 A."))
    found, _ = mined(tmp_path / "out.jsonl", pairs, Mining(1, relative_margin=None))
    assert {row["negative"] for row in found if row["query"] in ("0 q", again)} == {"30 c"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    "make",
    [
        lambda x: lusifer.Mining(relative_margin=x),
        lambda x: lusifer.Mining(max_score=x),
        lambda x: lusifer.Endpoint("http://localhost/v1#m", rpm=x),
        lambda x: lusifer.Endpoint("http://localhost/v1#m", temperature=x),
        lambda x: lusifer.Combining("linear", (x, 1.0)),
        lambda x: lusifer.Combining("task-arithmetic", scale=x),
        lambda x: Lengths(max_ratio=x),
    ],
)
def test_a_setting_that_is_no_number_is_refused(
    make: Callable[[float], object], value: float
) -> None:
    with pytest.raises(LusiferError, match=r"is .*(nan|inf).*; it must be a finite number"):
        make(value)
