"""A recipe of each stage, on tiny models and a few texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file

import lusifer
from lusifer.training.run import stage_names
from tests.conftest import make_table
from tests.reshaping.test_trim import unigram

Folder = Callable[[str], Path]


OPTIM = {"steps": 6, "lr": 1e-2, "save_every": 3, "log_every": 1, "workers": 0, "precision": "fp32"}


def stage_and_method(stage: str) -> dict[str, str]:
    """`distill map` as a recipe says it."""
    name, _, method = stage.partition(" ")
    return {"stage": name} | ({"method": method} if method in stage_names()[name] else {})


def recipe(stage: str, folder: Path, model_folder: Folder, **changes: Any) -> Path:
    """A recipe file for the stage."""
    target = "bert" if stage in ("distill bridge", "distill map") else "llama"
    bridge = {
        "encoder": {"base": str(model_folder("xlm-roberta")), "train": "lora"},
        "target": {"base": str(model_folder(target))},
        "connector": {"kind": "mlp", "tokens": 1},
        "max_tokens": 64,
    }
    texts = {
        "root": str(folder),
        "sources": [{"files": ["texts.tsv"], "columns": ["language", "text"]}],
    }
    document: dict[str, Any] = {
        **stage_and_method(stage),
        "output": str(folder / "out"),
        "batch_size": 4,
        "optim": OPTIM,
    }
    if stage == "distill bridge":
        lexicon = {
            "lexicon": [{"files": ["lexicon.tsv"], "columns": ["language", "english", "text"]}]
        }
        document |= {
            "bridge": bridge,
            "data": texts,
            "code_switch": lexicon,
            "token_dropout": 0.1,
            "loss": {"kl": 0.5},
        }
    elif stage == "align":
        document |= {
            "bridge": bridge,
            "data": {"root": str(folder), "reconstruct": texts["sources"], "complete": [PAIRS]},
        }
    elif stage == "contrastive of a bridge":
        document |= {
            "bridge": bridge | {"prompts": {"query": "Q: ", "document": "D: "}},
            "data": {"root": str(folder), "sources": [PAIRS], "english_only": True},
            "loss": [{"kind": "info_nce", "temperature": 0.05, "mask": None}],
        }
    elif stage == "contrastive":
        document |= {
            "base": str(model_folder("bert")),
            "data": {
                "root": str(folder),
                "sources": [
                    PAIRS,
                    PAIRS | {"columns": ["query", "document", "negative", "_"], "weight": 2},
                ],
            },
            "prompts": {"query": "Q: ", "document": "D: "},
            "loss": [
                {
                    "kind": "info_nce",
                    "directions": ["query_to_doc", "query_to_query", "doc_to_doc"],
                    "chunk": 3,
                }
            ],
            "mixing": {"homogeneous": 0.5},
            "matryoshka": [16, 8],
            "mini_batch_tokens": 40,
        }
    elif stage == "rerank":
        ranked = PAIRS | {"columns": ["query", "document", "negative", "negative_2"]}
        document |= {
            "base": str(model_folder("bert")),
            "data": {"root": str(folder), "sources": [ranked]},
            "negatives": 2,
        }
    elif stage == "distill parallel":
        parallel = {
            "files": ["pairs.jsonl"],
            "columns": ["query", "document", "_", "_"],
            "rename": {"query": "english", "document": "text"},
        }
        document |= {
            "base": str(model_folder("modernbert")),
            "teacher": str(model_folder("bert")),
            "ranking": 0.5,
        }
        document |= {"data": {"root": str(folder), "sources": [parallel]}}
    elif stage == "distill vectors":
        del document["batch_size"]
        base = unigram(folder / "unigram")
        if not (folder / "vectors").exists():
            lusifer.encode(
                str(folder / "texts.tsv"),
                folder / "vectors",
                model=base,
                columns=["language", "text"],
                keep=["text"],
                shard_rows=6,
            )
        document |= {
            "start": {
                "base": str(base),
                "layers": [0, 2],
                "pieces": 120,
                "four_bits": True,
                "head": True,
            },
            "batch_tokens": 60,
        }
        document |= {"data": {"vectors": str(folder / "vectors")}}
    elif stage == "distill map":
        document |= {
            "encoder": str(model_folder("xlm-roberta")),
            "target": str(model_folder("bert")),
            "data": texts,
            "kind": "mlp",
        }
    elif stage == "pretrain causal":
        shape = {"hidden": 32, "layers": 2, "heads": 4, "intermediate": 48, "max_tokens": 64}
        document |= {
            "data": texts,
            "vocabulary": {"size": 310, "characters": 10_000},
            "shape": shape,
        }
    elif stage == "pretrain mntp":
        document |= {"base": str(model_folder("llama")), "data": texts, "lora": {"rank": 4}}
    elif stage == "pretrain adapt":
        both = {"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}
        texts = {"root": str(folder), "max_tokens": 32, "sources": [*texts["sources"], both]}
        document |= {"base": str(model_folder("bert")), "data": texts, "rebuild": {}}
    elif stage == "pretrain masked":
        del document["batch_size"], document["optim"]
        source = [{"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}]
        document |= {
            "data": {"root": str(folder), "parallel": source, "lexicon": source, "max_tokens": 24},
            "vocabulary": {"size": 330, "characters": 10_000},
            "shape": {"hidden": 32, "layers": 2, "heads": 4, "intermediate": 48, "max_tokens": 64},
            "warm": {"optim": OPTIM, "batch_tokens": 512},
            "masking": {"optim": OPTIM, "batch_tokens": 512},
            "ranking": {"optim": OPTIM, "batch_tokens": 512},
        }
    elif stage == "static table":
        del document["batch_size"], document["optim"]
        source = [{"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}]
        asked = [{"files": ["pairs.jsonl"], "columns": ["query", "document"]}]
        document |= {
            "data": {
                "root": str(folder),
                "parallel": source,
                "lexicon": source,
                "retrieval": asked,
                "max_tokens": 24,
            },
            "vocabulary": {"size": 330, "characters": 10_000},
            "dim": 16,
            "nested": [8],
            "few": 4,
            "substrings": 2,
            "whiten": 0.5,
            "ranking": {
                "optim": OPTIM,
                "batch_tokens": 512,
                "bundle": 3,
                "kinds": {"parallel": 0.5, "lexicon": 0.2, "retrieval": 0.3},
            },
            "teacher": {"base": str(model_folder("bert")), "kinds": ["parallel", "retrieval"]},
        }
    elif stage == "static context":
        del document["batch_size"], document["optim"]
        source = [{"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}]
        document |= {
            "data": {"root": str(folder), "parallel": source, "lexicon": source, "max_tokens": 24},
            "table": str(make_table(folder / "table")),
            "shape": {"layers": 2, "heads": 4, "intermediate": 24},
            "nested": [8],
            "few": 4,
            "ranking": {
                "optim": OPTIM,
                "batch_tokens": 512,
                "bundle": 3,
                "kinds": {"parallel": 0.8, "lexicon": 0.2},
            },
            "teacher": {"base": str(model_folder("bert")), "kinds": ["parallel"]},
        }
    document |= changes
    file = folder / f"{stage.replace(' ', '-')}.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


PAIRS = {"files": ["pairs.jsonl"], "columns": ["query", "document", "negative", "negative_2"]}


STAGES = [
    "distill bridge",
    "align",
    "contrastive of a bridge",
    "distill map",
    "pretrain masked",
    "pretrain causal",
    "pretrain mntp",
    "pretrain adapt",
    "static table",
    "static context",
    "contrastive",
    "rerank",
    "distill parallel",
    "distill vectors",
]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    whole = {
        str(f.relative_to(folder)): torch.frombuffer(bytearray(f.read_bytes()), dtype=torch.uint8)
        for f in folder.rglob("*.onnx")
    }
    return whole | {
        f"{f.relative_to(folder)}:{k}": v
        for f in sorted(folder.rglob("*.safetensors"))
        for k, v in load_file(f).items()
    }
