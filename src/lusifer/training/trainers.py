"""The trainers: batches come ready made, and a bridge's checkpoints hold what is trained alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformerTrainer

from lusifer.models import TRAINED
from lusifer.training.loop import StepLoaderMixin, StepTrainer


class SentenceTrainer(StepLoaderMixin, SentenceTransformerTrainer):  # type: ignore[misc]
    """sentence-transformers' trainer over `StepBatches`, with that library's losses or ours of its
    shape.
    """

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """No automatic model card: it would read columns that step batches do not have."""

    def preprocess_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """Step batches need none of the column checks and prompts that this adds: they come with
        both done.
        """
        return dataset


class PartSentenceTrainer(SentenceTrainer):
    """The same where a part of a model is frozen: a checkpoint holds what is trained alone."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        write_trained(self.model, Path(output_dir or self.args.output_dir))

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        read_trained(self.model, Path(checkpoint_path))


class BridgeSentenceTrainer(SentenceTrainer):
    """The same for models whose first module is a `Bridge`, of which a checkpoint holds what is
    trained alone.
    """

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        """Resume by putting the trained tensors in place; the bases are in memory already."""
        self.model[0].load_trained(Path(checkpoint_path) / TRAINED)


class BridgeTrainer(StepTrainer):
    """transformers' trainer, for a module that holds a `bridge` and gives its own loss."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        folder = Path(output_dir or self.args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self.model.bridge.save(str(folder))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        self.model.bridge.load_trained(Path(resume_from_checkpoint) / TRAINED)


class PartStepTrainer(StepTrainer):
    """transformers' trainer, for a module of which a part is frozen: a checkpoint holds what is trained
    alone.
    """

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        write_trained(self.model, Path(output_dir or self.args.output_dir))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        read_trained(self.model, Path(resume_from_checkpoint))


def trained(model: Any) -> dict[str, Any]:
    """What is trained of a model, by name; of several that are one tensor the first."""
    inner = getattr(model, "module", model)
    return {name: p for name, p in inner.named_parameters() if p.requires_grad}


def write_trained(model: Any, folder: Path) -> None:
    """Write the parameters of a model that are trained."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: p.detach().contiguous() for name, p in trained(model).items()}
    save_file(state, folder / TRAINED)


def read_trained(model: Any, folder: Path) -> None:
    """Put trained parameters back in their places."""
    model.load_state_dict(load_file(folder / TRAINED), strict=False)
