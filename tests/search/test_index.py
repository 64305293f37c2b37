"""An index follows its files, survives a kill, and refuses what it was not made for. A random table
stands for a model.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search import index as index_file
from lusifer.search.index import Index
from lusifer.search.query import search
from tests.conftest import TEXTS, make_table


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
