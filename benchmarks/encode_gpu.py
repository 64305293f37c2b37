"""Encoding on a GPU beside sentence-transformers' `encode`: random weights of real shapes, in bf16, the
texts and the ways of `encode.py`, and the share of the machine's measured rate of bf16 matrix
products.

    python benchmarks/encode_gpu.py --suite ../shared/data --texts 16000 --shapes xlm-r-large,qwen3-0.6b
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from encode import corpus, library, measure, show

SHAPES: dict[str, dict[str, Any]] = {
    "xlm-r-large": {"model_type": "xlm-roberta", "vocab_size": 250_002, "hidden_size": 1024, "num_hidden_layers": 24,
                    "num_attention_heads": 16, "intermediate_size": 4096, "max_position_embeddings": 514, "pad_token_id": 1},
    "qwen3-0.6b": {"model_type": "qwen3", "vocab_size": 151_936, "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
                   "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "max_position_embeddings": 32768},
    "mistral-7b": {"model_type": "mistral", "vocab_size": 65_536, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
                   "num_key_value_heads": 8, "intermediate_size": 14336, "sliding_window": None},
}  # fmt: skip


def random_backbone(shape: str, role: str, device: str) -> Any:
    """Random bf16 weights of a real shape, made on the device; Mistral with room for the tokenizer
    of models/encoder-29m.
    """
    import torch
    import transformers

    from lusifer.models import families

    settings = dict(SHAPES[shape])
    config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = families.build(config, causal=False)
    finally:
        torch.set_default_dtype(before)
    if hasattr(model, "rotary_emb"):  # its angles stay in fp32, as in a model that was loaded
        model.rotary_emb = type(model.rotary_emb)(config).to(device)
    assert role in ("encoder", "target")
    return model.eval()


def random_model(shape: str, tokenizer_folder: str, folder: Path, device: str) -> tuple[Any, int]:
    """A SentenceTransformer of that shape over the tokenizer of a folder, and its parameters that a
    token passes through.
    """
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    from lusifer.models import families

    if shape == "bridge":
        return random_bridge(tokenizer_folder, device)
    tokenizer = families.load_tokenizer(tokenizer_folder)
    tiny = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        pad_token_id=1,
    )
    transformers.BertModel(tiny).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    module = Transformer(str(folder), max_seq_length=512)
    module.model = random_backbone(shape, "target", device)
    model = SentenceTransformer(
        modules=[module, Pooling(SHAPES[shape]["hidden_size"], pooling_mode="mean"), Normalize()],
        device=device,
    )
    return model, inner_parameters(module.model)


def random_bridge(tokenizer_folder: str, device: str) -> tuple[Any, int]:
    """XLM-R-large through a connector into Qwen3-0.6B, as LUSIFER joins XLM-R-large to Mistral."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

    from lusifer.models import families
    from lusifer.models.bridge import Bridge, BridgeConfig, Part
    from lusifer.models.bridge.connectors.mlp import MLPConfig

    parts = [
        random_backbone(shape, role, device)
        for shape, role in (("xlm-r-large", "encoder"), ("qwen3-0.6b", "target"))
    ]
    config = BridgeConfig(
        Part("encoder", dtype="bfloat16"),
        Part("target", dtype="bfloat16"),
        MLPConfig(),
    )
    bridge = Bridge(config, *parts, families.load_tokenizer(tokenizer_folder), {})
    model = SentenceTransformer(
        modules=[bridge, Pooling(1024, pooling_mode="mean"), Normalize()], device=device
    )
    return model.eval(), sum(map(inner_parameters, parts)) + sum(
        p.numel() for p in bridge.connector.parameters()
    )


def inner_parameters(model: Any) -> int:
    """Parameters of the layers: what each token is multiplied by."""
    from lusifer.models.families import blocks

    return sum(p.numel() for block in blocks(model) for p in block.parameters())


def matrix_rate(device: str) -> float:
    """bf16 products of 8192 x 8192 random matrices, operations a second."""
    import torch

    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(10):
        a @ b
    torch.cuda.synchronize()
    return 10 * 2 * 8192**3 / (time.perf_counter() - start)


def on_gpu(texts: list[str], shapes: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Each shape, sentence-transformers and ours, on so many texts that each takes seconds."""
    import torch

    from lusifer.io.files import write_json
    from lusifer.models.backends.torch_embedder import TorchEmbedder

    device, rounds, budget = options.device, options.rounds, options.budget
    peak = matrix_rate(device)
    print(
        f"bf16 matrix products: {peak / 1e12:.0f} TFLOP/s, {torch.cuda.get_device_name()}",
        flush=True,
    )
    found: dict[str, Any] = {"matrix_rate": peak, "device": torch.cuda.get_device_name()}
    for shape in shapes:
        with tempfile.TemporaryDirectory(prefix="lusifer-encode-") as aside:
            model, parameters = random_model(shape, options.tokenizer, Path(aside), device)
        own = texts[: max(500, int(len(texts) * min(1.0, 3e8 / parameters)))]
        theirs, best = library(model, (64, 256), own[: len(own) // 10])
        eager = TorchEmbedder(model, budget, bf16=True)
        assert eager.runner is not None
        tokens = sum(len(ids) for ids in eager.runner.tokenise(own))
        start = time.perf_counter()
        eager.runner.tokenise(own)
        spent = time.perf_counter() - start
        eager.encode(own[:200])
        rows, first = measure(
            {f"sentence-transformers bf16, {best}": theirs, "ours bf16": eager.encode}, own, rounds
        )
        fused = TorchEmbedder(model, budget, bf16=True, compile=True)
        start = time.perf_counter()
        for part in (slice(0, 50), slice(0, 300), slice(100, 700)):
            fused.encode(own[part])
        compiled = time.perf_counter() - start
        rows |= measure({"ours bf16, compiled": fused.encode}, own, rounds, first)[0]
        for row in rows.values():
            row["share of peak"] = 2 * parameters * tokens / row["seconds"] / peak
        padded = not eager.runner.padded
        show(
            f"{shape} ({parameters / 1e6:,.0f} M in its layers; end to end: {padded}; compiling {compiled:.0f} s)",
            rows,
            len(own),
            tokens,
        )
        ours = rows["ours bf16, compiled"]
        print(
            f"  tokenisation by itself {spent:.2f} s, {spent / ours['seconds']:.2f} of the time; it runs beside the model",
            flush=True,
        )
        found[shape] = {
            "tokens": tokens,
            "parameters": parameters,
            "tokenisation": spent,
            "compiling": compiled,
            "rows": rows,
        }
        write_json(options.into, {"gpu": found})  # whatever comes after
        del model, eager, fused, theirs
        torch.cuda.empty_cache()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="../shared/data", type=Path)
    parser.add_argument("--texts", default=16_000, type=int)
    parser.add_argument("--rounds", default=1, type=int)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shapes", default="xlm-r-large,qwen3-0.6b,bridge,mistral-7b")
    parser.add_argument("--tokenizer", default="models/encoder-29m", help="of the random models")
    parser.add_argument("--budget", default=65_536, type=int, help="tokens of a batch")
    parser.add_argument("-o", "--into", default="out/benchmarks/encode-gpu.json")
    options = parser.parse_args()
    on_gpu(corpus(options.suite, options.texts), options.shapes.split(","), options)
    print(json.dumps({"written": options.into}))


if __name__ == "__main__":
    main()
