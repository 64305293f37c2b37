"""A run's page shows what the run left, and nothing of it is markup."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lusifer.training.run import train
from lusifer.training.run_page import PAGE, write_page
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


class Reader(HTMLParser):
    """Collects words and tags, and counts what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.tags, self.open = list[str](), list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(file: Path) -> Reader:
    reader = Reader()
    reader.feed(file.read_text(encoding="utf-8"))
    assert not reader.open
    return reader


@pytest.mark.parametrize("stage", ["contrastive", "pretrain causal", "static table"])
def test_every_run_leaves_one(stage: str, texts: Path, model_folder: Folder) -> None:
    changes = ["validation={every: 3, rows: 4}"] if stage == "contrastive" else []
    folder = train(recipe(stage, texts, model_folder), changes)
    page = read(folder.parent / PAGE)
    said = " ".join(page.words)
    assert str(folder) in said
    assert f"stage: {stage.split()[0]}" in said
    assert "torch" in said
    assert ("Validation" in page.words) == bool(changes)
    assert ("lusifer evaluate" in said) == (folder / "modules.json").exists()
    assert not any(tag in ("script", "link", "iframe") for tag in page.tags)


def test_names_are_no_markup_and_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    output = tmp_path / "a<b>&c"
    output.mkdir()
    page = read(write_page(output, output / "model"))
    assert "a<b>&c" in page.words
    assert "Nothing was logged." in " ".join(page.words)
    assert "img" not in page.tags
    lines = [
        {"phase": "<x>", "step": 5, "loss": 2.0, "waiting": 0.031},
        {"phase": "<x>", "step": 1200, "loss": 1.0, "validation_loss": 0.5},
        {"phase": "<x>", "step": 1300, "loss": None},
    ]
    (output / "log.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines), "utf-8")
    (output / "recipe.yaml").write_text("text: '<b>'\n", encoding="utf-8")
    page = read(write_page(output, output / "model"))
    said = " ".join(page.words)
    for due in ("<x>: 1,300 steps.", "2.0000", "1.0000", "0.5000", "1,200", "text: '<b>'"):
        assert due in said
