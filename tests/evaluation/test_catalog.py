"""The local sets: chosen by name and kind, and read as their columns say."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from lusifer.errors import DataError, LusiferError
from lusifer.evaluation.catalog import (
    SIB,
    TASKS,
    chosen_tasks,
    judged,
    labelled_pairs,
    questions,
    rows,
    sib_bitext,
)
from lusifer.evaluation.tasks.kinds import Bitext


def write(root: Path, name: str, *lines: tuple[object, ...]) -> str:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join("\t".join(map(str, line)) + "\n" for line in lines)
    file.write_bytes(lzma.compress(text.encode()))
    return name


def test_tasks_by_name_and_by_kind() -> None:
    assert [t.name for t in chosen_tasks(["reranking", "trecqa", "tatoeba"])] == [
        "trecqa",
        "trecqa-dev",
        "tatoeba",
    ]
    assert {t.name for t in chosen_tasks(["bitext"])} == {
        "tatoeba",
        "ntrex",
        "sib200-bitext",
        "mgsm",
    }
    with pytest.raises(LusiferError, match="no local task 'tatoba'; there are: english, tatoeba"):
        chosen_tasks(["tatoba"])


def test_a_kind_may_be_written_as_one_likes_and_no_task_comes_twice() -> None:
    assert {task.kind for task in chosen_tasks(["STS"])} == {"STS"}
    assert chosen_tasks(["Retrieval"]) == chosen_tasks(["retrieval", "xquad", "squad"])
    own = Bitext("mine", (), lambda root: {})
    assert chosen_tasks([own, "ntrex", own]) == [own, TASKS["ntrex"]]
    assert chosen_tasks(None) == list(TASKS.values())
    assert chosen_tasks([]) == []


def test_every_task_names_a_file_below_the_suite_and_who_may_have_seen_it() -> None:
    for name, task in TASKS.items():
        assert name == task.name
        assert task.files
        assert all(file.endswith(".tsv.xz") for file in task.files)
        assert task.overlaps
        assert all(source == source.lower() and "/" not in source for source in task.overlaps), name


def test_rows_are_grouped_by_language_in_their_order_and_of_one_split(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "a.tsv.xz",
        ("jpn_Jpan", "test", "駅"),
        ("arb_Arab", "train", "محطة"),
        ("jpn_Jpan", "train", "市場"),
        ("jpn_Jpan", "test", "川"),
    )
    groups = rows(tmp_path, file, "language split text", split="test")
    assert {k: [row["text"] for row in found] for k, found in groups.items()} == {
        "jpn_Jpan": ["駅", "川"]
    }
    assert list(rows(tmp_path, file, "_ _ text")) == ["eng_Latn"]
    with pytest.raises(DataError, match=r"b\.tsv\.xz: no such file"):
        rows(tmp_path, "b.tsv.xz", "text")


def test_translations_are_joined_by_number_and_not_by_place(tmp_path: Path) -> None:
    write(
        tmp_path,
        SIB,
        ("hin_Deva", "train", 10, "x", "नदी"),
        ("eng_Latn", "test", 2, "x", "station"),
        ("hin_Deva", "dev", 2, "x", "स्टेशन"),
        ("eng_Latn", "train", 10, "x", "river"),
        ("hin_Deva", "train", 11, "x", "alone"),
    )
    joined = sib_bitext(tmp_path)
    assert joined["hin_Deva"] == [
        {"english": "station", "text": "स्टेशन"},
        {"english": "river", "text": "नदी"},
    ]


def test_a_set_without_english_is_told_by_its_file(tmp_path: Path) -> None:
    write(
        tmp_path, SIB, ("hin_Deva", "train", 10, "x", "नदी"), ("tha_Thai", "dev", "1a", "x", "น้ำ")
    )
    with pytest.raises(DataError, match="has no rows of eng_Latn"):
        sib_bitext(tmp_path)


def test_numbers_that_are_none_join_too(tmp_path: Path) -> None:
    write(
        tmp_path, SIB, ("tha_Thai", "dev", "1a", "x", "น้ำ"), ("eng_Latn", "dev", "1a", "x", "water")
    )
    assert sib_bitext(tmp_path)["tha_Thai"] == [{"english": "water", "text": "น้ำ"}]


def test_a_grade_that_is_no_number_is_told_by_its_file(tmp_path: Path) -> None:
    asked = write(tmp_path, "q.tsv.xz", ("eng_Latn", "1", "lift"))
    passages = write(tmp_path, "p.tsv.xz", ("eng_Latn", "a", "wings"))
    grades = write(tmp_path, "g.tsv.xz", ("1", "a", "much"))
    with pytest.raises(DataError, match="the grade 'much' is no whole number"):
        judged(asked, "language id text", passages, "language id text", grades)(tmp_path)


def test_what_is_judged_relevant_is_there_and_of_a_grade(tmp_path: Path) -> None:
    asked = write(tmp_path, "q.tsv.xz", ("eng_Latn", "1", "lift"), ("eng_Latn", "2", "drag"))
    passages = write(
        tmp_path,
        "p.tsv.xz",
        ("eng_Latn", "a", "wings"),
        ("eng_Latn", "b", " "),
        ("eng_Latn", "c", "x"),
    )
    grades = write(
        tmp_path, "g.tsv.xz", (1, "a", 2), (1, "b", 4), (1, "c", 0), (2, "c", 1), (2, "a", -1)
    )
    read = judged(asked, "language id text", passages, "language id text", grades)
    found = read(tmp_path)
    assert [row["id"] for row in found.passages["eng_Latn"]] == ["a", "c"]
    assert found.relevant == {"eng_Latn": {"1": ["a"], "2": ["c"]}}


def test_questions_of_each_language_have_their_own_passage(tmp_path: Path) -> None:
    asked = write(
        tmp_path, "q.tsv.xz", ("deu_Latn", "1", "p", "Wo?"), ("tha_Thai", "1", "r", "ที่ไหน")
    )
    passages = write(tmp_path, "p.tsv.xz", ("deu_Latn", "p", "Dort."), ("tha_Thai", "r", "ที่นั่น"))
    found = questions(asked, "language id passage text", passages, "language id text")(tmp_path)
    assert found.relevant == {"deu_Latn": {"1": ["p"]}, "tha_Thai": {"1": ["r"]}}
    pairs = write(tmp_path, "s.tsv.xz", ("eng_Latn", "YES", "a"), ("eng_Latn", "yes", "b"))
    labels = labelled_pairs(pairs, "language label a", "YES")(tmp_path)["eng_Latn"]
    assert [row["label"] for row in labels] == ["1", "0"]
