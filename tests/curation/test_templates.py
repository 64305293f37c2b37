"""What an LLM is asked, template by template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lusifer.curation.chat import Endpoint
from lusifer.curation.steps import synthesize_pairs
from lusifer.curation.templates import load_template, template_names
from lusifer.errors import ConfigError
from tests.conftest import TEXTS
from tests.curation.chat_server import ChatServer, obedient
from tests.curation.test_synthesize import written


@pytest.mark.parametrize("template", template_names())
def test_every_template_makes_pairs(texts: Path, server: ChatServer, template: str) -> None:
    server.say = lambda prompt: obedient(prompt).replace('"answer": "answer of ', '"answer": "')
    if "query" in load_template(template).needs:
        rows = [{"query": text[:12], "document": text} for text in TEXTS]
        (texts / "texts.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
        (texts / "texts.txt").unlink()
        (texts / "texts.jsonl").rename(texts / "texts.txt.jsonl")
        report = synthesize_pairs(
            [str(texts / "texts.txt.jsonl")],
            texts / "out.jsonl",
            template,
            Endpoint(server.url),
            languages=["eng_Latn"],
        )
    else:
        _, report = written(texts, server, template)
    assert report.written == len(TEXTS), report.dropped


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"row": {"query": "query"}}, "row must hold query and document"),
        ({"row": {"query": "query", "document": "passage"}}, "row.document is 'passage'"),
        ({"user": "{who}"}, "a field 'who'"),
        ({"within": ["text"]}, "within names 'text'"),
        ({"task": "poetry"}, "must be one of"),
    ],
)
def test_a_wrong_template_is_one_line(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    template = {
        "name": "mine",
        "task": "retrieval",
        "about": "x",
        "user": "{text}",
        "answer": ["query"],
        "row": {"query": "query", "document": "text"},
    }
    (tmp_path / "mine.yaml").write_text(json.dumps(template | change), encoding="utf-8")
    with pytest.raises(ConfigError, match=said):
        load_template(str(tmp_path / "mine.yaml"))
    with pytest.raises(ConfigError, match="no template is called 'mine'"):
        load_template("mine")
    with pytest.raises(ConfigError, match="no control 'mood'"):
        load_template("ask", {"mood": ["good"]})
