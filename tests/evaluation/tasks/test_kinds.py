"""The tasks on files of the real ones' shapes: a perfect model is perfect, texts are embedded once,
bad input is one line.
"""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lusifer.data.rows import read_rows
from lusifer.errors import DataError, LusiferError, ModelError
from lusifer.evaluation.catalog import TASKS
from lusifer.evaluation.run import evaluate
from lusifer.evaluation.scores import LOWER
from lusifer.text.codes import TATOEBA_36, Languages
from tests.evaluation.oracle import Oracle, write_suite


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write_suite(tmp_path)


def test_a_perfect_model_is_perfect_everywhere_and_embeds_each_text_once(suite: Path) -> None:
    model, anchor = Oracle(), Oracle()
    scores = evaluate(model, suite, anchor=anchor)
    assert {s.task for s in scores} == set(TASKS)
    for s in scores:
        assert s.value == pytest.approx(0.0 if s.metric in LOWER else 1.0), s
    metrics = {task: {s.metric for s in scores if s.task == task} for task in TASKS}
    assert metrics["tatoeba"] == {"to English", "from English", "xsim error", "to anchor"}
    assert metrics["xquad"] == {
        f"{m} {pool}"
        for m in ("nDCG@10", "recall@10", "MRR@10")
        for pool in ("English", "own", "anchor")
    }
    assert metrics["sib200"] == {"accuracy English", "accuracy own"}
    assert metrics["sts12-16"] == {"spearman 2012", "spearman 2013"}
    assert len(model.seen) == len(set(model.seen))
    for seen in (model.seen, anchor.seen):
        assert not any(t.startswith("None:passage") for t in seen), (
            "fault 9: the compared baselines got no prompts"
        )
    assert any(t.startswith("query:question") for t in model.seen), "prompts are applied"
    assert any(t.startswith("document:passage") for t in anchor.seen)


def test_a_question_without_a_choice_is_not_counted(suite: Path) -> None:
    (score,) = evaluate(Oracle(), suite, ["trecqa"])
    assert score.n == 3, "the fourth question has wrong answers alone"


def test_languages_are_named_as_users_do(suite: Path) -> None:
    for name in ("de", "deu", "deu_Latn"):
        assert {s.language for s in evaluate(Oracle(), suite, ["tatoeba", "ntrex"], [name])} == {
            "deu_Latn"
        }
    assert {s.language for s in evaluate(Oracle(), suite, ["sts17"], ["es"])} == {"es-en"}
    assert {s.language for s in evaluate(Oracle(), suite, ["sts17"], ["en"])} == {"en-en"}
    assert {s.language for s in evaluate(Oracle(), suite, ["tatoeba"], ["tatoeba-36"])} == {
        "deu_Latn"
    }
    assert "srp_Cyrl" not in Languages.of(["srp_Latn"])
    with pytest.raises(LusiferError, match="no task asked for has the language 'hin_Deva'"):
        evaluate(Oracle(), suite, ["tatoeba"], ["de", "hin_Deva"])
    with pytest.raises(LusiferError, match="no language is called 'klingon'"):
        evaluate(Oracle(), suite, ["tatoeba"], ["klingon"])
    with pytest.raises(LusiferError, match="no language is called 'qq'"):
        Languages.of(["qq"])


class Bad(Oracle):
    def __init__(self, vectors: object) -> None:
        super().__init__()
        self.vectors = vectors

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        made = super().encode(texts, prompt=prompt)
        if self.vectors == "nan":
            made[-1] = np.nan
        return (
            made[:, :3]
            if self.vectors == "narrow"
            else made * 2
            if self.vectors == "long"
            else made[:-1]
            if self.vectors == "few"
            else made
        )


@pytest.mark.parametrize(
    ("how", "what"),
    [("nan", "length nan"), ("narrow", "shape"), ("long", "length 2, not 1"), ("few", "shape")],
)
def test_a_model_that_gives_no_vectors_is_told(suite: Path, how: str, what: str) -> None:
    with pytest.raises(ModelError, match=what):
        evaluate(Bad(how), suite, ["mgsm"])


def test_missing_broken_empty_and_one_class_files_are_told(suite: Path) -> None:
    def write(name: str, text: str) -> None:
        (suite / name).write_bytes(lzma.compress(text.encode()))

    write(
        "classification/banking77_en.tsv.xz",
        "eng_Latn\ttrain\tone\tx #a\neng_Latn\ttest\tone\tx #b\n",
    )
    with pytest.raises(
        LusiferError, match="banking77, eng_Latn: has one class; two or more are needed"
    ):
        evaluate(Oracle(), suite, ["banking77"])
    write("bitext_eval/mgsm.tsv.xz", "")
    with pytest.raises(DataError, match=r"mgsm\.tsv\.xz"):
        evaluate(Oracle(), suite, ["mgsm"])
    write("bitext_eval/mgsm.tsv.xz", "deu_Latn\tone column too few\n")
    with pytest.raises(DataError, match=r"mgsm\.tsv\.xz:1"):
        evaluate(Oracle(), suite, ["mgsm"])
    (suite / "bitext_eval" / "tatoeba.tsv.xz").unlink()
    with pytest.raises(DataError, match="no such file"):
        evaluate(Oracle(), suite, ["tatoeba"])


def test_the_usual_36_languages(shared_data: Path) -> None:
    rows = (
        r.values["language"]
        for r in read_rows(
            str(shared_data / "bitext_eval/tatoeba.tsv.xz"), ["language", "_", "_", "_"]
        )
    )
    assert len(set(TATOEBA_36)) == 36
    assert set(TATOEBA_36) <= set(rows)
