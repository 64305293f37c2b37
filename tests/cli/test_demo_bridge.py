"""`lusifer demo-bridge`: its sentences, and how right the table says that a model is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.cli.demo_bridge import _table, demo_sentences
from tests.cli.command import run
from tests.conftest import TEXTS


def test_every_sentence_is_there_in_every_language() -> None:
    english, foreign = demo_sentences()
    numbers = [number for number, _ in english]
    assert len(set(numbers)) == len(numbers)
    for language in {row[0] for row in foreign}:
        own = {number for lang, number, _ in foreign if lang == language}
        assert own <= set(numbers)
        assert len(own) == len(foreign) / len({row[0] for row in foreign})
    scripts = {language.partition("_")[2] for language, _, _ in foreign}
    assert scripts >= {"Latn", "Cyrl", "Arab", "Deva"}
    assert len({text for *_, text in foreign}) == len(foreign)


def test_the_caption_counts_what_is_right_of_either_model() -> None:
    english, foreign = demo_sentences()
    texts = [text for _, text in english]
    models = [lusifer.load("static", dimensions=64), lusifer.load("static")]
    right = []
    for model in models:
        own = model.encode(texts)
        nearest = [int(np.argmax(own @ model.encode([text])[0])) for *_, text in foreign]
        right.append(
            sum(english[i][0] == number for i, (_, number, _) in zip(nearest, foreign, strict=True))
        )
    assert right[0] != right[1]
    table = _table(models[0], models[1])
    languages = {row[0] for row in foreign}
    assert table.caption == (
        f"right, of {len(foreign)} in {len(languages)} languages: English model {right[0]}, bridge {right[1]}"
    )
    assert table.row_count == sum(number in ("1", "4") for _, number, _ in foreign)


def test_a_bridge_is_taught_on_a_folder_of_texts_and_kept(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    models = ("--encoder", str(model_folder("xlm-roberta")), "--target", str(model_folder("bert")))
    few = ("optim.steps=1", "optim.save_every=1", "optim.workers=0", "batch_size=4")
    done = run("demo-bridge", "--data", "own", *models, *few, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The bridge is in out/demo-own/model." in " ".join(done.stdout.split())
    assert lusifer.load(tmp_path / "out" / "demo-own" / "model").encode(["चाय"]).shape == (1, 32)


@pytest.mark.parametrize("what", ["own", "own/a.md"])
def test_what_holds_no_texts_is_refused_before_anything_is_made(what: str, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.md").write_text("Tea.", encoding="utf-8")
    done = run("demo-bridge", "--data", what, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lusifer: {what}: ")
    assert not (tmp_path / "out").exists()
