"""The verbs of curation: files in, a JSONL file and its report out, a mistake told before work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lusifer.curation.chat import Endpoint
from lusifer.curation.negatives import Mining
from lusifer.curation.steps import (
    filter_pairs,
    mine_negatives,
    preview,
    structure_pairs,
    synthesize_pairs,
)
from lusifer.errors import ConfigError, DataError, LusiferError
from tests.conftest import TEXTS, make_table
from tests.curation.chat_server import ChatServer

PAIRS = [
    ("deu_Latn", "Wo ist der Bahnhof?", "Der Bahnhof liegt hinter dem Markt."),
    ("deu_Latn", "Wo ist der Bahnhof?", "Вокзал находится за рынком."),
    ("jpn_Jpan", "駅はどこですか。", "駅は古い市場の裏にあります。"),
    ("jpn_Jpan", "駅はどこですか。", "駅は古い市場の裏にあります。"),
]


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def pairs(tmp_path: Path) -> str:
    file = tmp_path / "pairs.tsv"
    file.write_text("".join("\t".join(pair) + "\n" for pair in PAIRS), encoding="utf-8")
    return str(file)


COLUMNS = ["language", "query", "document"]


def test_a_filter_writes_what_passes_and_says_what_did_not(pairs: str, tmp_path: Path) -> None:
    report = filter_pairs([pairs], tmp_path / "out.jsonl", columns=COLUMNS, scripts=True)
    names = ("language", "query", "document")
    assert read(tmp_path / "out.jsonl") == [dict(zip(names, PAIRS[i], strict=True)) for i in (0, 2)]
    assert report.dropped == {"document not in the script Latn": 1, "an exact duplicate": 1}
    told = json.loads((tmp_path / "out.jsonl.report.json").read_text(encoding="utf-8"))
    assert (told["read"], told["written"], told["settings"]["scripts"]) == (4, 2, True)


def test_languages_are_not_judged_where_no_row_names_one(pairs: str, tmp_path: Path) -> None:
    judges: list[dict[str, Any]] = [{"scripts": True}, {"languages": True}]
    for judge in judges:
        said = rf"pairs\.tsv:1: no column 'language', which {next(iter(judge))} judges by"
        with pytest.raises(DataError, match=said):
            filter_pairs(
                [pairs], tmp_path / "out.jsonl", columns=["_", "query", "document"], **judge
            )
    assert not (tmp_path / "out.jsonl").exists()


def test_negatives_are_of_the_file_s_own_passages(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    rows = [{"question": f"{text}?", "document": text} for text in TEXTS]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    report = mine_negatives(
        [str(file)],
        tmp_path / "out.jsonl",
        str(make_table(tmp_path / "table")),
        Mining(2, relative_margin=None),
        rename={"question": "query"},
    )
    found = read(tmp_path / "out.jsonl")
    assert [row["document"] for row in found] == TEXTS, "rows keep their order"
    assert report.written == len(TEXTS)
    for row in found:
        assert len({row["document"], row["negative"], row["negative_2"]} & set(TEXTS)) == 3


@pytest.mark.parametrize(
    "verb",
    [
        lambda files, into: filter_pairs(files, into),
        lambda files, into: mine_negatives(files, into, "static"),
        lambda files, into: mine_negatives(["other.tsv"], into, "static", corpus=files),
        lambda files, into: filter_pairs(["other.tsv"], into, against=files),
        lambda files, into: synthesize_pairs(files, into, "ask", Endpoint("http://x#m")),
        lambda files, into: structure_pairs(files, into),
    ],
    ids=["filter", "negatives", "corpus", "against", "synthesize", "structure"],
)
def test_a_file_that_is_read_is_not_written_over(
    verb: Callable[[list[str], Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"query": "q", "document": "d"}\n', encoding="utf-8")
    (tmp_path / "other.tsv").write_text("query\tdocument\na\tb\n", encoding="utf-8")
    with pytest.raises(LusiferError, match="would be overwritten; name another output"):
        verb([str(tmp_path / "*.jsonl")], file)
    with pytest.raises(LusiferError, match=r"name it with \.jsonl at the end"):
        verb([str(file)], tmp_path / "out.tsv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.tsv", "pairs.jsonl"]


def test_a_preview_asks_nothing_and_shows_the_first_prompt(texts: Path, server: ChatServer) -> None:
    files = [str(texts / "texts.txt")]
    cost, prompt = preview(files, "ask", languages=["swh_Latn"], limit=3, prices=(1.0, 2.0))
    assert cost.requests == 3
    assert TEXTS[0] in prompt
    assert TEXTS[1] not in prompt
    limited: tuple[tuple[dict[str, Any], str], ...] = (
        ({"prices": (1.0, 2.0), "max_dollars": 0.0}, r"more than \$0"),
        ({"max_dollars": 1.0}, "a limit of cost needs prices"),
    )
    for settings, refused in limited:
        with pytest.raises(LusiferError, match=refused):
            synthesize_pairs(
                files,
                texts / "out.jsonl",
                "ask",
                Endpoint(server.url),
                languages=["swh_Latn"],
                **settings,
            )
    assert server.asked == []
    for wrong, kind, said in (
        ({"limit": 0}, LusiferError, "limit is 0; it must be 1 or more"),
        ({"template": "riddle"}, ConfigError, "no template is called 'riddle'"),
    ):
        with pytest.raises(kind, match=said):
            preview(files, **({"template": "ask"} | wrong))


def test_the_structure_of_documents_in_several_scripts_is_written_with_a_report(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.md").write_text(
        "# Хлеб\n\nХлеб пекут в старой печи за мельницей.\n\n# パン\n\nパンは水車小屋の裏にある古いかまどで毎朝焼かれています。\n",
        encoding="utf-8",
    )
    report = structure_pairs([str(tmp_path / "*.md")], tmp_path / "out.jsonl")
    found = read(tmp_path / "out.jsonl")
    assert {row["query"] for row in found} >= {"Хлеб", "パン"}
    assert report.written == len(found)
    assert (tmp_path / "out.jsonl.report.json").exists()
