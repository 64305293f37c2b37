"""Synthetic pairs against a server that fails in every way: nothing hangs, nothing is paid twice,
what is malformed is counted.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lusifer.curation.chat import Answer, Endpoint
from lusifer.curation.report import CurationReport
from lusifer.curation.steps import preview, synthesize_pairs
from lusifer.curation.synthesize import Order, read
from lusifer.curation.templates import load_template
from lusifer.data.formats import Row
from lusifer.errors import LusiferError
from lusifer.text.names import english_name
from tests.conftest import TEXTS
from tests.curation.chat_server import ChatServer, obedient


def written(
    folder: Path, server: ChatServer, template: str = "ask", **more: Any
) -> tuple[list[dict[str, Any]], CurationReport]:
    settings = {name: more.pop(name) for name in ("concurrency", "rpm", "timeout") if name in more}
    endpoint = Endpoint(server.url, **({"timeout": 0.5} | settings))
    report = synthesize_pairs(
        [str(folder / "texts.txt")],
        folder / "out.jsonl",
        template,
        endpoint,
        languages=["eng_Latn"],
        **more,
    )
    return [
        json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ], report


def test_pairs_come_in_the_texts_order_with_several_requests_at_once(
    texts: Path, server: ChatServer
) -> None:
    server.slow = 0.25  # long enough that a busy machine, too, has two under way
    rows, report = written(texts, server, concurrency=4)
    assert [row["document"] for row in rows] == TEXTS
    assert [row["query"] for row in rows] == [f"query of {text[:30]}".strip() for text in TEXTS]
    assert set(rows[0]) == {"query", "document", "language", "template"}
    assert 2 <= server.most_at_once <= 4
    assert report.more["tokens"] == {"in": 160, "out": 80, "asked now": 16}
    assert not list(texts.glob(".out*"))
    assert server.asked[0]["model"] == "tiny"
    again, _ = written(texts, server)
    assert again == rows  # the same controls are drawn again


def test_garbage_is_counted_and_dropped(texts: Path, server: ChatServer) -> None:
    server.faults = [
        (200, "<html>", {}),
        (200, '{"choices": []}', {}),
        (200, '{"choices": [{"message": {"content": null}}]}', {}),
    ]
    rows, report = written(texts, server, concurrency=1)
    assert len(rows) == 13
    assert report.dropped == {"no answer in the chat format": 3}
    bad = iter(
        [
            "no json",
            '{"query": ""}',
            '{"query": 7}',
            "{not json}",
            '{"other": "x"}',
            '{"query": "' + "x" * 5000 + '"}',
        ]
    )
    server.say = lambda prompt: next(bad, None) or obedient(prompt)
    rows, report = written(texts, server, concurrency=1, seed=1)
    assert report.dropped == {
        "a part of the answer is missing": 3,
        "not the JSON that was asked for": 2,
        "a part of the answer is too long": 1,
    }
    assert len(rows) == 10


@pytest.mark.parametrize(
    ("text", "language", "fault"),
    [
        (
            '{"question": "Wer bäckt das Brot am Morgen?", "answer": "She bakes bread every morning"}',
            "deu_Latn",
            "",
        ),
        (
            '{"question": "Who?", "answer": "He bakes bread"}',
            "eng_Latn",
            "not word for word from the text",
        ),
        (
            '{"question": "She bakes bread every morning before sunrise.", "answer": "She bakes bread"}',
            "eng_Latn",
            "copied from the text",
        ),
        (
            '{"question": "Who bakes bread?", "answer": "She bakes bread"}',
            "hin_Deva",
            "not in the script asked for",
        ),
        (
            '{"question": "Who bakes all of the bread in the morning, long before the sun comes up over the town?", "answer": "She bakes"}',
            "deu_Latn",
            "not in the language asked for",
        ),
        (
            '{"question": "SHE bakes", "answer": "She bakes"}',
            "xyz_Latn",
            "two parts of the pair are the same",
        ),
    ],
)
def test_an_answer_must_be_what_was_asked(text: str, language: str, fault: str) -> None:
    template = load_template("question-and-answer")
    order = Order(Row("t", 1, {"text": TEXTS[1]}), language, {}, [])
    pair, found = read(Answer(text), order, template)
    assert found == fault
    assert (pair is None) == bool(fault)


def test_killed_at_any_moment_it_goes_on_and_pays_once(texts: Path, server: ChatServer) -> None:
    """The process is killed outright while requests are under way; these alone may be asked twice."""
    server.slow = 0.1
    command = [
        *(
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "lusifer",
            "curate",
            "synthesize",
            "texts.txt",
            "-o",
            "out.jsonl",
            "-t",
            "ask",
        ),
        *("--languages", "eng_Latn", "--endpoint", server.url, "--concurrency", "2"),
    ]
    killed = 0
    for wanted in (3, 9):
        process = subprocess.Popen(
            command, cwd=texts, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
        )
        while len(server.asked) < wanted and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        killed += 1
        assert not (texts / "out.jsonl").exists()
    done = subprocess.run(
        command, cwd=texts, capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    rows = [
        json.loads(line) for line in (texts / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["document"] for row in rows] == TEXTS
    assert len(server.asked) <= len(TEXTS) + killed * 2
    assert "16 requests, about" in done.stderr


def test_the_estimate_comes_first_and_can_stop_it(texts: Path, server: ChatServer) -> None:
    cost, prompt = preview(
        [str(texts / "texts.txt")], "ask", languages=["deu_Latn"], prices=(1.0, 2.0)
    )
    assert cost.requests == 16
    assert cost.dollars == pytest.approx((cost.prompt_tokens + 2 * cost.answer_tokens) / 1e6)
    assert "in German" in prompt
    assert TEXTS[0] in prompt
    with pytest.raises(LusiferError, match="more than \\$0"):
        written(texts, server, prices=(1.0, 1.0), max_dollars=0.0)
    with pytest.raises(LusiferError, match="needs prices"):
        written(texts, server, max_dollars=1.0)
    assert server.asked == []


def test_exemplars_controls_and_languages_reach_the_prompt(texts: Path, server: ChatServer) -> None:
    (texts / "shots.jsonl").write_text(
        json.dumps({"query": "old market?", "document": "There is one."}) + "\n", encoding="utf-8"
    )
    rows, _ = written(
        texts,
        server,
        exemplars=str(texts / "shots.jsonl"),
        controls={"persona": ["a pilot"]},
        limit=2,
    )
    assert len(rows) == 2
    assert all(
        "Query: old market?" in a["messages"][-1]["content"]
        and "a pilot" in a["messages"][-1]["content"]
        for a in server.asked
    )
    assert english_name("zho_Hant") == "Chinese (traditional characters)"
    assert english_name("qqq_Latn") == "the language with the ISO 639-3 code qqq"
