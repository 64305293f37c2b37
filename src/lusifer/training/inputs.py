"""Before a bridge is distilled through its target: teach its connector what the target's inputs
look like.

Method: the mean of the bridge's input vectors of a text is pulled to the mean of the target's own
token embeddings of the same text (squared error in units of their variance, and InfoNCE of the
centred means). No pass through the target, so a step costs the encoder alone, and the gradient does
not have to find its way back through the target's layers. With code-switched input this also places
other languages' words near the English ones they translate. Cost: about a third of a distillation
step. Not enough by itself: order and context are the target's to use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lusifer.io import fingerprint, write_array
from lusifer.models import Bridge, families, hub, masked_mean
from lusifer.training.losses.in_batch import TeacherRanking

BLOCK = 4096


def mean_inputs(
    bridge: Bridge, texts: list[str], folder: Path, max_tokens: int
) -> npt.NDArray[np.float16]:
    """The mean of the target's token embeddings of each text, (n, d) float16, made once and kept in
    `folder`.
    """
    file = folder / f"inputs-{fingerprint(bridge.bases['target'].hash, texts, str(max_tokens))}.npy"
    if not file.exists():
        tokenizer = families.load_tokenizer(hub.locate(bridge.config.target.base))
        table, scale = families.embeddings(bridge.target)
        table = table.detach().cpu()
        means = []
        with torch.no_grad():
            for i in range(0, len(texts), BLOCK):
                batch = tokenizer(
                    texts[i : i + BLOCK],
                    padding=True,
                    truncation=True,
                    max_length=max_tokens,
                    return_tensors="pt",
                )
                means.append(
                    (
                        masked_mean(table[batch["input_ids"]].float(), batch["attention_mask"])
                        * scale
                    )
                    .half()
                    .numpy()
                )
        write_array(file, np.concatenate(means))
    return np.load(file, mmap_mode="r")  # type: ignore[no-any-return]


class InputLoss(nn.Module):
    """Bridge inputs against the target's, both as means over a text."""

    def __init__(self, bridge: Bridge, means: npt.NDArray[np.float16]) -> None:
        super().__init__()
        self.bridge = bridge
        sample = torch.from_numpy(means[: 1 << 16].astype(np.float32))
        self.register_buffer("centre", sample.mean(0))
        self.register_buffer("variance", sample.var(0).mean())

    centre: torch.Tensor
    variance: torch.Tensor

    def forward(
        self,
        student_input_ids: torch.Tensor,
        student_attention_mask: torch.Tensor,
        label: dict[str, torch.Tensor],
    ) -> dict[str, Any]:
        states, mask = self.bridge.encode_tokens(student_input_ids, student_attention_mask)
        student, teacher = masked_mean(*self.bridge.join(states, mask)).float(), label["teacher"]
        error = (student - teacher).pow(2).mean() / self.variance
        ranking = TeacherRanking()(student - self.centre, teacher - self.centre)
        return {"loss": error + ranking}
