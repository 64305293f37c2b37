"""A static table as sentence-transformers' own, so that what trains and combines its models takes
tables too, and back again.

The library's `StaticEmbedding` takes the mean of a text's rows, ours their sum: one direction. Rows
are float32 there, four times as large.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

from lusifer.models.backends.static import fill_static, is_static, load_static, read_static_config


def read_table(folder: Path, device: str | None = None) -> SentenceTransformer:
    """The rows that a static table's int8 numbers stand for."""
    table = load_static(folder)
    rows = torch.from_numpy(table.rows.astype(np.float32) * table.scale[:, None])
    modules = [StaticEmbedding(table.tokenizer, rows), Normalize()]
    return SentenceTransformer(modules=modules, device=device, prompts=dict(table.prompts)).eval()


def write_as(model: SentenceTransformer, origin: Path, folder: Path) -> None:
    """Write a model into an empty folder as `origin` is written: a static table as one, its card's
    figures left out; others as they are, and a table too that has a layer behind it now.
    """
    layers = any(type(module).__name__ == "Dense" for module in model)
    if layers or not is_static(origin):
        model.save(str(folder), create_model_card=False)
        return
    table = model[0]
    table.tokenizer.no_truncation()  # its length is the configuration's
    config = read_static_config(origin)
    # The library gives every model empty prompts; those that the table had are its own.
    prompts = {k: v for k, v in model.prompts.items() if v or k in config.prompts}
    config = replace(config, prompts=prompts, about={})
    fill_static(
        folder, table.tokenizer, table.embedding.weight.detach().float().cpu().numpy(), config
    )
