"""`lusifer search`, as a user types it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from lusifer.cli import main
from tests.cli.command import refused, run, settings_restored
from tests.conftest import TEXTS


def test_index_and_search(notes: Path, tmp_path: Path, model: str) -> None:
    (notes / "bad.txt").write_bytes(b"\x00")
    done = run("index", str(notes), "--into", "index", "-m", model, cwd=tmp_path)
    assert done.returncode == 0, done
    assert "files: 4 new, 0 changed, 0 gone, 0 as they were" in done.stdout
    assert (
        done.stderr.strip()
        == f"skipped {notes / 'bad.txt'}:1: a NUL byte: binary data, not UTF-8 text"
    )
    found = run("search", "index", TEXTS[5], "--json", "-k", "2", cwd=tmp_path)
    hits = [json.loads(line) for line in found.stdout.splitlines()]
    assert len(hits) == 2
    assert hits[0]["path"] == str(notes / "1.txt")
    assert TEXTS[5] in hits[0]["text"]
    assert hits[0]["language"] == "en"
    table = run(
        "search",
        "index",
        TEXTS[5],
        "--mode",
        "text",
        "--language",
        "eng_Latn",
        "--since",
        "2001-01-01",
        cwd=tmp_path,
    )
    assert "notes/1.txt:1" in table.stdout
    none = run("search", "index", TEXTS[5], "--path", "elsewhere", cwd=tmp_path)
    assert (none.returncode, none.stdout, none.stderr) == (1, "", "nothing found\n")
    straight = run("search", str(notes), TEXTS[5], "--json", "-k", "2", "-m", model, cwd=tmp_path)
    assert [json.loads(line) for line in straight.stdout.splitlines()] == hits


@pytest.mark.parametrize(
    "asked", [TEXTS[5].encode(), f"  {TEXTS[5]}\r\n".encode(), "Où est la gare ?".encode()]
)
def test_a_piped_question_is_answered_as_grep_answers(
    asked: bytes, notes: Path, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("index", str(notes), "--into", "index", "-m", model, cwd=tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(asked)))
    piped = run("search", "index", "-", "--lines", "-k", "3", cwd=tmp_path)
    named = run("search", "index", asked.decode().strip(), "--json", "-k", "3", cwd=tmp_path)
    hits = [json.loads(line) for line in named.stdout.splitlines()]
    places = [line.split(":", 2) for line in piped.stdout.splitlines()]
    assert [int(position) for _, position, _ in places] == [hit["position"] for hit in hits]
    for (path, _, sentence), hit in zip(places, hits, strict=True):
        assert (tmp_path / path).resolve() == Path(hit["path"]).resolve()
        start, end = hit["best"]
        assert sentence == " ".join(hit["text"][start:end].split())


@pytest.mark.parametrize(
    ("asked", "told"), [(b"", "no question"), (b" \n", "no question"), (b"\xff\xfe", "not UTF-8")]
)
def test_a_pipe_without_a_question_is_told(
    asked: bytes,
    told: str,
    notes: Path,
    tmp_path: Path,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(asked)))
    assert told in refused("search", str(notes), "-", "-m", model, cwd=tmp_path)


def test_what_cannot_be_searched_is_told(notes: Path, tmp_path: Path, model: str) -> None:
    run("index", str(notes), "--into", "index", "-m", model, cwd=tmp_path)
    assert "the query is empty" in refused("search", "index", "", cwd=tmp_path)
    assert "name an index, or files" in refused("search", "index", cwd=tmp_path)
    assert "no such file or folder" in refused(
        "search", "nothing", "why", "-m", model, cwd=tmp_path
    )
    assert "hybrid, dense, text" in refused(
        "search", "index", "why", "--mode", "both", cwd=tmp_path
    )
    assert "no index here yet" in refused("index", "--into", "elsewhere", cwd=tmp_path)
    (tmp_path / "empty").mkdir()
    assert "no readable text" in refused("search", "empty", "why", "-m", model, cwd=tmp_path)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp932", "koi8-r"])
def test_output_that_cannot_hold_a_character_ends_nothing(
    encoding: str, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("The museum → at nine.", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for command in (["search", "a.txt", "museum", "-m", model], ["recipes"]):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "argv", ["lusifer", *command])
        with settings_restored(), pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        out.flush()
        assert len(out.buffer.getvalue()) > 50  # type: ignore[attr-defined]


@pytest.mark.parametrize("option", ["--language", "--languages", "-l"])
@pytest.mark.parametrize("asked", [("de,en",), ("de", "eng_Latn"), ("de, eng",)])
def test_languages_are_a_list_or_named_one_by_one(
    option: str, asked: tuple[str, ...], notes: Path, tmp_path: Path, model: str
) -> None:
    run("index", str(notes), "--into", "index", "-m", model, cwd=tmp_path)
    named = [part for one in asked for part in (option, one)]
    found = run("search", "index", TEXTS[5], *named, "--lines", cwd=tmp_path)
    assert found.stdout.startswith("notes/1.txt")


def test_a_question_is_asked_with_the_prompt_that_is_named(
    notes: Path, tmp_path: Path, model: str
) -> None:
    assert "the model has no prompt 'title'" in refused(
        "search", str(notes), "why", "-m", model, "--prompt", "title", cwd=tmp_path
    )


def test_quiet_says_results_and_errors_alone(notes: Path, tmp_path: Path, model: str) -> None:
    (notes / "bad.txt").write_bytes(b"\x00")
    done = run("index", str(notes), "--into", "index", "-m", model, "-q", cwd=tmp_path)
    assert done.stdout.startswith("index: ")
    assert done.stderr == ""
    assert "the query is empty" in refused("search", "index", "", "--quiet", cwd=tmp_path)
