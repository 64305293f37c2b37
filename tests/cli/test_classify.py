"""`lusifer classify`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import refused, run
from tests.insight.conftest import labelled


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    made = labelled()
    lines = ["\t".join(row) for row in zip(made.languages, made.labels, made.texts, strict=True)]
    (tmp_path / "rows.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_train_evaluate_and_apply(rows: Path, model: str) -> None:
    columns = ("--columns", "language,label,text")
    done = run(
        "classify",
        "train",
        "rows.tsv",
        *columns,
        "--into",
        "c",
        "-m",
        model,
        "--language-column",
        "language",
        cwd=rows,
    )
    assert done.returncode == 0, done
    assert "c: 90 texts, 3 labels" in done.stdout
    assert "deu_Latn" in done.stdout
    told = run("classify", "evaluate", "c", "rows.tsv", *columns, "--json", cwd=rows)
    scores = [json.loads(line) for line in told.stdout.splitlines()]
    assert {score["metric"] for score in scores} == {"accuracy", "macro-F1"}
    found = run("classify", "c", "rows.tsv", "--columns", "_,_,text", cwd=rows)
    assert found.returncode == 0, found
    labels = [line.split("\t")[0] for line in found.stdout.splitlines()]
    assert labels == [line.split("\t")[1] for line in (rows / "rows.tsv").read_text().splitlines()]
    assert (
        run(
            "classify",
            "apply",
            "c",
            "rows.tsv",
            "--columns",
            "_,_,text",
            "-o",
            "out.jsonl",
            cwd=rows,
        ).returncode
        == 0
    )
    assert [
        json.loads(line)["label"] for line in (rows / "out.jsonl").read_text().splitlines()
    ] == labels


def test_help_and_what_is_refused(rows: Path, model: str) -> None:
    assert "train" in run("classify", "--help").stdout
    assert "no classifier here" in refused("classify", "none", "rows.tsv", cwd=rows)
    assert "must be one of logistic, mlp" in refused(
        "classify", "train", "rows.tsv", "--into", "c", "--kind", "tree", cwd=rows
    )
    assert "a TSV has no header" in refused(
        "classify", "train", "rows.tsv", "--into", "c", "-m", model, cwd=rows
    )
    (rows / "one.jsonl").write_text('{"text": "a", "label": "x"}\n{"text": "b", "label": "x"}\n')
    assert "two labels or more" in refused(
        "classify", "train", "one.jsonl", "--into", "c", "-m", model, cwd=rows
    )
    assert not (rows / "c").exists()


def test_examples(rows: Path, model: str) -> None:
    (rows / "new.txt").write_text("a boat on the sea\nthe market in town\n", encoding="utf-8")
    given = ("rows.tsv", "new.txt", "--columns", "_,label,text", "-m", model, "-k", "3")
    told = run("classify", "examples", *given, cwd=rows)
    assert told.returncode == 0, told
    shown = [json.loads(line) for line in told.stdout.splitlines()]
    assert [one["text"] for one in shown] == ["a boat on the sea", "the market in town"]
    assert all(len(one["examples"]) == 3 for one in shown)
    assert shown[0]["prompt"].endswith("Text: a boat on the sea\nLabel:")
    written = run("classify", "examples", *given, "--template", r"{text}\n-> {label}", "-o", "p.jsonl", cwd=rows)  # fmt: skip
    assert "p.jsonl: 2 texts with up to 3 examples each" in written.stdout
    prompts = [json.loads(line)["prompt"] for line in (rows / "p.jsonl").read_text().splitlines()]
    assert prompts[1].endswith("the market in town\n->")
    assert "must hold {text}" in refused(
        "classify", "examples", *given, "--template", "x", cwd=rows
    )
    assert "no such file" in refused(
        "classify", "examples", "rows.tsv", "none.txt", *given[2:], cwd=rows
    )
