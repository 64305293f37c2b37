"""`lusifer index`, `search` and `mine`, as a user types them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from lusifer.cli import main
from tests.cli.command import refused, run, settings_restored
from tests.conftest import TEXTS, make_table


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A random table: equal words are near, and nothing else."""
    return str(make_table(tmp_path_factory.mktemp("table")))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for i in range(4):
        (folder / f"{i}.txt").write_text("\n\n".join(TEXTS[4 * i : 4 * i + 4]), encoding="utf-8")
    return folder


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


def test_models_are_listed(tmp_path: Path, model: str) -> None:
    done = run("models", str(Path(model).parent), cwd=tmp_path)
    assert done.returncode == 0, done
    assert "static" in done.stdout
    assert " 16 " in done.stdout
    (tmp_path / "graph" / "onnx").mkdir(parents=True)
    (tmp_path / "graph" / "onnx" / "model.onnx").touch()
    (tmp_path / "graph" / "tokenizer.json").touch()
    assert "onnx" in run("models", "graph", cwd=tmp_path).stdout
    assert "nothing: no such folder" in refused("models", "nothing", cwd=tmp_path)


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


def test_the_demo_is_kept_and_goes_on_where_asked(tmp_path: Path, model: str) -> None:
    first = run("demo", "--into", "library", "-m", model, "--mode", "dense", cwd=tmp_path)
    assert first.returncode == 0, first
    assert "210 passages from 210 files" in first.stdout
    assert "of 10 questions, the right passage comes first for" in " ".join(first.stdout.split())
    assert len(list((tmp_path / "library" / "library").rglob("*.txt"))) == 210
    again = run("demo", "--into", "library", "-m", model, "--mode", "dense", cwd=tmp_path)
    assert again.stdout == first.stdout
    assert run("search", "library/index", "bread", "-m", model, cwd=tmp_path).returncode == 0
    (tmp_path / "own" / "library").mkdir(parents=True)
    assert "is there already, and not from this demo" in refused(
        "demo", "--into", "own", "-m", model, cwd=tmp_path
    )
    (tmp_path / "file").touch()
    assert "file: cannot be written" in refused("demo", "--into", "file", "-m", model, cwd=tmp_path)
    assert "mode is 'fast'" in refused("demo", "-m", model, "--mode", "fast", cwd=tmp_path)


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
