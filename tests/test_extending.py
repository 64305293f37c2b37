"""One of each kind added from outside of lusifer, as a user would: a file of theirs, imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
import yaml
from sentence_transformers.sentence_transformer.modules import Dense
from torch import nn

import lusifer
from lusifer.config import build
from lusifer.data import Format, Problem, Row, Section, Source, read_source, sections
from lusifer.errors import ConfigError
from lusifer.models import Bridge, BridgeConfig, Connector, ConnectorConfig, Part
from lusifer.search.files import walk
from lusifer.training import (
    PairTerm,
    PairVectors,
    Run,
    Save,
    Stage,
    Term,
    TextData,
    load_recipe,
    read_texts,
    save_model,
)
from lusifer.training.assemble import assemble
from tests.conftest import TEXTS

Folder = Callable[[str], Path]


@dataclass(frozen=True)
class GatedConfig(ConnectorConfig):
    kind: Literal["gated"] = "gated"
    slope: float = 1.0

    def untrained(self, width_in: int, width_out: int) -> Connector:
        return Gated(width_in, width_out, self)


class Gated(Connector):
    def __init__(self, width_in: int, width_out: int, config: GatedConfig) -> None:
        super().__init__(width_in, width_out, config)
        self.slope = config.slope
        self.out, self.gate = nn.Linear(width_in, width_out), nn.Linear(width_in, width_out)

    def map(
        self, states: torch.Tensor, mask: torch.Tensor, target: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.out(states) * torch.sigmoid(self.slope * self.gate(states)), mask


def test_a_connector_of_ones_own_is_named_saved_and_loaded(
    tmp_path: Path, model_folder: Folder
) -> None:
    parts = [{"base": str(model_folder(family))} for family in ("xlm-roberta", "llama")]
    data = {
        "encoder": parts[0],
        "target": parts[1],
        "connector": {"kind": "gated", "slope": 2, "tokens": 1},
        "max_tokens": 64,
    }
    config = build(BridgeConfig, data, "mine.yaml: bridge")
    assert config.connector == GatedConfig(tokens=1, slope=2.0)
    model = assemble(Bridge.new(config), "cpu")
    expected = model.encode(["one", "zwei"], normalize_embeddings=True)
    save_model(model, tmp_path / "model")
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "model").encode(["one", "zwei"]), expected, atol=1e-5
    )


def test_a_connector_of_ones_own_may_be_an_object(model_folder: Folder) -> None:
    parts = (Part(str(model_folder(family))) for family in ("xlm-roberta", "llama"))
    bridge = Bridge.new(BridgeConfig(*parts, connector=GatedConfig(slope=0.5), max_tokens=64))
    assert isinstance(bridge.connector, Gated)


@dataclass(frozen=True)
class Hinge(PairTerm):
    """A term of somebody's own over pairs: a document is to be nearer than a negative by a gap."""

    gap: float = 0.2
    kind: Literal["hinge"] = "hinge"

    def __call__(self, batch: PairVectors) -> torch.Tensor:
        own, *negatives = (batch.queries * batch.documents).sum(-1)
        return torch.stack([(other - own + self.gap).relu().mean() for other in negatives]).mean()


