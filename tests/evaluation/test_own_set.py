"""A file of the user's own is asked as the local sets are, and a wrong line is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import DataError, LusiferError
from lusifer.evaluation import Bitext, task_from_file
from lusifer.evaluation.own_set import KINDS, questions
from tests.evaluation.oracle import Oracle

PAIRS = [(f"one #{a}", f"two #{b}", int(a == b)) for a in "abcd" for b in "abcd"]


def jsonl(file: Path, rows: list[dict[str, object]]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def scores(task: object) -> dict[tuple[str, str], float]:
    found = lusifer.evaluate(Oracle(), ".", [task])  # type: ignore[list-item]
    return {(s.language, s.metric): s.value for s in found}


def test_pairs_of_translations_are_those_of_a_task_in_python(tmp_path: Path) -> None:
    rows = [{"english": f"e #{c}", "text": f"d #{c if c != 'a' else 'b'}", "language": "deu_Latn"} for c in "abcd"]  # fmt: skip
    task = task_from_file(jsonl(tmp_path / "faq.jsonl", rows), "bitext")
    plain = Bitext("faq-bitext", (), lambda root: {"deu_Latn": rows})  # type: ignore[arg-type, return-value]
    assert task.name == "faq-bitext"
    assert scores(task) == scores(plain)
    assert scores(task)["deu_Latn", "to English"] == 0.75


def test_questions_and_their_documents(tmp_path: Path) -> None:
    rows = [{"query": f"q{i} #{c}", "document": f"d{i} #{c}"} for i, c in enumerate("abcabc")]
    rows += [{"query": "q0 #a", "document": "another #a"}]
    file = jsonl(tmp_path / "faq.jsonl", rows)
    alone = scores(task_from_file(file, "retrieval", language="hi"))
    assert alone["hin", "recall@10 own"] == 1.0
    (tmp_path / "more.txt").write_text("".join(f"x{i} #a\n" for i in range(40)), encoding="utf-8")
    searched = task_from_file(file, "retrieval", language="hi", corpus=tmp_path / "more.txt")
    among = scores(searched)
    assert among["hin", "recall@10 own"] < 1.0, "forty documents more are as near"
    english = scores(task_from_file(file, "retrieval"))
    assert english["eng_Latn", "recall@10"] == 1.0


def test_a_query_s_documents_are_all_right() -> None:
    rows = {
        "deu_Latn": [
            {"query": "q", "document": "a"},
            {"query": "q", "document": "b"},
            {"query": "r", "document": "a"},
            {"query": "q", "document": "a"},
        ]
    }
    more = {
        "deu_Latn": [{"document": "b"}, {"document": "c"}],
        "eng_Latn": [{"document": "z"}],
        "": [{"document": "everywhere"}],
    }
    found = questions(rows, more)
    assert [row["text"] for row in found.queries["deu_Latn"]] == ["q", "r"]
    passages = {row["id"]: row["text"] for row in found.passages["deu_Latn"]}
    assert list(passages.values()) == ["a", "b", "c", "everywhere"]
    right = [[passages[i] for i in own] for own in found.relevant["deu_Latn"].values()]
    assert right == [["a", "b"], ["a"]]
    assert [row["text"] for row in found.passages["eng_Latn"]] == ["z"]


def test_a_question_is_not_answered_by_another_language_s_of_the_same_number(
    tmp_path: Path,
) -> None:
    rows = [{"query": f"q {c} #{c}", "document": f"d #{c}", "language": "en"} for c in "abc"]
    rows += [{"query": f"f {c} #{c}", "document": f"g #{c}", "language": "deu_Latn"} for c in "cab"]
    found = scores(task_from_file(jsonl(tmp_path / "faq.jsonl", rows), "retrieval"))
    german = {metric for language, metric in found if language == "deu_Latn"}
    assert german == {"nDCG@10 own", "recall@10 own", "MRR@10 own"}, "English holds no answer to it"
    assert found["deu_Latn", "MRR@10 own"] == 1.0
    (tmp_path / "more.txt").write_text("x #a\ny #b\n", encoding="utf-8")
    more = task_from_file(tmp_path / "faq.jsonl", "retrieval", corpus=tmp_path / "more.txt")
    assert scores(more)["deu_Latn", "MRR@10 own"] < 1.0, "they are searched in German too"


def test_codes_and_blanks_are_made_one(tmp_path: Path) -> None:
    rows = [{"query": f"q #{a} ", "text": f" t #{b}", "label": f" {int(a == b)}", "language": code} for code in ("de", "deu", " deu ") for a in "ab" for b in "ab"]  # fmt: skip
    (found,) = lusifer.evaluate(
        Oracle(), ".", [task_from_file(jsonl(tmp_path / "r.jsonl", rows), "reranking")]
    )
    assert (found.language, found.n) == ("deu", 2)


def test_all_of_a_long_file_is_searched(tmp_path: Path) -> None:
    rows = [{"english": f"e{i} #{'abcdefgh'[i % 8]}", "text": f"t{i} #{'abcdefgh'[i % 8]}"} for i in range(1200)]  # fmt: skip
    task = task_from_file(jsonl(tmp_path / "long.jsonl", rows), "bitext", language="de")
    assert {s.n for s in lusifer.evaluate(Oracle(), ".", [task])} == {1200}


def test_pairs_with_scores_and_labels(tmp_path: Path) -> None:
    rows = [{"a": a, "b": b, "score": 5.0 * same, "label": same} for a, b, same in PAIRS]
    file = jsonl(tmp_path / "pairs.jsonl", rows)
    assert scores(task_from_file(file, "sts"))["eng_Latn", "spearman"] == pytest.approx(1)
    assert scores(task_from_file(file, "pairclassification"))["eng_Latn", "AP"] == pytest.approx(1)
    tsv = tmp_path / "pairs.tsv"
    tsv.write_text("".join(f"{5 * same}\tx\t{a}\t{b}\n" for a, b, same in PAIRS), encoding="utf-8")
    task = task_from_file(tsv, "sts", columns=["points", "_", "a", "b"], rename={"points": "score"})
    assert scores(task)["eng_Latn", "spearman"] == pytest.approx(1)


def test_labels_and_answers(tmp_path: Path) -> None:
    rows = [{"text": f"{i} @{'yz'[i % 2]}", "label": "yz"[i % 2], "language": "hin_Deva"} for i in range(60)]  # fmt: skip
    file = jsonl(tmp_path / "labels.jsonl", rows)
    alone = scores(task_from_file(file, "classification"))
    assert alone == {("hin_Deva", "accuracy"): 1.0}, "taught by itself, without English"
    assert scores(task_from_file(file, "clustering"))["hin_Deva", "V-measure"] == pytest.approx(1)
    split = [row | {"split": "train" if i < 40 else "test"} for i, row in enumerate(rows)]
    task = task_from_file(jsonl(tmp_path / "split.jsonl", split), "classification")
    (found,) = lusifer.evaluate(Oracle(), ".", [task])
    assert found.n == 20
    asked = [{"query": a, "text": b, "label": same} for a, b, same in PAIRS]
    task = task_from_file(jsonl(tmp_path / "asked.jsonl", asked), "reranking")
    assert scores(task)["eng_Latn", "mAP"] == pytest.approx(1)


def test_each_row_without_a_split_is_tested_on_or_not_whatever_the_order(tmp_path: Path) -> None:
    rows = [{"text": f"text {i} @{'yz'[i % 2]}", "label": "yz"[i % 2]} for i in range(100)]
    tested = []
    for order in (rows, rows[::-1]):
        task = task_from_file(jsonl(tmp_path / f"{len(tested)}.jsonl", order), "classification")
        read = task.read(tmp_path)  # type: ignore[attr-defined]
        tested.append({row["text"] for row in read["eng_Latn"] if row["split"] == "test"})
    assert tested[0] == tested[1]
    assert 8 < len(tested[0]) < 35


def test_a_file_that_changes_is_another_result(tmp_path: Path) -> None:
    from lusifer.evaluation.run import run
    from lusifer.models.load import LoadedModel

    model = LoadedModel("m", "1" * 16, Oracle())
    rows = [{"a": a, "b": b, "score": same} for a, b, same in PAIRS]
    for wanted, part in ((False, rows), (True, rows), (False, rows[:9])):
        task = task_from_file(jsonl(tmp_path / "own.jsonl", part), "sts")  # type: ignore[arg-type]
        (outcome,) = run(model, ".", tmp_path / "results", [task])
        assert outcome.reused == wanted
        assert np.isfinite(outcome.scores[0].value)
    task = task_from_file(tmp_path / "own.jsonl", "sts", language="hi")
    (outcome,) = run(model, ".", tmp_path / "results", [task])
    assert not outcome.reused, "its rows are read as another language's"


@pytest.mark.parametrize(
    ("kind", "rows", "line"),
    [
        ("sts", [{"a": "x", "b": "y", "score": "1"}, {"a": "x", "b": "y", "score": "high"}], r"2: its score is 'high'; it must be a number"),
        ("sts", [{"a": "x", "b": "y", "score": "nan"}], r"1: its score is 'nan'"),
        ("pairclassification", [{"a": "x", "b": "y", "label": "yes"}], r"1: its label is 'yes'; it must be 1 or 0"),
        ("classification", [{"text": "x", "label": "l", "split": "eval"}], "must be train, dev or test"),
        ("bitext", [{"english": "x", "text": " "}], "1: its column 'text' is empty"),
        ("bitext", [{"english": "x", "text": "y"}], "all of its rows are English; name the language of the translations"),
        ("classification", [{"text": "x", "label": "l"}], "has no row to test on"),
        ("retrieval", [{"question": "x", "document": "y"}], "has no column 'query', which retrieval wants; its columns are question, document"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(kind: str, rows: list[dict[str, object]], line: str, tmp_path: Path) -> None:  # fmt: skip
    task = task_from_file(jsonl(tmp_path / "own.jsonl", rows), kind)
    with pytest.raises(LusiferError, match=line):
        lusifer.evaluate(Oracle(), ".", [task])


def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        LusiferError, match=f"no kind of set is called 'qa'; there are: {', '.join(KINDS)}"
    ):
        task_from_file("x.tsv", "qa")
    with pytest.raises(LusiferError, match="a corpus is searched by retrieval"):
        task_from_file("x.tsv", "sts", corpus="y.txt")
    with pytest.raises(LusiferError, match="no language is called 'Hindi'"):
        task_from_file("x.tsv", "sts", language="Hindi")
    with pytest.raises(DataError, match="no such file"):
        lusifer.evaluate(Oracle(), ".", [task_from_file(tmp_path / "none.jsonl", "sts")])
    names = [
        task_from_file(tmp_path / n, "sts").name for n in ("model.csv", "v.2.tsv.xz", "v.3.tsv")
    ]
    assert names == ["model-sts", "v-2-sts", "v-3-sts"], "no two files, nor a run's own, share one"
