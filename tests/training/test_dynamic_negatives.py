"""Dynamic negatives: what is hard for the model of the moment is drawn, and a stopped run draws it too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import lusifer
from lusifer.errors import ConfigError, LusiferError
from lusifer.training import loop
from lusifer.training.dynamic_negatives import Chooser, choose, first_ones, stretches
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages import contrastive
from tests.conftest import TEXTS
from tests.training.recipes import weights

Folder = Callable[[str], Path]


class Stop(Exception):
    """Stands for a kill between two steps."""


@pytest.fixture(params=["bert", "llama"])
def file(request: pytest.FixtureRequest, tmp_path: Path, model_folder: Folder) -> Path:
    """Rows with five candidates each."""
    rows = [
        {"query": f"{text[:30]}?", "document": text}
        | {f"negative_{k}": TEXTS[i - 3 - 2 * k] for k in range(1, 6)}
        for i, text in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    document: dict[str, Any] = {
        "stage": "contrastive",
        "output": str(tmp_path / "out"),
        "base": str(model_folder(request.param)),
        "data": {
            "root": str(tmp_path),
            "max_tokens": 40,
            "sources": [
                {
                    "files": ["pairs.jsonl"],
                    "columns": ["query", "document", *(f"negative_{k}" for k in range(1, 6))],
                }
            ],
        },
        "prompts": {"query": "Q: ", "document": "D: "},
        "loss": [{"kind": "info_nce", "temperature": 0.1, "mask": None}],
        "negatives": 2,
        "dynamic": {"every": 3, "candidates": 5, "relative_margin": 0.1},
        "mixing": {"distinct": "pairs"},
        "batch_size": 4,
        "optim": {"steps": 8, "lr": 1e-2, "save_every": 2, "workers": 0, "precision": "fp32"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def test_the_hardest_that_are_not_too_near_are_chosen() -> None:
    query = np.array([[1.0, 0.0]], dtype=np.float32)
    cosines = [0.2, 0.79, 0.9, 0.75, 0.95]

    def at(cosine: float) -> list[float]:
        return [cosine, (1 - cosine**2) ** 0.5]

    document = np.array([at(0.85)], dtype=np.float32)
    others = np.array([[at(c) for c in cosines]], dtype=np.float32)
    assert choose(query, document, others, 2, 0.05).tolist() == [[1, 3]]
    assert choose(query, document, others, 2, 0.1).tolist() == [[3, 0]]
    # Of those that are too near, the least near come in where others are wanting.
    assert choose(query, document, others, 5, 0.05).tolist() == [[1, 3, 0, 2, 4]]


def test_a_run_is_cut_where_negatives_are_chosen() -> None:
    assert list(stretches(8, 3)) == [(0, 3), (3, 6), (6, 8)]
    assert list(stretches(3, 5)) == [(0, 3)]


def test_the_rows_that_are_drawn_take_what_the_model_finds_hard(file: Path) -> None:
    recipe = load_recipe(file)
    stores = contrastive.read(recipe, file.parent / "prepared")
    model = lusifer.sentence_transformer(recipe.base, device="cpu")
    batches = contrastive.make_batches(recipe, model, stores)
    assert recipe.dynamic
    chooser = Chooser(batches, recipe.dynamic, 2, recipe.optim, file.parent)
    before = batches.rows(0)
    chooser.take(model, 0, 2, 0)
    drawn = {row for step in range(2) for _, row in batches.drawn(step)}
    assert batches.choice is not None
    (chosen,), (first,) = batches.choice, first_ones(stores, 2)
    for row in range(len(stores[0])):
        if row not in drawn:
            assert chosen[row].tolist() == first[row].tolist()
            continue
        query, *others = stores[0][row]
        vectors = model.encode(
            ["Q: " + query, *("D: " + t for t in others)], normalize_embeddings=True
        )
        cosines = vectors[1:] @ vectors[0]
        fitting = [k for k in range(5) if cosines[1 + k] <= cosines[0] * 0.9]
        due = sorted(fitting, key=lambda k: -cosines[1 + k])[:2]
        assert chosen[row].tolist()[: len(due)] == due
    after = batches.rows(0)
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert all(len(row[2]) == 2 for row in after)
    # It is kept, and not made again by another model.
    again = contrastive.make_batches(recipe, model, stores)
    Chooser(again, recipe.dynamic, 2, recipe.optim, file.parent).take(None, 0, 2, 7)
    assert again.choice is not None
    np.testing.assert_array_equal(again.choice[0], chosen)
    with pytest.raises(LusiferError, match="begin anew with --restart"):
        chooser.take(model, 2, 4, 3)


@pytest.mark.parametrize("at", [2, 3, 4, 6, 7])
def test_a_stopped_run_ends_the_same(at: int, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = weights(train(file, [f"output={file.parent / 'whole'}"]))
    original = loop.Progress.on_step_end

    def stop_at(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        if state.global_step == at:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "on_step_end", stop_at)
        with pytest.raises(Stop):
            train(file, [f"output={file.parent / 'parts'}"])
    parts = weights(train(file, [f"output={file.parent / 'parts'}"]))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_it_is_another_run_than_that_of_the_first_negatives_but_not_where_all_are_taken(
    file: Path,
) -> None:
    made = {
        name: weights(train(file, [*changes, f"output={file.parent / name}"]))
        for name, changes in {
            "dynamic": [],
            "first": ["dynamic=null"],
            "often": ["dynamic.every=1"],
        }.items()
    }
    assert any(not torch.equal(made["dynamic"][k], made["first"][k]) for k in made["first"])
    assert any(not torch.equal(made["dynamic"][k], made["often"][k]) for k in made["first"])


def test_validation_and_the_plan_go_with_it(file: Path) -> None:
    changes = ["validation={every: 2, rows: 4}", "optim.steps=6"]
    folder = train(file, changes)
    lines = [json.loads(line) for line in (folder.parent / "log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if "validation_loss" in line]
    assert steps == [2, 4, 6]
    few, many = (plan(file, [f"negatives={n}"])["memory_bytes"] for n in (1, 4))
    assert few < many


def test_where_patience_ends_the_run_nothing_more_is_chosen_and_the_best_ships(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    real = Chooser.take

    def take(self: Any, model: Any, start: int, stop: int, reached: int) -> None:
        taken.append(start)
        real(self, model, start, stop, reached)

    monkeypatch.setattr(Chooser, "take", take)
    # At this rate the first steps only make it worse.
    changes = ["validation={every: 1, rows: 4, patience: 1}", "optim.lr=10", "optim.steps=30"]
    folder = train(file, changes)
    lines = [json.loads(line) for line in (folder.parent / "log.jsonl").read_text().splitlines()]
    measured = [line["validation_loss"] for line in lines if "validation_loss" in line]
    assert len(measured) < 30
    assert len(taken) <= len(measured) // 3 + 1
    best = measured.index(min(measured)) + 1
    step = json.loads((folder.parent / "contrastive" / "best" / "step.json").read_text())["step"]
    assert step == best


def test_a_model_that_is_spread_chooses_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contrastive, "wanted", lambda: True)
    with pytest.raises(ConfigError, match="which FSDP spreads"):
        train(file)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["negatives=5"], "the recipe's negatives are 5, the candidates 5"),
        (["dynamic.candidates=2"], "the recipe's negatives are 2, the candidates 2"),
        (["negatives=0"], "the recipe's negatives are 0"),
        (["dynamic.every=0"], "dynamic.every is in steps"),
        (["dynamic.relative_margin=1"], "is a share"),
        (["train=queries"], "dynamic goes without"),
    ],
)
def test_a_wrong_recipe_is_one_line(file: Path, changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_recipe(file, changes)
