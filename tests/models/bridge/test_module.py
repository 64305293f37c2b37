"""The bridge: a vector depends on its text and prompt alone, and a checkpoint is strict, small and
whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.config import build
from lusifer.errors import LusiferError, ModelError
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.bridge.connectors import ConnectorConfig
from lusifer.training.assemble import assemble, save_model
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
PROMPTS = {"query": "The question: ", "document": "The answer: "}


def make(
    model_folder: Folder,
    encoder: str = "xlm-roberta",
    target: str = "llama",
    train: str = "lora",
    **connector: object,
) -> SentenceTransformer:
    for family in (encoder, target):
        model_folder(family)  # making one draws random numbers: before the seed, not after
    torch.manual_seed(1)
    config = BridgeConfig(
        Part(str(model_folder(encoder)), train),  # type: ignore[arg-type]
        Part(str(model_folder(target)), "lora" if train == "lora" else "frozen"),
        build(ConnectorConfig, {"kind": "mlp"} | connector, "connector"),
        max_tokens=64,
        prompts=PROMPTS,
    )
    model = assemble(Bridge.new(config))
    with torch.no_grad():  # adapters start at zero: move them, so that losing them shows
        for name, parameter in model[0].named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    return model.eval()


PAIRS = [
    ("xlm-roberta", "llama"),
    ("bert", "bert"),
    ("modernbert", "qwen3"),
    ("t5", "gemma2"),
    ("roberta", "mistral"),
    ("mt5", "gemma3_text"),
]


@pytest.mark.parametrize(("encoder", "target"), PAIRS)
@pytest.mark.parametrize("kind", ["mlp", "linear", "vocabulary", "words", "resampler"])
def test_a_vector_depends_on_its_text_alone(
    encoder: str, target: str, kind: str, model_folder: Folder
) -> None:
    """Batch composition and order, padding side and length, added tokens (fault 3 of the first
    implementation).
    """
    sizes = {"queries": 4} if kind == "resampler" else {}
    model = make(model_folder, encoder, target, kind=kind, tokens=2, **sizes)
    alone = np.stack([model.encode([t])[0] for t in TEXTS[:6]])
    together = model.encode(TEXTS[:6], batch_size=6)
    backwards = model.encode(TEXTS[5::-1], batch_size=4)[::-1]
    np.testing.assert_allclose(together, alone, atol=2e-5)
    np.testing.assert_allclose(backwards, alone, atol=2e-5)
    features = model[0].preprocess([TEXTS[0]], prompt=PROMPTS["document"])
    width = features["input_ids"].shape[1]
    for left, right in ((7, 0), (0, 9), (3, 4)):
        padded = {
            "input_ids": torch.nn.functional.pad(features["input_ids"], (left, right), value=1),
            "attention_mask": torch.nn.functional.pad(features["attention_mask"], (left, right)),
        }
        assert padded["input_ids"].shape[1] == width + left + right
        with torch.no_grad():
            vector = model(padded)["sentence_embedding"][0].numpy()
        np.testing.assert_allclose(vector, alone[0], atol=2e-5)


def test_the_padding_side_of_the_tokenizer_changes_nothing(
    model_folder: Folder, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    shutil.copytree(model_folder("bert"), left)
    settings_file = left / "tokenizer_config.json"
    document = json.loads(settings_file.read_text(encoding="utf-8")) | {"padding_side": "left"}
    settings_file.write_text(json.dumps(document), encoding="utf-8")
    models = [
        make(lambda f, b=base: b if f == "bert" else model_folder(f), "bert", "llama", tokens=1)
        for base in (left, model_folder("bert"))
    ]
    np.testing.assert_allclose(*(m.encode(TEXTS) for m in models), atol=2e-5)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=5))
def test_any_text_gives_a_finite_unit_vector_that_is_its_own(
    texts: list[str], model_folder: Folder
) -> None:
    embedder = TorchEmbedder(make(model_folder, tokens=1))
    vectors = embedder.encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(vectors[0], embedder.encode(texts[:1])[0], atol=2e-5)


@pytest.mark.parametrize(
    ("train", "kind"),
    [("frozen", "mlp"), ("lora", "mlp"), ("full", "mlp"), ("lora", "words"), ("full", "words")],
)
def test_every_way_of_loading_gives_the_same_vectors_twice(
    train: str, kind: str, model_folder: Folder, tmp_path: Path
) -> None:
    """Save → load = identical; dropout is off after every way of loading (fault 2)."""
    model = make(model_folder, train=train, tokens=1, kind=kind)
    model.train()
    folder = tmp_path / "bridge"
    save_model(model, folder)
    wanted = model.eval().encode(TEXTS)
    ways = {
        "lusifer.load": lambda: lusifer.load(folder).encode(TEXTS),
        "lusifer.sentence_transformer": lambda: lusifer.sentence_transformer(folder).encode(TEXTS),
        "SentenceTransformer": lambda: SentenceTransformer(
            str(folder), trust_remote_code=True, device="cpu"
        ).encode(TEXTS),
    }
    default = model.encode(TEXTS, prompt_name="document")
    for way in ways.values():
        first, second = way(), way()
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, default, atol=1e-6)
    np.testing.assert_array_equal(wanted, default)


def test_prompts_are_saved_and_applied(model_folder: Folder, tmp_path: Path) -> None:
    save_model(make(model_folder), tmp_path / "b")
    embedder = lusifer.load(tmp_path / "b")
    assert dict(embedder.prompts) == PROMPTS
    bare = lusifer.sentence_transformer(tmp_path / "b")
    asked = bare.encode([PROMPTS["query"] + TEXTS[0]], prompt="")
    np.testing.assert_allclose(embedder.encode([TEXTS[0]], prompt="query"), asked, atol=1e-6)
    np.testing.assert_allclose(bare.encode_query([TEXTS[0]]), asked, atol=1e-6)
    np.testing.assert_allclose(
        embedder.encode([TEXTS[0]]), bare.encode_document([TEXTS[0]]), atol=1e-6
    )
    with pytest.raises(LusiferError, match=r"no prompt 'sts'.*query"):
        embedder.encode(TEXTS, prompt="sts")


def test_code_of_its_own_is_refused(model_folder: Folder, tmp_path: Path) -> None:
    save_model(make(model_folder), tmp_path / "b")
    file = tmp_path / "b" / "modules.json"
    file.write_text(
        file.read_text(encoding="utf-8").replace("lusifer.models.bridge.Bridge", "evil.Module"),
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match="code of its own"):
        lusifer.load(tmp_path / "b")
    with pytest.raises(ModelError, match="no such"):
        lusifer.load(tmp_path / "nothing")


def test_encode_takes_a_list_and_gives_float32_rows(model_folder: Folder) -> None:
    embedder = TorchEmbedder(make(model_folder))
    assert isinstance(embedder, lusifer.Embedder)
    assert embedder.encode([]).shape == (0, 32)
    assert (embedder.dim, embedder.max_tokens) == (32, 64)
    vectors = embedder.encode(["", "word " * 10_000])
    assert vectors.dtype == np.float32
    with pytest.raises(LusiferError, match="list of texts"):
        embedder.encode("one text")
    with pytest.raises(LusiferError, match="text 1 is int"):
        embedder.encode(["a", 3])  # type: ignore[list-item]


def test_nan_weights_are_told_with_the_text(model_folder: Folder) -> None:
    model = make(model_folder)
    with torch.no_grad():
        model[0].connector.second.bias.fill_(float("nan"))
    with pytest.raises(ModelError, match="NaN"):
        TorchEmbedder(model).encode(TEXTS[:2])


def test_no_logits_are_made_and_no_hidden_states_are_kept(
    model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 4: `encode` computed LM-head logits and kept every layer's states."""
    model = make(model_folder)
    assert not [n for n, _ in model.named_modules() if "lm_head" in n]
    bridge: Bridge = model[0]
    kept: list[object] = []
    original = bridge.target.forward

    def watch(*args: object, **kwargs: object) -> object:
        out = original(*args, **kwargs)
        kept.append((out.hidden_states, out.past_key_values))
        return out

    monkeypatch.setattr(bridge.target, "forward", watch)
    model.encode(TEXTS[:2])
    assert kept == [(None, None)]


