"""A target attends in the direction that its own vectors were made with, for every family of
decoders, and its checkpoint keeps it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer

from lusifer.errors import ConfigError
from lusifer.models import sentence_transformer
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.models.bridge.parts import directed
from lusifer.training.assemble import assemble, save_model
from tests.conftest import CAUSAL, TEXTS

Folder = Callable[[str], Path]


def last_token_embedder(folder: Path, into: Path, **declared: object) -> Path:
    """A decoder as sentence-transformers folders of such embedders are: one that pools its last
    token.
    """
    shutil.copytree(folder, into)
    (into / "1_Pooling").mkdir()
    (into / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_lasttoken": True})
    )
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {
            "idx": 1,
            "name": "1",
            "path": "1_Pooling",
            "type": "sentence_transformers.models.Pooling",
        },
    ]
    (into / "modules.json").write_text(json.dumps(modules))
    config = json.loads((into / "config.json").read_text()) | declared
    (into / "config.json").write_text(json.dumps(config))
    return into


def bridge_to(encoder: Path, target: Path, **part: object) -> Bridge:
    config = BridgeConfig(
        Part(str(encoder)),
        Part(str(target), **part),  # type: ignore[arg-type]
        MLPConfig(kind="mlp"),
        max_tokens=32,
    )
    return Bridge.new(config).eval()


@pytest.mark.parametrize("family", CAUSAL)
def test_a_last_token_target_fed_its_own_inputs_gives_its_own_vectors(
    family: str, model_folder: Folder, tmp_path: Path
) -> None:
    target = last_token_embedder(model_folder(family), tmp_path / "target")
    own = SentenceTransformer(str(target), device="cpu")
    bridge = bridge_to(model_folder("xlm-roberta"), target)
    assert bridge.config.target.attention == "causal"
    for text in TEXTS[:3]:
        features = own.preprocess([text])
        embeds = bridge.target.get_input_embeddings()(features["input_ids"])
        with torch.no_grad():
            states = bridge.target(inputs_embeds=embeds).last_hidden_state[0, -1]
            both = own(dict(features))["sentence_embedding"][0]
        torch.testing.assert_close(states, both, rtol=1e-4, atol=1e-5)


def test_each_declaration_is_followed_and_a_recipe_has_the_last_word(
    model_folder: Folder, tmp_path: Path
) -> None:
    encoder, plain = model_folder("xlm-roberta"), model_folder("llama")
    both_ways = last_token_embedder(plain, tmp_path / "both", is_causal=False)
    gemma = last_token_embedder(
        model_folder("gemma3_text"), tmp_path / "gemma", use_bidirectional_attention=True
    )
    assert bridge_to(encoder, plain).config.target.attention == "bidirectional"  # as in the paper
    assert bridge_to(encoder, plain, attention="causal").config.target.attention == "causal"
    assert bridge_to(encoder, both_ways).config.target.attention == "bidirectional"
    assert bridge_to(encoder, gemma).config.target.attention == "bidirectional"
    assert bridge_to(encoder, model_folder("bert")).config.target.attention is None


def test_a_checkpoint_keeps_the_direction(model_folder: Folder, tmp_path: Path) -> None:
    vectors = {}
    for attention in ("causal", "bidirectional"):
        torch.manual_seed(1)
        bridge = bridge_to(model_folder("xlm-roberta"), model_folder("llama"), attention=attention)
        model = assemble(bridge, "cpu").eval()
        save_model(model, tmp_path / attention)
        again = sentence_transformer(tmp_path / attention, device="cpu")
        vectors[attention] = model.encode(TEXTS[:2])
        assert (vectors[attention] == again.encode(TEXTS[:2])).all()
        merged = assemble(bridge.merged(), "cpu").eval()
        save_model(merged, tmp_path / f"{attention}-merged")
        stand = sentence_transformer(tmp_path / f"{attention}-merged", device="cpu")
        assert abs(stand.encode(TEXTS[:2]) - vectors[attention]).max() < 1e-5
    assert abs(vectors["causal"] - vectors["bidirectional"]).max() > 1e-3


def test_a_checkpoint_that_does_not_say_attends_both_ways(
    model_folder: Folder, tmp_path: Path
) -> None:
    """As every bridge did before the direction was a setting."""
    bridge = bridge_to(model_folder("xlm-roberta"), model_folder("llama"))
    model = assemble(bridge, "cpu").eval()
    save_model(model, tmp_path / "model")
    file = tmp_path / "model" / "bridge.json"
    document = json.loads(file.read_text())
    del document["config"]["target"]["attention"]
    file.write_text(json.dumps(document))
    again = sentence_transformer(tmp_path / "model", device="cpu")
    assert (again.encode(TEXTS[:2]) == model.encode(TEXTS[:2])).all()


def test_a_direction_for_what_has_none_is_refused(model_folder: Folder) -> None:
    encoder, bert = str(model_folder("xlm-roberta")), model_folder("bert")
    with pytest.raises(ValueError, match=r"encoder\.attention is for the target"):
        BridgeConfig(Part(encoder, attention="causal"), Part(str(bert)))
    with pytest.raises(ConfigError, match="attends both ways"):
        directed(BridgeConfig(Part(encoder), Part(str(bert), attention="causal")), bert)


@pytest.mark.parametrize("family", CAUSAL)
@pytest.mark.parametrize("trained", ["causal", "bidirectional", None])
def test_who_goes_on_from_a_bridge_attends_as_it_did_unless_a_recipe_says_otherwise(
    family: str, trained: str | None, model_folder: Folder, tmp_path: Path
) -> None:
    target = last_token_embedder(model_folder(family), tmp_path / "target")
    start = bridge_to(model_folder("xlm-roberta"), target, attention=trained or "bidirectional")
    if trained is None:  # as before the direction was a setting
        start.config = replace(start.config, target=replace(start.config.target, attention=None))
    plain = replace(start.config, target=replace(start.config.target, attention=None))
    assert Bridge.going_on(plain, start).config.target.attention == (trained or "bidirectional")
    asked = replace(plain, target=replace(plain.target, attention="causal"))
    assert Bridge.going_on(asked, start).config.target.attention == "causal"
    assert Bridge.new(plain).config.target.attention == "causal"  # the target's own
