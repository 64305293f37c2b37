"""Talking to an endpoint that fails, waits, refuses and rambles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lusifer.curation.chat import Answer, Endpoint, Journal
from lusifer.curation.synthesize import last_object
from lusifer.errors import LusiferError, ModelError
from tests.conftest import TEXTS
from tests.curation.chat_server import ChatServer
from tests.curation.test_synthesize import written


def test_faults_that_pass_are_asked_again(texts: Path, server: ChatServer) -> None:
    server.faults = [
        (429, "slow down", {"Retry-After": "0.05"}),
        (503, "", {}),
        "cut",
        "hang",
        "drip",
    ]
    rows, report = written(texts, server, concurrency=1)
    assert len(rows) == 16
    assert len(server.asked) == 16 + 5
    assert server.times[1] - server.times[0] >= 0.05  # as long as it was asked to
    assert not report.dropped


def test_a_silent_endpoint_ends_the_run_and_what_was_answered_is_not_asked_again(
    texts: Path, server: ChatServer
) -> None:
    real = server.say
    served = 0

    def say(prompt: str) -> str:
        nonlocal served
        served += 1
        if served == 6:
            server.faults = [(500, "down", {})] * 100
        return real(prompt)

    server.say = say
    with pytest.raises(ModelError, match="3 requests in a row; what was answered is kept"):
        written(texts, server, concurrency=1)
    assert not (texts / "out.jsonl").exists()
    server.faults, server.say, server.asked = [], real, []
    rows, report = written(texts, server, concurrency=1)
    assert [row["document"] for row in rows] == TEXTS
    assert len(server.asked) == 10 == report.more["tokens"]["asked now"]


def test_a_refusal_ends_the_run_at_once(texts: Path, server: ChatServer) -> None:
    server.faults = [(401, '{"error": "wrong key"}', {})] * 50
    with pytest.raises(ModelError, match=r"answered 401 .*wrong key"):
        written(texts, server, concurrency=2)
    assert len(server.asked) <= 4


def test_the_pace_is_kept(texts: Path, server: ChatServer) -> None:
    written(texts, server, concurrency=8, rpm=1200)
    gaps = [b - a for a, b in zip(server.times, server.times[1:], strict=False)]
    assert server.times[-1] - server.times[0] >= 15 * 0.05 - 0.02
    assert min(gaps) > 0.01


def test_a_journal_cut_short_loses_its_last_line_alone(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    journal = Journal(file)
    journal.put("a", Answer("one", prompt_tokens=1))
    journal.put("b", Answer("two"))
    journal.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:-4])
    again = Journal(file)
    assert again.get("a") == Answer("one", prompt_tokens=1, kept=True)
    assert again.get("b") is None
    again.put("b", Answer("two"))
    again.close()
    assert file.read_bytes() == whole


@pytest.mark.parametrize("change", [{"url": "localhost"}, {"concurrency": 0}, {"rpm": 0.0}])
def test_a_wrong_endpoint_is_one_line(change: dict[str, Any]) -> None:
    with pytest.raises(LusiferError):
        Endpoint(**({"url": "http://x/v1#m"} | change))


GOOD = '{"question": "Who bakes?", "answer": "She bakes"}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"<think>I must fill in {{question}}.</think>\n{GOOD}",
        f'<think>{{"question": "Bread?"}} is too short.</think>{GOOD}',
        f"I think {{a}} first.</think>{GOOD}",
        f"{GOOD}\n(As {{asked}}.)",
        f'{{"question": "A draft?", "answer": "no"}} No, better: {GOOD} {{"note": "done"}}',
    ],
)
def test_thoughts_and_remarks_are_not_the_answer(text: str) -> None:
    found = last_object(text, ("question", "answer"))
    assert found == {"question": "Who bakes?", "answer": "She bakes"}


@pytest.mark.parametrize("text", ["", "no", "<think>{}</think>", "{" * 5000, "[1, 2]"])
def test_an_answer_without_an_object_has_none(text: str) -> None:
    assert last_object(text, ("question",)) is None