def test_only_what_is_saved_can_be_trained(model_folder: Folder, tmp_path: Path) -> None:
    """Also in the hands of another trainer: sentence-transformers' own would else move weights that
    a save leaves out.
    """
    model = make(model_folder)
    save_model(model, tmp_path / "b")
    for loaded in (
        model,
        lusifer.sentence_transformer(tmp_path / "b"),
        SentenceTransformer(str(tmp_path / "b"), trust_remote_code=True),
    ):
        assert {n for n, p in loaded[0].named_parameters() if p.requires_grad} == set(
            loaded[0].trained_names()
        )


def test_a_target_with_a_head_of_its_own_is_refused(model_folder: Folder, tmp_path: Path) -> None:
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

    modules = [
        Transformer(str(model_folder("bert"))),
        Pooling(32, pooling_mode="mean"),
        Dense(32, 32),
    ]
    SentenceTransformer(modules=modules, device="cpu").save(
        str(tmp_path / "dense"), create_model_card=False
    )
    with pytest.raises(ModelError, match="adds 'Dense'"):
        Bridge.new(
            BridgeConfig(
                Part(str(model_folder("bert"))), Part(str(tmp_path / "dense")), max_tokens=64
            )
        )


def test_encode_pads_little(model_folder: Folder) -> None:
    """Fault 4: nothing was sorted, so every batch was as long as its longest text."""
    embedder = TorchEmbedder(make(model_folder), 256)
    texts = [" ".join(TEXTS[:5]) if i % 8 == 0 else TEXTS[i % 16] for i in range(64)]
    seen: list[tuple[int, int]] = []
    bridge: Bridge = embedder.model[0]
    original = bridge.encode_tokens

    def watch(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append((ids.numel(), int(mask.sum())))
        return original(ids, mask)

    bridge.encode_tokens = watch  # type: ignore[method-assign]
    embedder.encode(texts)
    spent, real = (sum(part) for part in zip(*seen, strict=True))
    assert spent < 1.25 * real


def test_frozen_parts_recompute_activations_and_stay_free_of_dropout(model_folder: Folder) -> None:
    config = BridgeConfig(
        Part(str(model_folder("bert"))), Part(str(model_folder("bert"))), max_tokens=64
    )
    bridge = Bridge.new(config)
    plain = assemble(bridge).eval().encode(TEXTS[:4], convert_to_tensor=True)
    bridge.checkpoint_activations()
    bridge.train()
    assert bridge.target.training
    features = bridge.preprocess(TEXTS[:4])
    out = bridge(features)["token_embeddings"]
    assert torch.equal(out, bridge(features)["token_embeddings"]), "no dropout is left"
    out.sum().backward()  # type: ignore[no-untyped-call]
    assert bridge.connector.first.weight.grad is not None
    assert plain.shape == (4, 32)
