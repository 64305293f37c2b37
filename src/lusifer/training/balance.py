"""The load of a mixture of experts, kept even: a small loss beside the recipe's own.

Method: a router that sends most tokens to few experts is drawn to an even share, by the product of each
expert's share of tokens and its mean probability (Switch Transformer, arXiv 2101.03961, equations 4 to 6;
Nomic Embed v2 trains with it, arXiv 2502.07972). What is computed is transformers' own. Cost: nothing
beside the routers' logits, which are there. Not for adapters alone, which leave the routers as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

from lusifer.errors import ConfigError


class Balance:
    """Listens to a model's routers while it is trained."""

    def __init__(self, model: Any, weight: float, where: str) -> None:
        """`model`: of sentence-transformers; `where`: its name, for errors.

        Raises ConfigError where it has no routers.
        """
        inner = getattr(model[0], "auto_model", None)
        recorded = getattr(inner, "_can_record_outputs", None) or {}
        if inner is None or "router_logits" not in recorded:
            raise ConfigError(
                f"{where}: balance is for mixtures of experts, and this base has no router"
            )
        config, recorder = inner.config, recorded["router_logits"]
        self.weight, self.top = weight, int(config.num_experts_per_tok)
        found = getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None)
        self.experts, self.place = int(found or 0), int(recorder.index)
        self._losses, self._logits = list[torch.Tensor](), list[torch.Tensor]()
        for module in inner.modules():
            if isinstance(module, recorder.target_class):
                module.register_forward_hook(self._hear)
        model[0].register_forward_hook(self._sum)

    def __call__(self) -> torch.Tensor | float:
        """The weighted loss of what was read since the last call, the mean over passes; 0 for nothing."""
        losses, self._losses = self._losses, []
        return self.weight * torch.stack(losses).mean() if losses else 0.0

    def _hear(self, router: Any, args: Any, output: Any) -> None:
        if router.training and torch.is_grad_enabled():
            self._logits.append(output[self.place] if isinstance(output, tuple) else output)

    def _sum(self, module: Any, args: Any, features: dict[str, Any]) -> None:
        logits, self._logits = self._logits, []
        if logits:
            mask = features["attention_mask"]
            loss = load_balancing_loss_func(tuple(logits), self.experts, self.top, mask)
            assert isinstance(loss, torch.Tensor)
            self._losses.append(loss)