def test_a_term_over_pairs_of_ones_own_is_named_in_a_recipe(
    tmp_path: Path, model_folder: Folder
) -> None:
    rows = [
        {"query": f"{text}?", "document": TEXTS[i - 3], "negative": TEXTS[i - 5]}
        for i, text in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    recipe = {
        "stage": "contrastive",
        "output": str(tmp_path / "out"),
        "base": str(model_folder("bert")),
        "data": {
            "root": str(tmp_path),
            "sources": [{"files": ["pairs.jsonl"], "columns": ["query", "document", "negative"]}],
        },
        "loss": [{"kind": "hinge", "gap": 0.3}],
        "mixing": {"distinct": "pairs"},
        "batch_size": 8,
        "optim": {"steps": 60, "lr": 1e-2, "workers": 0, "precision": "fp32"},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    model = lusifer.load(lusifer.train(tmp_path / "mine.yaml"))
    queries, own, other = (
        model.encode([row[side] for row in rows]) for side in ("query", "document", "negative")
    )
    assert ((queries * own).sum(1) > (queries * other).sum(1)).mean() > 0.9
    with pytest.raises(ConfigError, match=r"hinge, info_nce, scores|info_nce.*hinge"):
        lusifer.train(tmp_path / "mine.yaml", ["loss=[{kind: hnge}]"])


@dataclass(frozen=True)
class CentreRecipe:
    """A stage of somebody's own: it puts a model's mean vector in its place."""

    stage: Literal["centre"]
    output: str
    base: str
    data: TextData
    seed: int = 0


class Centre(Stage[CentreRecipe]):
    name = "centre"
    recipe = CentreRecipe

    def train(self, recipe: CentreRecipe, run: Run) -> Save:
        model = lusifer.sentence_transformer(recipe.base, device="cpu")
        vectors = model.encode(read_texts(recipe.data))
        size = vectors.shape[1]
        shift = Dense(size, size, activation_function=nn.Identity())
        shift.linear.weight.data = torch.eye(size)
        shift.linear.bias.data = -torch.from_numpy(vectors.mean(0))
        model.append(shift)
        return partial(save_model, model)

    def plan(self, recipe: CentreRecipe) -> dict[str, Any]:
        return {"rows": {"texts": len(read_texts(recipe.data))}}


def test_a_stage_of_ones_own_is_a_recipe_like_any_other(
    tmp_path: Path, model_folder: Folder
) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    file = tmp_path / "centre.yaml"
    file.write_text(
        f"stage: centre\noutput: {tmp_path / 'out'}\nbase: {model_folder('bert')}\n"
        f"data: {{root: {tmp_path}, sources: [{{files: [texts.txt], columns: [text]}}]}}\n",
        encoding="utf-8",
    )
    assert lusifer.plan(file)["rows"] == {"texts": len(set(TEXTS))}
    folder = lusifer.train(file)
    model = lusifer.sentence_transformer(folder, device="cpu")
    assert float(np.abs(model.encode(sorted(set(TEXTS))).mean(0)).max()) < 1e-5
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert lusifer.train(file) == folder, "a finished run is found"
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    with pytest.raises(ConfigError, match=r"unknown key 'bse'; did you mean 'base'"):
        lusifer.train(file, ["bse=x"])
    sources = (Source(files=("texts.txt",), columns=("text",)),)
    data = TextData(root=str(tmp_path), sources=sources)
    two = CentreRecipe("centre", str(tmp_path / "two"), str(model_folder("bert")), data)
    assert lusifer.train(two) == tmp_path / "two" / "model"


class Verses(Format):
    """A format of somebody's own: stanzas with a line of stars between."""

    endings = (".verse",)

    def rows(
        self, path: str, columns: Sequence[str] | None, numbers: Sequence[str]
    ) -> Iterator[Row | Problem]:
        for section in self.sections(Path(path)):
            yield Row(path, section.position, {"text": section.text})

    def sections(self, path: Path) -> Iterator[Section]:
        first = 1
        for text in path.read_text(encoding="utf-8").split("***\n"):
            yield Section(text.strip(), first, "line")
            first += text.count("\n") + 1


def test_a_file_format_of_ones_own_is_trained_on_and_searched(tmp_path: Path) -> None:
    (tmp_path / "a.verse").write_text("one\ntwo\n***\nthree\n", encoding="utf-8")
    source = Source(files=("*.verse",), columns=("text",))
    rows = [row.values["text"] for row in read_source(source, tmp_path)]
    assert rows == ["one\ntwo", "three"]
    assert [found.path for found in walk([tmp_path], [])] == [str(tmp_path / "a.verse")]
    assert [(s.text, s.position) for s in sections(tmp_path / "a.verse")] == [
        ("one\ntwo", 1),
        ("three", 4),
    ]


@dataclass(frozen=True)
class Halved(Term):
    """A loss of somebody's own: the distance of the vectors' first halves."""

    kind: Literal["halved"] = "halved"

    def __call__(self, student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
        size = student.shape[1] // 2
        return (student[:, :size] - teacher[:, :size]).pow(2).mean()


def test_a_loss_of_ones_own_is_named_in_a_recipe(tmp_path: Path, model_folder: Folder) -> None:
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    recipe = {
        "stage": "distill",
        "method": "map",
        "output": str(tmp_path / "out"),
        "encoder": str(model_folder("xlm-roberta")),
        "target": str(model_folder("bert")),
        "kind": "mlp",
        "loss": [{"kind": "halved", "weight": 2.0}],
        "data": {"root": str(tmp_path), "sources": [{"files": "texts.txt", "columns": "text"}]},
        "optim": {"steps": 2, "workers": 0},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert load_recipe(tmp_path / "mine.yaml").loss == (Halved(weight=2.0),)
    assert (lusifer.train(tmp_path / "mine.yaml") / "modules.json").exists()
