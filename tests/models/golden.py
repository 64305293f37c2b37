"""Vectors of every kind of model, written down: a change of the code must not move them. `make
snapshots` writes them anew.

Random models are filled by numpy from their parameters' names, so that no library's way to start
weights is part of it.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import lusifer
from lusifer.config import build
from lusifer.models import hub
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.bridge.connectors import ConnectorConfig
from lusifer.training.assemble import assemble
from tests.conftest import CAUSAL, tiny_config

FILE = Path(__file__).with_name("golden.json")
SHIPPED = Path(__file__).resolve().parents[2] / "models"
TEXTS = [
    "The station is behind the old market.",
    "Der Bahnhof liegt hinter dem alten Markt.",
    "स्टेशन पुराने बाज़ार के पीछे है।",
]
FAMILIES = [
    "bert", "roberta", "xlm-roberta", "modernbert", "eurobert", "nomic_bert", "distilbert", "deberta-v2",
    "t5", "mt5", "umt5", *CAUSAL,
]  # fmt: skip
CONNECTORS = ["mlp", "linear", "vocabulary", "resampler", "words"]
NUMBERS = 6  # of a vector, that are written down


def vectors() -> dict[str, list[list[float]]]:
    """Kind → the first numbers of the vectors of `TEXTS`."""
    return {
        name: model.encode(TEXTS)[:, :NUMBERS].astype(np.float64).round(5).tolist()
        for name, model in _models()
    }


def _models() -> Iterator[tuple[str, lusifer.Embedder]]:
    for name in hub.SHIPPED:
        yield name, lusifer.load(name)
    for folder in sorted(SHIPPED.iterdir()):
        if (
            not (folder / "bridge.json").exists()
            or (folder / "encoder" / "tokenizer.json").exists()
        ):  # else its encoder is to be fetched
            yield f"models/{folder.name}", lusifer.load(folder)
    with tempfile.TemporaryDirectory() as made:
        folders = {family: _made(Path(made) / family, family) for family in FAMILIES}
        for family, folder in folders.items():
            yield family, lusifer.load(folder)
        lusifer.export(
            folders["bert"],
            Path(made) / "onnx",
            min_cosine=0,
            texts=[("eng_Latn", text) for text in TEXTS],
        )
        yield "onnx", lusifer.load(Path(made) / "onnx")
        for kind in CONNECTORS:
            sizes = {"queries": 4} if kind == "resampler" else {}
            config = build(ConnectorConfig, {"kind": kind, "tokens": 1, **sizes}, kind)
            parts = Part(str(folders["xlm-roberta"])), Part(str(folders["bert"]))
            bridge = Bridge.new(BridgeConfig(*parts, connector=config, max_tokens=64))
            _fill(bridge.connector)
            yield f"bridge {kind}", TorchEmbedder(assemble(bridge, "cpu").eval())


def _made(folder: Path, family: str) -> Path:
    config = tiny_config(family)
    t5 = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
    classes = transformers.AutoModelForCausalLM if family in CAUSAL else transformers.AutoModel
    model = (
        getattr(transformers, t5[family])(config) if family in t5 else classes.from_config(config)
    )
    _fill(model)
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _fill(module: Any) -> None:
    """Give every parameter numbers that depend on its name and shape alone; norms stay near 1."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            seed = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest())
            noise = torch.from_numpy(
                np.random.default_rng(seed).normal(size=tuple(parameter.shape)).astype(np.float32)
            )
            parameter.copy_(
                parameter * 0
                + (
                    1 + 0.1 * noise
                    if parameter.ndim == 1 and "norm" in name.lower()
                    else 0.15 * noise
                )
            )


def _tokenizer() -> Any:
    """Words of `TEXTS` alone, without training: the same under every version."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    words = sorted(
        {word for text in TEXTS for word in text.replace(".", " .").replace("।", " ।").split()}
    )
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(specials + words)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>", mask_token="<mask>",
        cls_token="<s>", sep_token="</s>", model_max_length=64,
    )  # fmt: skip


if __name__ == "__main__":
    lines = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in vectors().items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
