"""The kinds of model: each folder is told by its files, says what it is, and takes what fits it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import ModelError
from lusifer.models.backends.static import save_static
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.english_route import EnglishRoute
from lusifer.models.formats import FORMATS, Description, LoadOptions, format_of
from lusifer.models.heads import Heads, HybridEmbedder
from lusifer.models.hub import locate
from lusifer.training.assemble import save_model
from tests.conftest import TEXTS, make_table
from tests.models.bridge.test_module import make

Folder = Callable[[str], Path]


def test_an_option_that_a_kind_of_model_does_not_take_is_told_and_none_is_dropped_in_silence(
    model_folder: Folder, tmp_path: Path
) -> None:
    table = make_table(tmp_path / "table")
    for name, option in (
        (table, {"compile": True}), (table, {"budget": 100}), (table, {"device": "cuda"}), (table, {"long": "pool"}),
        (model_folder("bert"), {"dimensions": 8}), (model_folder("bert"), {"encoder": "x"}), ("http://localhost:1/v1", {"budget": 3}),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=f"takes no {next(iter(option))}="):
            lusifer.load(name, **option)
    np.testing.assert_array_equal(
        lusifer.load(table, bf16=True, device="cpu").encode(TEXTS),
        lusifer.load(table).encode(TEXTS),
    )


def test_each_folder_is_told_by_its_files_and_says_what_it_is(
    model_folder: Folder, tmp_path: Path
) -> None:
    save_model(make(model_folder, "bert", "llama", "frozen"), tmp_path / "bridge")
    for name, file in (("heads", "heads.json"), ("adapters", "adapters.json")):
        shutil.copytree(model_folder("bert"), tmp_path / name)
        (tmp_path / name / file).write_text("{}", encoding="utf-8")
    for folder, what, described in (
        (make_table(tmp_path / "table"), "a static table", Description("static", "16")),
        (tmp_path / "bridge", "a bridge", Description("bridge", "32")),
        (tmp_path / "heads", "a model with heads", Description("bert", "32")),
        (tmp_path / "adapters", "a model with adapters", Description("bert", "32")),
        (model_folder("qwen3"), "a sentence-transformers model", Description("qwen3", "32")),
    ):
        known = format_of(folder)
        assert (known.what, known.describe(folder)) == (what, described)
    onnx = format_of(locate("default"))
    about = onnx.describe(locate("default"))
    assert (onnx.what, about.kind, about.dim) == ("an ONNX export", "onnx", "384")
    assert about.languages
    assert ";" in about.figures


def test_what_a_table_s_card_declares_is_shown(tmp_path: Path) -> None:
    from dataclasses import replace

    table = lusifer.load(make_table(tmp_path / "made"))
    about = {"languages": "Kiswahili, 日本語", "figures": {"bitext": 0.9, "search": 0.5}}
    save_static(
        tmp_path / "told",
        table.tokenizer,  # type: ignore[attr-defined]
        table.rows.astype(np.float32),  # type: ignore[attr-defined]
        replace(table.config, about=about),  # type: ignore[attr-defined]
    )
    assert format_of(tmp_path / "told").describe(tmp_path / "told") == Description(
        "static", "16", "Kiswahili, 日本語", "bitext 0.9; search 0.5"
    )


def test_each_folder_is_loaded_by_what_reads_it(model_folder: Folder, tmp_path: Path) -> None:
    model = make(model_folder, "bert", "bert", "frozen")
    save_model(model, tmp_path / "bridge")
    assert type(lusifer.load(tmp_path / "bridge")) is TorchEmbedder
    file = tmp_path / "bridge" / "bridge.json"
    file.write_text(
        file.read_text("utf-8").replace('"english": "bridge"', '"english": "target"'), "utf-8"
    )
    assert isinstance(lusifer.load(tmp_path / "bridge"), EnglishRoute)
    shutil.copytree(model_folder("bert"), tmp_path / "heads")
    Heads(32, 8, [0, 2]).write(tmp_path / "heads")
    hybrid = lusifer.load(tmp_path / "heads")
    assert isinstance(hybrid, HybridEmbedder)
    np.testing.assert_array_equal(
        hybrid.encode(TEXTS), lusifer.load(model_folder("bert")).encode(TEXTS)
    )


def test_a_folder_without_a_configuration_is_still_described(tmp_path: Path) -> None:
    assert format_of(tmp_path).describe(tmp_path) == Description("?", "?")
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 7}), encoding="utf-8")
    assert format_of(tmp_path).describe(tmp_path) == Description("?", "7")


def test_only_what_differs_from_the_default_was_asked_for() -> None:
    assert LoadOptions().asked() == {}
    assert LoadOptions(long="pool", budget=64).asked() == {"long": "pool", "budget": 64}
    fields = set(LoadOptions.__dataclass_fields__)
    assert all(known.options <= fields and "bf16" in known.options for known in FORMATS)
