"""`lusifer demo`: its library, its questions, and how it says what was found."""

from __future__ import annotations

from pathlib import Path

from lusifer.cli import demo
from lusifer.search import Hit, Index
from tests.cli.command import refused, run


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


def test_the_demo_says_in_english_what_each_foreign_passage_says() -> None:
    passages = {name: language for language, name, _ in demo.asset_rows("corpus.tsv")}
    says = demo.glosses()
    assert set(says) == {name for name, language in passages.items() if language != "eng_Latn"}
    assert all(text.isascii() and text.endswith((".", "!")) for text in says.values())
    assert len(set(says.values())) == len(says)


def test_each_question_is_answered_by_a_passage_in_another_language() -> None:
    passages = {name: (language, text) for language, name, text in demo.asset_rows("corpus.tsv")}
    assert len({language for language, _ in passages.values()}) == 14
    for question, name in demo.questions():
        language, text = passages[name]
        assert language != "eng_Latn"
        assert question.endswith("?")
        assert text.strip() == text


def test_the_library_is_written_once_and_put_right_where_it_was_changed(tmp_path: Path) -> None:
    rows = demo.asset_rows("corpus.tsv")
    folder = demo.write_library(tmp_path / "library")
    made = {file: file.stat().st_mtime_ns for file in folder.rglob("*.txt")}
    assert {(f.parent.name, f.stem, f.read_text(encoding="utf-8")) for f in made} == set(rows)
    changed = folder / "hin_Deva" / next(n for lang, n, _ in rows if lang == "hin_Deva")
    changed = changed.with_suffix(".txt")
    changed.write_text("बदला हुआ", encoding="utf-8")
    demo.write_library(folder)
    assert (changed.parent.name, changed.stem, changed.read_text(encoding="utf-8")) in rows
    assert all(file.stat().st_mtime_ns == at for file, at in made.items() if file != changed)


def test_a_passage_s_rank_counts_from_one(tmp_path: Path, model: str) -> None:
    for name, text in (("a", "Tea is hot."), ("b", "Der Tee ist heiß."), ("c", "お茶は熱い。")):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    index = Index.create(tmp_path / "index", model)
    index.update([tmp_path])
    hits: list[Hit] = index.search("Tea is hot.", top_k=3, mode="dense")
    assert [demo.rank(hits, Path(hit.path).stem) for hit in hits] == [1, 2, 3]
    assert demo.rank(hits, "a") == 1
    assert demo.rank(hits, "d") is None
