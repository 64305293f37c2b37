"""A multi-vector index: ranks are those of every token compared, whatever was added, changed or gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.errors import LusiferError
from lusifer.models import LoadedModel
from lusifer.models.heads import Heads, HybridEmbedder
from lusifer.search import update
from lusifer.search.tokens import token_dim
from tests.cli.command import run
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@pytest.fixture
def model(tmp_path: Path, model_folder: Folder) -> Path:
    """A model with heads, as `heads: {}` in a recipe leaves it."""
    torch.manual_seed(0)
    made = lusifer.sentence_transformer(model_folder("bert"), device="cpu")
    made.prompts = {"query": "Q: ", "document": "D: "}
    made.save(str(tmp_path / "hybrid"), create_model_card=False)
    Heads(32, 8, made.tokenizer.all_special_ids).write(tmp_path / "hybrid")
    return tmp_path / "hybrid"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for i, text in enumerate(TEXTS):
        (tmp_path / "docs" / f"{i:02}.txt").write_text(text, encoding="utf-8")
    return tmp_path / "docs"


def by_hand(model: HybridEmbedder, query: str, texts: list[str]) -> list[str]:
    asked = model.encode_multi([query], prompt="query")[0]
    scores = [(asked @ m.T).max(1).sum() for m in model.encode_multi(texts, prompt="document")]
    return [texts[i] for i in np.argsort(-np.array(scores), kind="stable")]


def test_ranks_are_those_of_every_token_compared(tmp_path: Path, model: Path, docs: Path) -> None:
    index = lusifer.Index.create(tmp_path / "index", model, multi_vector=True)
    index.update([docs])
    embedder = index.embedder
    assert isinstance(embedder, HybridEmbedder)
    for query in ("the market", TEXTS[3], "Где вокзал?"):
        hits = index.search(query, mode="tokens", top_k=6)
        assert [hit.text for hit in hits] == by_hand(embedder, query, TEXTS)[:6]
    (docs / "00.txt").write_text("Ships wait in the harbour for the tide.", encoding="utf-8")
    (docs / "01.txt").unlink()
    index.update([docs])
    again = lusifer.Index.open(tmp_path / "index")
    texts = ["Ships wait in the harbour for the tide.", *TEXTS[2:]]
    hits = again.search("ships and tides", mode="tokens", top_k=5)
    assert [hit.text for hit in hits] == by_hand(embedder, "ships and tides", texts)[:5]
    some = again.search("ships", mode="tokens", where=lusifer.Filter(path="00.txt"))
    assert [hit.text for hit in some] == texts[:1]
    hybrid = again.search("ships and tides", top_k=5)
    assert hybrid[0].score > 1 / 61  # more than one kind found it


def test_above_a_size_an_index_of_tokens_finds_nearly_the_same(
    tmp_path: Path, model: Path, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "FLAT", 200)
    lines = [
        f"{a} {b.split()[-1]} {i}" for i, (a, b) in enumerate((a, b) for a in TEXTS for b in TEXTS)
    ]
    (docs / "more.jsonl").write_text(
        "".join(f'{{"text": "{line}"}}\n' for line in lines), encoding="utf-8"
    )
    index = lusifer.Index.create(tmp_path / "index", model, multi_vector=True)
    index.update([docs])
    assert any("tokens" in i.columns for i in index.rows.list_indices())
    assert (
        index.search(lines[40], mode="tokens", top_k=1)[0].text.split()[:3] == lines[40].split()[:3]
    )


def test_what_cannot_be_is_one_line(tmp_path: Path, model: Path, docs: Path) -> None:
    with pytest.raises(LusiferError, match="one trained with `heads`"):
        lusifer.Index.create(tmp_path / "plain", "static", multi_vector=True)
    assert not (tmp_path / "plain" / "passages.lance").exists()
    plain = lusifer.Index.create(tmp_path / "one", model)
    plain.update([docs])
    with pytest.raises(LusiferError, match="keeps one vector a passage"):
        plain.search("x", mode="tokens")
    assert token_dim(LoadedModel.load(model).embedder) == 8


def test_on_the_command_line(tmp_path: Path, model: Path, docs: Path) -> None:
    at = ("--into", str(tmp_path / "index"))
    done = run("index", str(docs), *at, "-m", str(model), "--multi-vector")
    assert done.returncode == 0, done.stderr
    found = run("search", str(tmp_path / "index"), "the market", "--mode", "tokens", "-k", "2")
    assert found.returncode == 0, found.stderr
    assert ".txt" in found.stdout
    again = run("index", str(docs), *at, "--multi-vector")
    assert again.returncode == 2
    assert "--multi-vector is for a new index" in again.stderr
    wrong = run(
        "index", str(docs), "--into", str(tmp_path / "other"), "-m", "static", "--multi-vector"
    )
    assert wrong.returncode == 2
    assert "one trained with `heads`" in wrong.stderr
    assert not (tmp_path / "other").exists()
