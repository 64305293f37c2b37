"""`lusifer mine` as a user starts it: translations, best first, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import refused, run
from tests.conftest import TEXTS


def test_mine(tmp_path: Path, model: str) -> None:
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    (tmp_path / "b.txt").write_text(
        "\n".join([*TEXTS[3:9], "Quite another one."]), encoding="utf-8"
    )
    done = run(
        "mine", "a.txt", "b.txt", "-o", "pairs.tsv", "-m", model, "--threshold", "1.2", cwd=tmp_path
    )
    assert done.returncode == 0, done
    rows = [
        line.split("\t")
        for line in (tmp_path / "pairs.tsv").read_text(encoding="utf-8").splitlines()
    ]
    assert {(a, b) for _, a, b in rows if a == b} == {(t, t) for t in TEXTS[3:9]}
    assert [float(score) for score, _, _ in rows] == sorted(
        (float(score) for score, _, _ in rows), reverse=True
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt", "pairs.tsv"]
    assert "name it with .tsv" in refused(
        "mine", "a.txt", "b.txt", "-o", "pairs", "-m", model, cwd=tmp_path
    )


def test_unrelated_files_have_next_to_no_translations(tmp_path: Path) -> None:
    """By the model that comes along; a few lines, too."""
    german = ["Der Hund bellt.", "Montag", "Mein Bruder kauft morgen drei grüne Fahrräder."]
    (tmp_path / "a.txt").write_text("\n".join(german), encoding="utf-8")
    (tmp_path / "b.txt").write_text("seven\nknife\nThe soup is cold.\n", encoding="utf-8")
    assert run("mine", "a.txt", "b.txt", "-o", "none.tsv", cwd=tmp_path).returncode == 0
    assert (tmp_path / "none.tsv").read_text(encoding="utf-8") == ""
    own = "My brother is buying three green bicycles tomorrow."
    (tmp_path / "c.txt").write_text(f"seven\n{own}\nThe soup is cold.\n", encoding="utf-8")
    assert run("mine", "a.txt", "c.txt", "-o", "one.tsv", cwd=tmp_path).returncode == 0
    (line,) = (tmp_path / "one.tsv").read_text(encoding="utf-8").splitlines()
    assert line.split("\t")[1:] == [german[2], own]


def test_an_output_that_is_an_input_is_refused(tmp_path: Path, model: str) -> None:
    (tmp_path / "a.tsv").write_text("1\tone\n", encoding="utf-8")
    said = refused(
        "mine", "a.tsv", "a.tsv", "-o", "a.tsv", "--column", "_,text", "-m", model, cwd=tmp_path
    )
    assert "is read too, and would be overwritten" in said
    assert (tmp_path / "a.tsv").read_text(encoding="utf-8") == "1\tone\n"


def test_blank_lines_are_no_sentences_to_mine(tmp_path: Path, model: str) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("\n\n  \n".join(TEXTS[:6]) + "\n\n", encoding="utf-8")
    done = run(
        "mine", "a.txt", "b.txt", "-o", "p.tsv", "-m", model, "--threshold", "0", cwd=tmp_path
    )
    assert " of 6 and 6 sentences" in done.stdout
    rows = (tmp_path / "p.tsv").read_text(encoding="utf-8").splitlines()
    assert all(all(row.split("\t")) for row in rows)
    (tmp_path / "blank.txt").write_text("\n \n", encoding="utf-8")
    assert "blank.txt: holds no sentence" in refused(
        "mine", "a.txt", "blank.txt", "-o", "q.tsv", "-m", model, cwd=tmp_path
    )


def test_a_sentence_that_stands_twice_is_mined_once_whatever_the_format(
    tmp_path: Path, model: str
) -> None:
    twice = [*TEXTS, *(f"  {text.replace(' ', '  ')} " for text in TEXTS[:5])]
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in twice), encoding="utf-8"
    )
    (tmp_path / "b.tsv").write_text(
        "".join(f"{i}\t{text}\n" for i, text in enumerate(TEXTS)), encoding="utf-8"
    )
    (tmp_path / "b.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    asked = ("-m", model, "--threshold", "0")
    done = run("mine", "a.jsonl", "b.txt", "-o", "p.tsv", *asked, cwd=tmp_path)
    assert f" of {len(TEXTS)} and {len(TEXTS)} sentences, with a margin of 0 or more" in done.stdout
    table = ("--column", "_,text")
    assert (
        run("mine", "b.tsv", "b.tsv", "-o", "q.tsv", *table, *asked, cwd=tmp_path).returncode == 0
    )
    assert (tmp_path / "q.tsv").read_bytes() == (tmp_path / "p.tsv").read_bytes()
