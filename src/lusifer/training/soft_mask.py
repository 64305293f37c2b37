"""A decoder's mask that lets go of itself: from causal to both ways while it trains.

Method: what a token gives those behind it is weighed by a share that grows by equal steps from 0 to 1 over
the first `SOFT` of the run (Conan-embedding-v2, arXiv 2509.12892): its logarithm is added to their
scores before the softmax. From then on, and wherever the model is used, it attends both ways. Cost: a
mask of n x n numbers a text in those steps, and no fused kernel that needs none. Not for a model that
masked next-token prediction has taught to attend both ways already (`method: mntp`).
"""

from __future__ import annotations

import math
from functools import wraps
from typing import Any

import torch
from transformers import TrainerCallback

SOFT = 0.5  # of the steps


class SoftMask(TrainerCallback):  # type: ignore[misc]
    """The share, and the model's mask by it within a step of training. The share follows from the step
    alone, so that a resumed run has the one that it would have had. Whether a step is under way is told
    by the trainer and not by the module: beside adapters the frozen layers are in their evaluation mode.
    """

    def __init__(self, transformer: Any, steps: int) -> None:
        self.share, self.steps, self.within = 0.0, max(1, round(SOFT * steps)), False
        # A hook would not do: sentence-transformers calls a model's `forward` by name, past its hooks.
        whole = transformer.forward

        @wraps(whole)  # the library looks up which inputs it takes
        def forward(*args: Any, **kwargs: Any) -> Any:
            mask = kwargs.get("attention_mask")
            if self.within and self.share < 1 and mask is not None:
                dtype = next(transformer.parameters()).dtype
                kwargs["attention_mask"] = softened(mask, self.share, dtype)
            return whole(*args, **kwargs)

        transformer.forward = forward

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the share of this step."""
        self.share, self.within = min(1.0, state.global_step / self.steps), True

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Let what is validated or saved between two steps attend both ways."""
        self.within = False


def softened(mask: torch.Tensor, share: float, dtype: torch.dtype) -> torch.Tensor:
    """What is added to the scores of attention.

    Args:
        mask: (n, tokens), 0 where a token is padding.
        share: of a token for those before it, 0 to 1.
        dtype: of the scores.

    Returns:
        (n, 1, tokens, tokens): 0 for a token that another sees whole, the share's logarithm for one
        behind it, the smallest number for padding.
    """
    # Autocast may turn this mask into bfloat16, where float32's smallest number is minus infinity, and a
    # padding token that sees nothing would become NaN.
    least = max(torch.finfo(dtype).min, torch.finfo(torch.bfloat16).min)
    ahead = math.log(share) if share > 0 else least
    tokens = mask.shape[1]
    behind = torch.triu(torch.full((tokens, tokens), ahead, dtype=dtype, device=mask.device), 1)
    whole = behind[None, None].expand(len(mask), 1, tokens, tokens)
    return whole.masked_fill(mask[:, None, None, :] == 0, least)
