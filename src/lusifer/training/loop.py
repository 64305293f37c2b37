"""What all stages share: batches that are a pure function of (seed, step), the optimiser's
settings, safe checkpoints.

A batch is made from its step number alone. So a resumed run sees exactly what an uninterrupted one
would, the number of loader workers changes nothing, and on several processes each rank takes its
slice of the same global batch.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader, Dataset
from transformers.utils import is_torch_tf32_available

from lusifer.errors import LossError, LusiferError
from lusifer.training.checkpointing import CheckpointMixin, checkpoints
from lusifer.training.device import device_type
from lusifer.training.optim import Optim, optimizer_of, use_bf16
from lusifer.training.processes import Batch, own_slice, rank_and_world
from lusifer.training.progress import Progress
from lusifer.training.spread import is_spread, learns_spread
from lusifer.training.trained import trained

log = logging.getLogger(__name__)


class StepBatches(Dataset[Batch]):
    """Item i is the whole batch of step i."""

    def __init__(self, steps: int, make: Callable[[int], Batch]) -> None:
        self.steps, self.make = steps, make

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        return self.make(step)


class StepLoaderMixin(CheckpointMixin):
    """For a transformers or sentence-transformers Trainer: take `StepBatches` as they are."""

    state: Any
    train_dataset: Any
    _waited = 0.0
    _since = 0.0

    def get_train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(
            self.train_dataset,
            batch_size=1,
            shuffle=False,
            collate_fn=own_slice,
            num_workers=self.args.dataloader_num_workers,
            pin_memory=device_type() == "cuda",
            persistent_workers=False,
        )

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """The next step's batches; how long they were waited for is counted."""
        begun = time.monotonic()
        try:
            return super().get_batch_samples(*args, **kwargs)  # type: ignore[misc]
        finally:
            self._waited += time.monotonic() - begun

    def log(self, logs: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """What the trainer logs, and with a step's loss the share of the time since the last that was
        spent waiting for batches.
        """
        if "loss" in logs:
            now = time.monotonic()
            logs["waiting"] = round(self._waited / max(now - self._since, 1e-9), 4)
            self._waited, self._since = 0.0, now
        super().log(logs, *args, **kwargs)  # type: ignore[misc]

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """A step whose loss is a number; any other ends the run before it reaches the weights."""
        loss: torch.Tensor = super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        if not bool(torch.isfinite(loss).all()):
            raise LossError(self._not_finite(float(loss), inputs))
        return loss

    def _not_finite(self, loss: float, inputs: Any) -> str:
        """The line for a loss of NaN or infinity: which batch, and what is saved."""
        step, good = self.state.global_step, checkpoints(self.args.output_dir)
        kept = f"the last good checkpoint is {good[-1]}" if good else "no checkpoint was made yet"
        return (
            f"the loss is {loss} at step {step + 1:,}, of the batch that begins with {first_text(self, inputs)!r}; "
            f"{kept}; look at that batch, or lower optim.lr"
        )


def first_text(trainer: Any, inputs: Any) -> str:
    """How a batch begins, as its tokenizer reads it back; empty where there is no tokenizer."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    tokenizer = getattr(model, "tokenizer", None) or getattr(
        getattr(model, "bridge", None), "tokenizer", None
    )
    ids = next((value for name, value in inputs.items() if name.endswith("input_ids")), None)
    if tokenizer is None or ids is None or not hasattr(tokenizer, "decode"):
        return ""
    return str(tokenizer.decode(ids[0].tolist(), skip_special_tokens=True))[:80]


class StepTrainer(StepLoaderMixin, transformers.Trainer):  # type: ignore[misc]
    """transformers' Trainer over `StepBatches`."""

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """With the groups of one process, where FSDP has spread weights too: transformers parts these from
        the others, and a checkpoint would go on in the same launch alone.
        """
        made = super().create_optimizer(*args, **kwargs)
        if learns_spread(self.model):
            decaying = set(self.get_decay_parameter_names(self.model))
            sides: tuple[list[Any], list[Any]] = [], []
            for name, parameter in trained(self.model).items():
                sides[name not in decaying].append(parameter)
            kept = (self.args.weight_decay, 0.0)
            made.param_groups[:] = [
                {**made.param_groups[0], "params": of, "weight_decay": decay}
                for of, decay in zip(sides, kept, strict=True)
            ]
        return made


def arguments(
    optim: Optim,
    folder: str | Path,
    seed: int,
    cls: type[Any] = transformers.TrainingArguments,
    log_to: str | None = None,
    *,
    spread: bool = False,
) -> Any:
    """Trainer arguments for one phase; its checkpoints go to `folder`, its figures to `log_to`. `spread`:
    whether FSDP has spread what is trained.
    """
    gpu = device_type() != "cpu"
    args = cls(
        output_dir=str(folder),
        max_steps=optim.steps,
        gradient_accumulation_steps=optim.accumulate,
        learning_rate=optim.lr,
        lr_scheduler_type=optim.schedule,
        warmup_steps=max(1, round(optim.warmup * optim.steps)) if optim.warmup else 0,
        weight_decay=optim.weight_decay,
        max_grad_norm=optim.clip,
        adam_beta2=optim.beta2,
        optim=optimizer_of(optim, spread=spread),
        bf16=use_bf16(optim.precision),
        use_cpu=not gpu,
        tf32=True if is_torch_tf32_available() else None,
        logging_steps=optim.log_every,
        save_strategy="steps",
        save_steps=optim.save_every,
        save_total_limit=2,
        dataloader_num_workers=optim.workers,
        remove_unused_columns=False,
        report_to=log_to or "none",
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
        torch_compile=optim.compile and gpu,
        ddp_find_unused_parameters=True
        if rank_and_world()[1] > 1
        else None,  # a phase may leave a table or a head unused
    )
    if (
        args.n_gpu > 1
        # the trainer would split each batch over threads, which our batches and losses are not made for
    ):
        log.warning(
            "training on one of %d GPUs; for all of them: accelerate launch --multi_gpu -m lusifer train …",
            args.n_gpu,
        )
        args._n_gpu = 1
    return args


def run_phase(
    trainer: transformers.Trainer,
    name: str,
    callbacks: Sequence[transformers.TrainerCallback] = (),
) -> None:
    """Train, with progress, from the last finished checkpoint of this phase if there is one."""
    for callback in (transformers.PrinterCallback, transformers.ProgressCallback):
        with contextlib.suppress(ValueError):
            trainer.remove_callback(callback)
    _leave_sharded(trainer.model)
    progress = Progress(name)
    for callback in (progress, *callbacks):
        trainer.add_callback(callback)
    found = checkpoints(trainer.args.output_dir)
    try:
        with attention_for_training():
            trainer._since = time.monotonic()
            trainer.train(resume_from_checkpoint=str(found[-1]) if found else None)
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise LusiferError(
            f"{name}: a process that makes batches was killed, most often for memory; lower optim.workers, then the same command "
            "goes on from the last checkpoint"
        ) from error
    finally:
        progress.stop()


def _leave_sharded(model: Any) -> None:
    """Have DDP neither broadcast nor watch weights that `training/distributed.py` has spread over the
    processes: their blocks gather them, and sum their gradients.
    """
    spread = [name for name, parameter in model.named_parameters() if is_spread(parameter)]
    if spread:
        hide: Any = (
            torch.nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model
        )
        hide(model, spread)


def attention_for_training() -> contextlib.AbstractContextManager[Any]:
    """On a CPU, attention by plain matrix products: on short texts the fused kernel's backward pass
    takes twice as long.
    """
    if device_type() != "cpu":
        return contextlib.nullcontext()
    return sdpa_kernel(SDPBackend.MATH)
