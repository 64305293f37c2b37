"""`lusifer curate` from the outside: what it prints, what it leaves, how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import refused, run
from tests.conftest import TEXTS, make_table


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    lines = [f"eng_Latn\t{text} Really?\t{text}" for text in TEXTS] + [
        "eng_Latn\t\tno question",
        "eng_Latn\tsame\tsame",
    ]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    make_table(tmp_path)
    return tmp_path


def test_negatives_then_filter(pairs: Path) -> None:
    shape = ("--columns", "language,question,document", "--rename", "question=query")
    done = run(
        "curate",
        "negatives",
        "pairs.tsv",
        "-o",
        "mined.jsonl",
        "-m",
        "model",
        "-n",
        "2",
        *shape,
        cwd=pairs,
    )
    assert done.returncode == 0, done.stderr
    assert "wrote mined.jsonl: 16 of 18 rows" in done.stdout
    assert "the query is its own document" in done.stdout
    rows = [
        json.loads(line)
        for line in (pairs / "mined.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert all(len({row["document"], row["negative"], row["negative_2"]}) == 3 for row in rows)
    report = json.loads((pairs / "mined.jsonl.report.json").read_text(encoding="utf-8"))
    assert report["settings"]["relative_margin"] == 0.05
    assert report["settings"]["model"] == "model"
    (pairs / "dev.tsv").write_text(TEXTS[4] + "\n", encoding="utf-8")
    done = run(
        "curate",
        "filter",
        "mined.jsonl",
        "-o",
        "clean.jsonl",
        "-m",
        "model",
        "--top-k",
        "5",
        "--against",
        "dev.tsv",
        cwd=pairs,
    )
    assert done.returncode == 0, done.stderr
    kept = [
        json.loads(line)
        for line in (pairs / "clean.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(kept) == 15
    assert set(kept[0]) == {"query", "document", "negative", "negative_2", "scores", "language"}
    (dropped,) = [
        json.loads(line)
        for line in (pairs / "clean.jsonl.dropped.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert dropped["reason"] == "a text of dev.tsv"
    assert (dropped["path"], dropped["line"]) == ("mined.jsonl", 5)


def test_a_prompt_is_shown_before_anything_is_paid(pairs: Path) -> None:
    (pairs / "t.txt").write_text(TEXTS[0] + "\n", encoding="utf-8")
    done = run(
        "curate",
        "synthesize",
        "t.txt",
        "-o",
        "x.jsonl",
        "--dry-run",
        "--languages",
        "deu_Latn",
        "--price-in",
        "1",
        cwd=pairs,
    )
    assert done.returncode == 0, done.stderr
    assert TEXTS[0] in done.stdout
    assert "1 requests, about" in done.stdout
    assert "summarise-then-ask" in run("curate", "templates").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["negatives", "none.tsv", "-o", "x.jsonl", "--columns", "query,document"], "no such file"),
        (["negatives", "pairs.tsv", "-o", "x.jsonl"], "name its columns"),
        (
            ["negatives", "pairs.tsv", "-o", "x.tsv", "--columns", "_,query,document"],
            "name it with .jsonl",
        ),
        (
            ["negatives", "pairs.tsv", "-o", "x.jsonl", "--columns", "_,question,document"],
            "no column 'query'",
        ),
        (
            ["negatives", "pairs.tsv", "-o", "x.jsonl", "--columns", "_,query,document", "-n", "0"],
            "1 or more",
        ),
        (
            [
                "negatives",
                "pairs.tsv",
                "-o",
                "x.jsonl",
                "--columns",
                "_,query,document",
                "--sampling",
                "best",
            ],
            "one of top, random",
        ),
        (["negatives", "pairs.tsv", "-o", "x.jsonl", "--rename", "a"], "write it with an ="),
        (
            ["synthesize", "pairs.tsv", "-o", "x.jsonl", "--columns", "text"],
            "say which LLM with --endpoint",
        ),
        (
            [
                "synthesize",
                "pairs.tsv",
                "-o",
                "x.jsonl",
                "--endpoint",
                "http://127.0.0.1:9/v1#m",
                "--columns",
                "a",
            ],
            "needs a column 'text'",
        ),
        (
            [
                "synthesize",
                "pairs.tsv",
                "-o",
                "x.jsonl",
                "--endpoint",
                "http://127.0.0.1:9/v1#m",
                "--columns",
                "text",
            ],
            "no column 'language'",
        ),
        (
            ["synthesize", "pairs.tsv", "-o", "x.jsonl", "-t", "nope", "--dry-run"],
            "no template is called 'nope'",
        ),
        (
            ["synthesize", "pairs.tsv", "-o", "x.jsonl", "-t", "structure"],
            "no structure that is known",
        ),
        (
            ["synthesize", "pairs.tsv", "-o", "x.jsonl", "-t", "structure", "--dry-run"],
            "takes no --dry-run",
        ),
        (
            ["synthesize", "pairs.tsv", "-o", "x.jsonl", "--control", "tone", "--dry-run"],
            "--control tone: write it with an =",
        ),
        (["templates", "nope"], "no template is called 'nope'"),
        (
            [
                "filter",
                "pairs.tsv",
                "-o",
                "x.jsonl",
                "--columns",
                "_,query,document",
                "--top-k",
                "0",
            ],
            "1 or more",
        ),
        (
            [
                "filter",
                "pairs.tsv",
                "-o",
                "x.jsonl",
                "--columns",
                "_,query,document",
                "--duplicates",
                "some",
            ],
            "exact, near, keep",
        ),
        (
            [
                "filter",
                "pairs.tsv",
                "-o",
                "x.jsonl",
                "--columns",
                "_,query,document",
                "--min-chars",
                "999",
            ],
            "no row is left of 18",
        ),
    ],
)
def test_a_refusal_is_one_line_and_leaves_nothing(
    pairs: Path, arguments: list[str], said: str
) -> None:
    assert said in refused("curate", *arguments, cwd=pairs)
    assert not list(pairs.glob("x.*"))
