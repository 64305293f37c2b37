"""An index follows its files, survives a kill, and refuses what it was not made for. A random table
stands for a model.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search import index as index_file, update as indexing
from lusifer.search.index import Index
from lusifer.search.query import Filter, search
from tests.conftest import TEXTS, make_table


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return LoadedModel.load(make_table(tmp_path_factory.mktemp("table"), 0))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Eight files of two sentences each, in two folders."""
    for i in range(8):
        file = tmp_path / "notes" / ("old" if i % 2 else "new") / f"note {i}'s.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{TEXTS[2 * i]}\n\n{TEXTS[2 * i + 1]}\n", encoding="utf-8")
    return tmp_path / "notes"


def rows(index: Index) -> list[tuple[Any, ...]]:
    """All that the index holds, sorted."""
    held = index.database.open_table("passages").to_arrow().to_pylist()
    return sorted(
        (
            r["path"],
            r["number"],
            r["position"],
            r["text"],
            r["words"],
            r["language"],
            tuple(r["vector"]),
        )
        for r in held
    )


def test_what_is_asked_for_is_found(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    index = Index.create(tmp_path / "index", model)
    report = index.update([notes])
    assert (report.added, report.changed, report.removed, report.unchanged, report.skipped) == (
        8,
        0,
        0,
        0,
        [],
    )
    for mode in ("dense", "text", "hybrid"):
        for i in (0, 5, 11):
            (hit,) = search(index, TEXTS[i], top_k=1, mode=mode)  # type: ignore[arg-type]
            assert TEXTS[i] in hit.text
            assert hit.text[slice(*hit.best)] == TEXTS[i]
            assert hit.path.endswith(f"note {i // 2}'s.txt")
    assert search(index, "The bicycle", top_k=30, mode="dense")[0].cosine <= 1.0001
    assert len(search(index, TEXTS[0], top_k=200, mode="dense")) == len(index) == report.passages


def test_an_update_touches_what_changed_and_nothing_else(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    before = rows(index)
    read: list[str] = []
    original = indexing.sections
    monkeypatch.setattr(indexing, "sections", lambda path: read.append(str(path)) or original(path))
    assert index.update([]).unchanged == 8
    assert not read
    changed, gone, touched = sorted(notes.rglob("*.txt"))[:3]
    changed.write_text("A fox sleeps under the bridge.\n", encoding="utf-8")
    gone.unlink()
    os.utime(touched, (1, 1))
    (notes / "more.md").write_text("Owls hunt at night.\n", encoding="utf-8")
    report = index.update([])
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 6)
    assert sorted(read) == sorted(map(str, (changed, notes / "more.md")))
    after = rows(index)
    unchanged = [row for row in before if row[0] not in (str(changed), str(gone))]
    assert [
        row for row in after if row[0] not in (str(changed), str(notes / "more.md"))
    ] == unchanged
    assert not search(index, TEXTS[0], mode="text", where=Filter(path=gone.name))
    fresh = Index.create(tmp_path / "fresh", model)
    fresh.update([notes])
    assert rows(fresh) == after


def test_a_path_outside_those_named_is_left_alone(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes / "old"])
    assert index.update([notes / "new"]).removed == 0
    assert len({row[0] for row in rows(index)}) == 8


