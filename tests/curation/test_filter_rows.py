"""Filters drop what they say, write down why, and leave the rest as it was."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from lusifer.curation.filter_rows import clean
from lusifer.curation.filters.decontaminate import WINDOW, EvaluationTexts, plain, texts_of, winnow
from lusifer.curation.filters.duplicates import exact, near
from lusifer.curation.filters.sanity import Lengths, in_script, languages, scripts
from lusifer.curation.pairs import read_pairs
from lusifer.curation.report import CurationReport
from lusifer.data.formats import Row
from lusifer.encoding.neighbors import ranks
from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS
from tests.curation.test_negatives import Circle, rows

Folder = Callable[[str], Path]
LONG = " ".join(TEXTS)


def pair(query: str, document: str, language: str = "eng_Latn") -> Row:
    return rows((query, document, language))[0]


def test_lengths_scripts_and_languages() -> None:
    lengths = Lengths(3, 20, max_ratio=2)
    said = [
        lengths(pair(*p))
        for p in (("abc", "abcd"), ("ab", "abc"), ("abc", "x" * 21), ("abc", "abcdefg"))
    ]
    assert said == [
        None,
        "shorter than 3 characters",
        "longer than 20 characters",
        "one side more than 2 times as long as the other",
    ]
    by_script = scripts(("document",))
    assert by_script(pair("x", "नमस्ते दुनिया", "hin_Deva")) is None
    assert by_script(pair("x", "hello world", "hin_Deva")) == "document not in the script Deva"
    assert by_script(pair("x", "hello world", "xyz_Xxxx")) is None
    assert by_script(pair("x", "12345", "hin_Deva")) is None  # no letters to tell by
    assert in_script("これは日本語です", "Jpan")
    assert not in_script("これは日本語です", "Latn")
    german = "Der Bahnhof liegt hinter dem alten Markt, und der Zug fährt jede Stunde in die Stadt."
    in_language = languages(("query", "document"))
    assert in_language(pair(german, german, "deu_Latn")) is None
    assert in_language(pair(german, LONG, "deu_Latn")) == "document not in the language"
    assert in_language(pair("Hi", "Ja", "deu_Latn")) is None  # too short to say
    assert (
        in_language(pair(german, german, "qqq_Latn")) is None
    )  # a language that nobody tells apart
    with pytest.raises(LusiferError, match="max_ratio is"):
        Lengths(max_ratio=0.5)


def test_exact_duplicates_ignore_case_space_and_punctuation_but_not_letters() -> None:
    test = exact()
    assert test(pair("A b, c!", "Straße")) is None
    assert test(pair("a  B c", "STRASSE")) == "an exact duplicate"
    assert test(pair("a b d", "STRASSE")) is None
    assert test(pair("?", "!")) is None
    assert test(pair("!", "?")) is None  # no letters: told apart by themselves


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("C?", "C++?"),
        ("2.5 kg", "25 kg"),
        ("-7", "7"),
        ("4+4", "4-4"),
        ("🙂🙂", "🚀🚀"),
        ("???", "!!!"),
    ],
)
def test_a_sign_with_a_meaning_makes_no_duplicate(first: str, second: str) -> None:
    for test in (exact(), near()):
        assert test(pair(first, "one answer")) is None
        assert test(pair(second, "one answer")) is None


@pytest.mark.parametrize("threshold", [1.0, 0.99, 0.5, 0.001])
def test_every_similarity_that_is_allowed_works(threshold: float) -> None:
    test = near(threshold)
    assert test(pair("How does one bake good bread at home?", LONG)) is None
    assert test(pair("How does one bake good bread at home?", LONG)) == "a near duplicate"
    other = test(pair("Why is the sea so salty?", "Rivers carry salt into it."))
    assert other is None or threshold < 0.01


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("今天天气很好。", "query"),
        ("今日は雨です。", "document"),
        ("오늘은 비가 온다", "query"),
        ("The tram stops here.", "negative_2"),
        ("他们昨天下午一起去了城里最大的图书馆借书然后坐公共汽车回家吃晚饭。", "negative"),
    ],
)
def test_short_texts_of_dense_scripts_and_negatives_are_looked_at(text: str, column: str) -> None:
    seen = EvaluationTexts([("set", text)])
    row = Row("f", 1, {"query": "Is this another one?", "document": "It is.", column: text})
    assert seen.test(row) == "a text of set"
    longer = f"前言，{text.rstrip('。')}再见了，后面还有别的话。"
    found = seen.test(Row("f", 1, {"query": "Is it?", "document": longer}))
    assert (found is not None) == (len(text) > 20 and text[0] == "他")


def test_near_duplicates_are_near_on_both_sides() -> None:
    test = near(0.7)
    assert test(pair(TEXTS[0] + " How so?", LONG)) is None
    assert test(pair(TEXTS[1] + " And why?", LONG)) is None  # another question of the same passage
    assert test(pair(TEXTS[0] + " How so, sir?", LONG + " Yes.")) == "a near duplicate"
    with pytest.raises(LusiferError, match="similarity above 0"):
        near(0)


def test_shared_runs_are_found_at_any_place() -> None:
    rng = random.Random(0)
    words = [w for text in TEXTS for w in text.lower().split()]
    held = EvaluationTexts(
        [("dev.tsv", " ".join(rng.choices(words, k=60))) for _ in range(50)]
        + [("dev.tsv", LONG), ("short.tsv", "Fourteen letters!")],
        50,
    )
    for start in range(0, 400, 7):
        shared = plain(LONG)[start : start + 50 + WINDOW - 1]
        noisy = "zqx" * 20 + shared.upper() + "vvw" * 9
        assert held.test(pair("q", noisy)) == "shares a run of text with dev.tsv"
        assert held.test(pair("q", "zqx" * 20 + shared[:40] + "vvw" * 9)) is None
    assert held.test(pair("fourteen LETTERS", "d")) == "a text of short.tsv"
    assert held.test(pair("fourteen LETTERS more", "d")) is None
    assert EvaluationTexts([], 50).test(pair("a" * 100, "b")) is None
    with pytest.raises(LusiferError, match="ngram is 5"):
        EvaluationTexts([], 5)


@settings(max_examples=40, deadline=None)
@given(
    st.text(st.characters(categories=["Ll", "Lo", "Nd"]), min_size=60, max_size=200),
    st.integers(0, 10**6),
    st.text(max_size=80),
)
def test_winnowing_never_misses_a_run(text: str, seed: int, before: str) -> None:
    bare = plain(text)
    if len(bare) < 20 + WINDOW - 1:
        return
    start = seed % (len(bare) - (20 + WINDOW - 1) + 1)
    shared = bare[start : start + 20 + WINDOW - 1]
    assert set(winnow(bare, 20).tolist()) & set(winnow(plain(before) + shared, 20).tolist())


def test_ranks_are_the_plain_counts() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 8)).astype(np.float32), rng.normal(size=(50, 8)).astype(np.float32)
    own = np.arange(30)
    scores = (x * y[own]).sum(1)
    expected = ((x @ y.T) > scores[:, None] + 1e-6).sum(1)
    for block in (1, 7, 64):
        np.testing.assert_array_equal(ranks(x, y, scores, block=block), expected)


def cleaned(
    into: Path, given: list[Row], *tests: Any, **more: Any
) -> tuple[list[Any], list[Any], CurationReport]:
    report = CurationReport("filter", {}, read=len(given))
    clean(given, tests, into, report, **more)
    found = [
        [json.loads(line) for line in Path(f).read_text(encoding="utf-8").splitlines()]
        for f in (into, f"{into}.dropped.jsonl")
    ]
    return found[0], found[1], report


def test_consistency_is_the_rank_without_the_query_s_other_documents(tmp_path: Path) -> None:
    model = LoadedModel("circle", "0" * 64, Circle())
    given = rows(
        ("0 q", "10 a"),
        ("0 q", "20 b"),
        ("40 r", "35 c"),
        ("0 s", "80 far"),
        ("0 q", "10 a"),
        ("60 t", "61 d"),
    )
    left, dropped, report = cleaned(tmp_path / "out.jsonl", given, consistent=(model, 1))
    assert [row["document"] for row in left] == ["10 a", "20 b", "35 c", "61 d"]
    assert [(row["document"], row["reason"], row["line"]) for row in dropped] == [
        ("80 far", "not among the 1 nearest to its query", 4), ("10 a", "the same pair once more", 5),
    ]  # fmt: skip
    assert sum(report.dropped.values()) + report.written == len(given)
    assert report.more["ranks"]["within 5"] == 5
    assert not list(tmp_path.glob(".out*"))


def test_a_chain_counts_every_row_once_and_keeps_further_columns(tmp_path: Path) -> None:
    given = rows(
        ("a question", "an answer", "eng_Latn"),
        ("a QUESTION", "an answer!", "eng_Latn"),
        ("x", "y", "eng_Latn"),
    )
    given[0].values["negative"] = "a wrong one"
    left, dropped, report = cleaned(tmp_path / "out.jsonl", given, Lengths(3), exact())
    assert left == [given[0].values]
    assert [row["reason"] for row in dropped] == ["an exact duplicate", "shorter than 3 characters"]
    assert report.plain()["dropped"] == {"an exact duplicate": 1, "shorter than 3 characters": 1}
    with pytest.raises(LusiferError, match="no row is left of 3"):
        cleaned(tmp_path / "none.jsonl", given, Lengths(100))
    assert not (tmp_path / "none.jsonl").exists()
    assert not (tmp_path / "none.jsonl.dropped.jsonl").exists()


def test_every_cell_of_an_evaluation_file_counts(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text(f"eng_Latn\t7\t{LONG}\n", encoding="utf-8")
    (tmp_path / "dev.jsonl").write_text(json.dumps({"q": TEXTS[2]}) + "\n", encoding="utf-8")
    held = EvaluationTexts(texts_of([str(tmp_path / "dev.*")]))
    assert held.test(pair("q", LONG)) == "a text of dev.tsv"
    assert held.test(pair(TEXTS[2], "d")) == "a text of dev.jsonl"


def test_the_real_training_files_share_no_text_with_the_evaluation_sets(shared_data: Path) -> None:
    """They were cleaned by exact match; a passage that was not would show what the rule for runs is
    for.
    """
    held = EvaluationTexts(
        texts_of(
            [
                str(shared_data / "retrieval" / "squad11_dev_*"),
                str(shared_data / "retrieval" / "cranfield_corpus_en.tsv.xz"),
            ]
        )
    )
    passage = next(
        text
        for name, text in texts_of(
            [str(shared_data / "retrieval" / "squad11_dev_corpus_en.tsv.xz")]
        )
        if len(text) > 300
    )
    assert held.test(pair("a question", f"Copied: {passage[40:250]}")) is not None
    file = str(shared_data / "retrieval" / "train_squad_sent_question_en.tsv.xz")
    given = [
        row
        for row, _ in zip(
            read_pairs([file], ["language", "query", "document"], {}, CurationReport("", {})),
            range(3000),
            strict=False,
        )
    ]
    assert sum(held.test(row) is not None for row in given) < 30
