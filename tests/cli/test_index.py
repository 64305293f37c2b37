"""`lusifer index` as a user starts it: made, brought up to date, listed, and nothing left half."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lusifer.cli.index import seen_from_here
from tests.cli.command import refused, run
from tests.conftest import TEXTS


def test_an_index_is_listed_forgets_and_is_compacted(
    notes: Path, tmp_path: Path, model: str
) -> None:
    run("index", str(notes), "--into", "index", "-m", model, cwd=tmp_path)
    listed = run("index", "-o", "index", "--list", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[-1] for line in listed] == [f"notes/{i}.txt" for i in range(4)]
    gone = run("index", "-o", "index", "--forget", "notes/1.txt", cwd=tmp_path)
    assert "1 files and " in gone.stdout
    assert f"{notes} is still followed" in gone.stderr
    assert "1 new" in run("index", "-o", "index", cwd=tmp_path).stdout
    forgotten = run("index", "-o", "index", "--forget", "notes", cwd=tmp_path)
    assert ("4 files and " in forgotten.stdout, forgotten.stderr) == (True, "")
    assert run("index", "-o", "index", "--list", cwd=tmp_path).stdout == ""
    assert " MB, " in run("index", "-o", "index", "--compact", cwd=tmp_path).stdout
    assert "nothing of it is in the index" in refused(
        "index", "-o", "index", "--forget", "elsewhere", cwd=tmp_path
    )
    assert "each done alone" in refused("index", "notes", "-o", "index", "--list", cwd=tmp_path)
    assert "no index here yet" in refused("index", "-o", "other", "--list", cwd=tmp_path)


def told(*arguments: str, cwd: Path) -> str:
    """What `lusifer index` says of the files."""
    done = run("index", *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("files: ")[2].strip()


def test_an_update_counts_what_came_changed_and_went(
    notes: Path, tmp_path: Path, model: str
) -> None:
    first = told("notes", "-o", "index", "-m", model, cwd=tmp_path)
    assert first == "4 new, 0 changed, 0 gone, 0 as they were"
    assert told("-o", "index", cwd=tmp_path) == "0 new, 0 changed, 0 gone, 4 as they were"
    (notes / "सूचना.txt").write_text("ट्रेन सुबह आती है।", encoding="utf-8")
    (notes / "0.txt").write_text("Something else now.", encoding="utf-8")
    (notes / "1.txt").unlink()
    assert told("-o", "index", cwd=tmp_path) == "1 new, 1 changed, 1 gone, 2 as they were"
    listed = run("index", "-o", "index", "--list", cwd=tmp_path).stdout.splitlines()
    assert [line.split()[-1] for line in listed] == [
        f"notes/{name}.txt" for name in ("0", "2", "3", "सूचना")
    ]


def test_files_that_cannot_be_read_are_told_the_first_ten_by_name(
    notes: Path, tmp_path: Path, model: str
) -> None:
    for i in range(13):
        (notes / f"bad{i:02}.txt").write_bytes(b"\x00")
    done = run("index", "notes", "-o", "index", "-m", model, cwd=tmp_path)
    *named, more = done.stderr.splitlines()
    assert ["bad" in line for line in named] == [True] * 10
    assert more == "skipped 3 more"


@pytest.mark.parametrize("into", ["index", "new/deep/index"])
def test_an_index_of_nothing_leaves_nothing_behind(into: str, tmp_path: Path, model: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bad.txt").write_bytes(b"\x00")
    done = run("index", "notes", "-o", into, "-m", model, cwd=tmp_path)
    assert done.returncode == 2
    assert "no readable text; nothing was indexed" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_a_path_is_shown_from_here_and_on_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert seen_from_here(str(tmp_path / "ملف" / "a.txt")) == "ملف/a.txt"
    assert seen_from_here("/elsewhere/a.txt") == "/elsewhere/a.txt"
    assert "\n" not in seen_from_here(str(tmp_path / "two\nlines.txt"))


def test_export_and_several_indexes(notes: Path, tmp_path: Path, model: str) -> None:
    for name in ("one", "two"):
        assert run("index", str(notes), "--into", name, "-m", model, cwd=tmp_path).returncode == 0
    done = run("index", "--into", "one", "--export", "one.parquet", cwd=tmp_path)
    assert "one.parquet: " in done.stdout
    assert (tmp_path / "one.parquet").stat().st_size > 0
    found = run("search", "one", "two", TEXTS[5], "--lines", "-k", "2", cwd=tmp_path)
    assert found.stdout.count(TEXTS[5]) == 2
    assert "done alone" in refused(
        "index", str(notes), "--into", "one", "--export", "x.parquet", cwd=tmp_path
    )


def test_watching(notes: Path, tmp_path: Path, model: str) -> None:
    command = [
        sys.executable,
        "-m",
        "lusifer",
        "index",
        str(notes),
        "--into",
        "w",
        "-m",
        model,
        "--watch",
        "--every",
        "0.2",
    ]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout
        assert process.stderr
        assert "4 new" in process.stdout.readline()
        assert "watching" in process.stderr.readline()
        (notes / "late.txt").write_text("A text that came late.", encoding="utf-8")
        assert "1 new, 0 changed, 0 gone" in process.stdout.readline()
        (notes / "late.txt").unlink()
        assert "0 new, 0 changed, 1 gone" in process.stdout.readline()
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_queries_that_passages_answer(notes: Path, tmp_path: Path, model: str) -> None:
    run("index", str(notes), "--into", "index", "-m", model, cwd=tmp_path)
    found = run("search", "index", TEXTS[1], "--json", "-k", "1", cwd=tmp_path).stdout
    text = json.loads(found)["text"]
    lines = [{"query": "x y z", "document": text}, {"query": "q", "document": "nowhere"}]
    written = [json.dumps(line) for line in lines]
    (tmp_path / "pairs.jsonl").write_text("\n".join([*written, "{broken"]), encoding="utf-8")
    done = run("index", "--into", "index", "--queries", "pairs.jsonl", cwd=tmp_path)
    assert "index: 1 queries added, 0 there already, 1 of no passage" in done.stdout
    assert "skipped pairs.jsonl:3:" in done.stderr
    hit = json.loads(run("search", "index", "x y z", "--json", "-k", "1", cwd=tmp_path).stdout)
    assert hit["text"] == text
    assert "each done alone" in refused("index", "notes", "-o", "index", "--queries", "pairs.jsonl", cwd=tmp_path)  # fmt: skip
    assert "no such file" in refused(
        "index", "-o", "index", "--queries", "none.jsonl", cwd=tmp_path
    )