@pytest.mark.parametrize("batch", [1, 3, 1024])
@pytest.mark.parametrize("stop", [1, 2, 4])
def test_killed_while_indexing_it_ends_the_same(
    notes: Path,
    tmp_path: Path,
    model: LoadedModel,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
    stop: int,
) -> None:
    monkeypatch.setattr(indexing, "BATCH", batch)
    whole = Index.create(tmp_path / "whole", model)
    whole.update([notes])
    parts = Index.create(tmp_path / "parts", model)
    calls = 0
    original = indexing.Update._list

    def killed(self: indexing.Update, finished: Any, known: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == stop:
            raise KeyboardInterrupt
        original(self, finished, known)

    monkeypatch.setattr(indexing.Update, "_list", killed)
    try:
        parts.update([notes])
    except KeyboardInterrupt:
        assert calls == stop
    monkeypatch.setattr(indexing.Update, "_list", original)
    again = Index.open(tmp_path / "parts", model)
    again.update([notes])
    assert rows(again) == rows(whole)


def test_a_change_that_was_killed_ends_the_same(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    file = min(notes.rglob("*.txt"))
    file.write_text(f"{TEXTS[3]}\n\n{TEXTS[9]}\n", encoding="utf-8")
    original = indexing.Update._list
    monkeypatch.setattr(
        indexing.Update, "_list", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        index.update([])
    monkeypatch.setattr(indexing.Update, "_list", original)
    index.update([])
    fresh = Index.create(tmp_path / "fresh", model)
    fresh.update([notes])
    assert rows(index) == rows(fresh)


@pytest.mark.parametrize("step", ["listed", "dropped"])
def test_killed_between_the_list_and_the_rows_it_ends_the_same(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A changed file of as many passages, or one that goes and comes back as it was: counts alone
    would not tell.
    """
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    file = min(notes.rglob("*.txt"))
    text, stat = file.read_text(encoding="utf-8"), file.stat()
    if step == "listed":
        file.write_text("\n\n".join(text.strip().split("\n\n")[::-1]), encoding="utf-8")
    else:
        file.unlink()
    tables = {"rows": index.rows, "files": index.files}
    done: list[str] = []
    for name, table in tables.items():

        def once(condition: str, name: str = name, original: Any = table.delete) -> None:
            original(condition)
            done.append(name)
            raise KeyboardInterrupt

        monkeypatch.setattr(table, "delete", once)
    with pytest.raises(KeyboardInterrupt):
        index.update([notes])
    monkeypatch.undo()
    if step == "dropped":
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    again = Index.open(tmp_path / "index", model)
    again.update([notes])
    fresh = Index.create(tmp_path / "fresh", model)
    fresh.update([notes])
    assert rows(again) == rows(fresh)


READER = """
import sys
from lusifer.search.index import Index
from lusifer.search.query import search
index = Index.open(sys.argv[1])
print("ready", flush=True)
for _ in range(40):
    (hit,) = search(index, sys.argv[2], top_k=1, mode="dense")
    assert sys.argv[2] in hit.text, hit
"""


def test_a_first_run_leaves_no_earlier_version_and_a_later_one_those_that_may_be_read(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    assert len(index.rows.list_versions()) == 1
    reader = Index.open(tmp_path / "index", model)
    (notes / "more.txt").write_text(TEXTS[9], encoding="utf-8")
    sorted((notes / "old").iterdir())[0].unlink()
    index.update([notes])
    assert len(index.rows.list_versions()) > 1
    assert reader.search(TEXTS[8])[0].text  # what the reader has open is still there


def test_two_processes_search_while_one_indexes(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    command = [sys.executable, "-c", READER, str(tmp_path / "index"), TEXTS[0]]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    more = tmp_path / "notes" / "more"
    more.mkdir()
    for i in range(12):
        (more / f"{i}.txt").write_text(f"Number {i} of the new ones is here.\n", encoding="utf-8")
        index.update([notes])
    assert [reader.communicate()[1] for reader in readers] == ["", ""]
    assert len(index) == len(rows(index))


def test_a_second_writer_waits_outside(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    index = Index.create(tmp_path / "index", model)
    with (
        index_file._only_writer(index.uri),
        pytest.raises(LusiferError, match="another process is indexing"),
    ):
        index.update([notes])


def test_filters(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    (notes / "de.txt").write_text(
        "Der Zug nach Hamburg fährt heute leider erst um sieben Uhr ab.\n", encoding="utf-8"
    )
    os.utime(notes / "de.txt", (946_684_800, 946_684_800))  # 2000-01-01
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    for code in ("de", "deu", "deu_Latn"):
        assert {hit.language for hit in search(index, "Zug", where=Filter(languages=(code,)))} == {
            "de"
        }
    assert {
        Path(hit.path).parent.name for hit in search(index, TEXTS[0], where=Filter(path="old"))
    } == {"old"}
    assert {
        Path(hit.path).name for hit in search(index, TEXTS[0], where=Filter(path="*/de.t?t"))
    } == {"de.txt"}
    assert "de" not in {
        hit.language for hit in search(index, "Zug", top_k=50, where=Filter(since=date(2001, 1, 1)))
    }
    with pytest.raises(LusiferError, match="language 'xx'"):
        search(index, "Zug", where=Filter(languages=("xx",)))


@pytest.mark.parametrize(
    ("question", "settings", "message"),
    [
        ("", {}, "query is empty"),
        (" \n", {}, "query is empty"),
        ("a", {"mode": "bm25"}, "hybrid, dense, text"),
        ("a", {"top_k": 0}, "top_k is 0"),
    ],
)
def test_wrong_questions(
    question: str,
    settings: dict[str, Any],
    message: str,
    notes: Path,
    tmp_path: Path,
    model: LoadedModel,
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes / "old"])
    with pytest.raises(LusiferError, match=message):
        search(index, question, **settings)


def test_files_that_cannot_be_read_are_named_and_the_others_indexed(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    (notes / "binary.txt").write_bytes(b"\x00\x01")
    (notes / "latin.txt").write_bytes("Straße".encode("latin-1"))
    index = Index.create(tmp_path / "index", model)
    report = index.update([notes])
    assert report.added == 8
    assert [Path(reason.split(":")[0]).name for reason in report.skipped] == [
        "binary.txt",
        "latin.txt",
    ]
    (notes / "latin.txt").write_text("Straße nach Rom", encoding="utf-8")
    assert index.update([notes]).added == 1
    (notes / "latin.txt").write_bytes("Straße".encode("latin-1"))
    assert len(index.update([notes]).skipped) == 2
    assert not search(index, "Straße nach Rom", mode="text")


def test_another_model_a_newer_version_and_damage_are_refused(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "index"
    index = Index.create(place, model)
    index.update([notes])
    assert Index.open(place).model.hash == model.hash
    other = LoadedModel.load(make_table(tmp_path / "other", 1))
    for way in (Index.open, Index.create):
        with pytest.raises(LusiferError, match=f"made by the model {model.name}.*search with -m"):
            way(place, other)
    changed = LoadedModel(model.name, "0" * 64, model.embedder)
    with pytest.raises(LusiferError, match=r"as it was before .*into another folder"):
        Index.open(place, changed)
    monkeypatch.setattr(index_file, "VERSION", 0)
    with pytest.raises(LusiferError, match="made by a newer lusifer"):
        Index.open(place, model)
    monkeypatch.undo()
    for file in (place / "passages.lance" / "data").iterdir():
        file.write_bytes(b"cut")
    with pytest.raises(LusiferError, match="the index is damaged"):
        search(Index.open(place, model), TEXTS[0])


def test_a_full_disk_is_told_and_the_index_stays(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    before = rows(index)
    (notes / "more.txt").write_text("Owls hunt at night.\n", encoding="utf-8")

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("lance error: LanceError(IO): No space left on device (os error 28)")

    monkeypatch.setattr(index.rows, "add", full)
    with pytest.raises(LusiferError, match="the disk is full"):
        index.update([notes])
    again = Index.open(tmp_path / "index", model)
    assert rows(again) == before
    assert again.update([notes]).added == 1


def test_a_folder_with_other_things_is_no_place_for_an_index(
    notes: Path, tmp_path: Path, model: LoadedModel
) -> None:
    with pytest.raises(LusiferError, match="holds other files"):
        Index.create(notes, model)
    with pytest.raises(LusiferError, match="is a file"):
        Index.create(min(notes.rglob("*.txt")), model)
    with pytest.raises(LusiferError, match="no index here"):
        Index.open(tmp_path / "nothing")
    with pytest.raises(LusiferError, match="no such file or folder"):
        Index.create(tmp_path / "index", model).update([tmp_path / "nothing"])


def test_above_the_limit_vectors_get_an_index_that_finds_the_same(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "\n\n".join(f"{text} {i} {TEXTS[i % 16]}" for i, text in enumerate(TEXTS * 20))
    (notes / "many.txt").write_text(many, encoding="utf-8")
    flat = Index.create(tmp_path / "flat", model)
    flat.update([notes])
    monkeypatch.setattr(indexing, "FLAT", 100)
    inverted = Index.create(tmp_path / "inverted", model)
    inverted.update([notes])
    assert any("vector" in i.columns for i in inverted.rows.list_indices())
    agree = [
        search(flat, t, top_k=1, mode="dense")[0].text
        == search(inverted, t, top_k=1, mode="dense")[0].text
        for t in TEXTS
    ]
    assert sum(agree) >= 15


def found(tmp_path: Path, model: LoadedModel, text: str, query: str, mode: Any = "text") -> bool:
    """Whether a file that holds `text` is found for a query, beside another."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "doc.txt").write_bytes(text.encode())
    (folder / "other.txt").write_text("Bread is baked with flour.")
    index = Index.create(tmp_path / "found", model)
    index.update([folder])
    hits = search(index, query, mode=mode)
    return "doc.txt" in {Path(hit.path).name for hit in hits}


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("1 വിദ്യാഭ്യാസമന്ത്രി 2", "വിദ്യാഭ്യാസമന്ത്രി"),  # 54 bytes in one word
        ("1 водоснабжающими 2", "водоснабжающими"),
        ("মেয়েটি গান গায়।", "গায়"),
        ("ཁོང་སློབ་གྲྭར་འགྲོ།", "སློབ་གྲྭར"),
        ("시장에서 사과를 샀다.", "사과"),
        ("彼は毎朝魚を食べる。", "魚"),
        ("The water-\r\nproof coat", "waterproof"),
        ("Il fait tres froid", "TRÈS"),
        ("Kaffee\u00adfilter", "Kaffeefilter"),
        ("2 + ٣٤", "34"),
        ("Paid 🍋 today", "🍋"),
    ],
)
def test_a_word_finds_its_text(text: str, query: str, tmp_path: Path, model: LoadedModel) -> None:
    assert found(tmp_path, model, text, query)


def test_bad_rows_files_and_names_are_told_and_end_nothing(
    tmp_path: Path, model: LoadedModel
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "good.txt").write_text("The harbour is closed.")
    (folder / "rows.jsonl").write_text('{"a": "A red boat."}\n{"a": "cut \\ud83d"}\n{oops\n')
    (folder / "none.jsonl").write_text('{"a": "cut \\ud83d"}\n')
    (folder / "empty.txt").write_text("")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    os.mkfifo(folder / "pipe.txt")
    with open(os.fsencode(folder) + b"/caf\xe9.txt", "wb") as stream:
        stream.write(b"named in Latin-1")
    index = Index.create(tmp_path / "index", model)
    report = index.update([folder])
    assert report.added == 3
    told = "\n".join(report.skipped)
    for wanted in (
        "rows.jsonl:2: holds half a character",
        "rows.jsonl:3: not JSON",
        "none.jsonl:1: holds half a character",
        "empty.txt: holds no text",
        "pipe.txt: is no regular file",
        "caf\\xe9.txt: the name is not UTF-8",
        "1 files of kinds that are not read: .png 1",
    ):
        assert wanted in told
    assert search(index, "A red boat.", top_k=1)[0].position == 1


def test_a_folder_that_is_away_keeps_its_passages(tmp_path: Path, model: LoadedModel) -> None:
    notes, empty = tmp_path / "notes", tmp_path / "empty"
    for folder in (notes, empty):
        folder.mkdir()
    (notes / "a.txt").write_text("The museum opens at nine.")
    index = Index.create(tmp_path / "index", model)
    index.update([notes, empty])
    notes.rename(tmp_path / "away")
    report = index.update([])
    assert (report.passages, report.removed) == (1, 0)
    assert "is not there now; 1 files of it stay" in report.skipped[0]
    (tmp_path / "away").rename(notes)
    (empty / "b.txt").write_text("The theatre opens at six.")
    assert index.update([]).added == 1  # a folder that was empty at first is remembered
    (notes / "a.txt").write_text("The museum opens at ten o'clock.")
    assert index.update([notes / "a.txt"]).changed == 1
    (notes / "c.txt").write_text("The pool is closed.")
    assert index.update([]).added == 1  # so is that of which one file was named


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("in/*", True), ("*.txt", True), ("doc", True), ("i?/doc.txt", True), ("out/*", False)],
)
def test_a_glob_is_of_the_last_parts_of_a_path(
    pattern: str, expected: bool, tmp_path: Path, model: LoadedModel
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "doc.txt").write_text("The harbour is closed.")
    index = Index.create(tmp_path / "index", model)
    index.update([folder])
    assert bool(search(index, "harbour", where=Filter(path=pattern))) is expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("茶を飲む。", "jpn_Jpan"),
        ("门开了。", "zho_Hans"),
        ("문이 닫혔다.", "kor_Hang"),
        ("দরজা খোলা।", "ben_Beng"),
        ("ประตูเปิด", "tha_Thai"),
        ("Η πόρτα.", "ell_Grek"),
        ("दरवाज़ा खुला।", "hin_Deva"),
        ("Tür zu.", "deu_Latn"),
    ],
)
def test_a_short_passage_is_found_by_its_language(
    text: str, language: str, tmp_path: Path, model: LoadedModel
) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    index = Index.create(tmp_path / "index", model)
    index.update([tmp_path / "a.txt"])
    assert search(index, text, where=Filter(languages=(language,)))
    assert not search(index, text, where=Filter(languages=("am",)))
