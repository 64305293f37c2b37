"""The optimiser of every stage: its settings, in a recipe's `optim`, and what they want."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from lusifer.errors import ConfigError, MissingExtra
from lusifer.training.device import device_type, has_bf16

OPTIMIZERS = {
    "adamw": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "adafactor": "adafactor",
}


@dataclass(frozen=True)
class Optim:
    """The optimiser with warm-up and a schedule, as every stage uses it. A step averages the gradients
    of `accumulate` batches. `optimizer` is AdamW, the same with states of 8 bits (bitsandbytes, on a
    GPU: a quarter of their memory), or Adafactor, which keeps sums of rows and columns instead.
    `average`: the mean of so many of the last checkpoints ships (`training/averaging.py`); 0 for the last
    weights.
    """

    steps: int = 1000
    lr: float = 1e-4
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    beta2: float = 0.98
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    gradient_checkpointing: bool = False
    save_every: int = 500
    log_every: int = 20
    workers: int = 2
    compile: bool = False
    accumulate: int = 1
    optimizer: Literal["adamw", "adamw_8bit", "adafactor"] = "adamw"
    average: int = 0

    @property
    def batches(self) -> int:
        """How many batches all steps read."""
        return self.steps * self.accumulate

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise ValueError("optim.accumulate must be at least 1")
        if self.steps < 1:
            raise ValueError("optim.steps must be at least 1")
        if not 0 <= self.warmup <= 1:
            raise ValueError("optim.warmup is a share of the steps, from 0 to 1")
        if self.lr <= 0:
            raise ValueError("optim.lr must be above 0")
        made = -(-self.steps // max(1, self.save_every))
        if self.average and not 2 <= self.average <= made:
            raise ValueError(
                f"optim.average is {self.average}; it is 0, or from 2 to {made}, the checkpoints that steps and save_every make"
            )


def optimizer_of(optim: Optim, *, spread: bool) -> str:
    """The trainer's name of the optimiser.

    Args:
        optim: the recipe's.
        spread: whether FSDP has spread what is trained.

    Returns:
        One of transformers' names.

    Raises:
        ConfigError: where the optimiser cannot work on parts of weights.
    """
    if not spread:
        return OPTIMIZERS[optim.optimizer]
    if optim.optimizer != "adamw":
        raise ConfigError(
            f"optim.optimizer is {optim.optimizer}, which takes no weights that FSDP has spread; take adamw"
        )
    return "adamw_torch"  # the fused one takes weights that are all spread, or none


def use_bf16(precision: str) -> bool:
    """Whether to compute in bf16: on a GPU that has it, or a CPU with native bf16 (about 3x fp32
    there).
    """
    if precision != "auto":
        return precision == "bf16"
    return has_bf16(device_type())


def check_optimizer(optim: Optim) -> None:
    """Raise MissingExtra, or ConfigError without a GPU, where the optimiser wants what is not there."""
    if optim.optimizer != "adamw_8bit":
        return
    if find_spec("bitsandbytes") is None:
        raise MissingExtra("bitsandbytes", "train8bit")
    if device_type() != "cuda":
        raise ConfigError(
            "optim.optimizer is adamw_8bit, which wants a GPU; take adamw or adafactor"
        )
