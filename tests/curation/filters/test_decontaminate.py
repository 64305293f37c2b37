"""No evaluation text is trained on, however short and in whatever script."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from lusifer.curation.filters.decontaminate import WINDOW, EvaluationTexts, plain, texts_of, winnow
from lusifer.curation.pairs import read_pairs
from lusifer.curation.report import CurationReport
from lusifer.data.formats import Row
from lusifer.errors import LusiferError
from tests.conftest import TEXTS
from tests.curation.filters.test_sanity import LONG, pair


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
