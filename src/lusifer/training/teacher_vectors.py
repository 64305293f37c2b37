"""The target's own vectors of the training texts: made once, in blocks, each kept on disk as soon
as it is done.

A block's file is named by a hash of the target's weights, the block's texts and the cut, so an
interrupted run goes on at the block where it stopped, and a changed source costs only the blocks
that it changed. The whole is held in memory: two bytes a number, 0.8 GB for a million texts of 384.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sentence_transformers.sentence_transformer.modules import StaticEmbedding

from lusifer.io import fingerprint, track, write_array
from lusifer.models import TorchEmbedder, hub, identity, sentence_transformer
from lusifer.training.optim import use_bf16

log = logging.getLogger(__name__)
BLOCK = 16384


def teacher_vectors(
    base: str, texts: Sequence[str], folder: Path, max_tokens: int, roles: Sequence[str] = ()
) -> npt.NDArray[np.float16]:
    """The target's vectors of `texts`, (n, d) float16, unit rows, each text cut at `max_tokens` as
    the student's is.

    `roles` name, text by text, which of the target's own prompts it carries (one it lacks is
    empty).
    """
    model_folder = hub.locate(base)
    model = sentence_transformer(model_folder)
    prompts = [model.prompts.get(r, "") for r in roles] or [
        model.prompts.get(model.default_prompt_name or "", "")
    ] * len(texts)
    texts = [prompt + text for prompt, text in zip(prompts, texts, strict=True)]
    longest = min(model.max_seq_length or max_tokens, max_tokens)
    if isinstance(model[0], StaticEmbedding):
        model.tokenizer.enable_truncation(longest)
    else:
        model.max_seq_length = longest
    model.default_prompt_name = None  # each text has its own already
    blocks = [texts[i : i + BLOCK] for i in range(0, len(texts), BLOCK)]

    def files_of(teacher: str) -> list[Path]:
        return [
            folder / f"teacher-{fingerprint(teacher, block, str(max_tokens))}.npy"
            for block in blocks
        ]

    files = files_of(
        hub.weights_hash(model_folder)
    )  # so named by runs that were begun before a model had an identity
    if not any(file.exists() for file in files):
        files = files_of(identity(model_folder))
    missing = [
        (file, block) for file, block in zip(files, blocks, strict=True) if not file.exists()
    ]
    if missing:
        log.info(
            "embedding %d English texts by the target", sum(len(block) for _, block in missing)
        )
        embedder = TorchEmbedder(model, bf16=use_bf16("auto"), own=True)
    for file, block in track(missing, "target's vectors"):
        write_array(file, embedder.encode(block).astype(np.float16))
    return np.concatenate([np.load(file) for file in files])
