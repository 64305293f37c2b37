"""The trainers: batches come ready made, and where a part of a model is frozen or spread over the processes,
checkpoints hold what is trained alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformerTrainer

from lusifer.models import TRAINED
from lusifer.training.loop import StepLoaderMixin, StepTrainer
from lusifer.training.spread import put_back


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

    def write_model(self, folder: Path) -> None:
        """Without the library's model card, whose example runs the model."""
        self.model.save(str(folder), create_model_card=False)


class PartSentenceTrainer(SentenceTrainer):
    """The same where a part of a model is frozen: a checkpoint holds what is trained alone."""

    in_parts = True


class PartStepTrainer(StepTrainer):
    """transformers' trainer, for a module of which a part is frozen: a checkpoint holds what is trained
    alone.
    """

    in_parts = True


class BridgeSentenceTrainer(SentenceTrainer):
    """The same for models whose first module is a `Bridge`, of which a checkpoint holds what is
    trained alone; the bases are in memory already.
    """

    def weights(self) -> dict[str, Any]:
        return dict(self.model[0].trained_tensors())

    def read_weights(self, folder: Path) -> None:
        self.model[0].load_trained(folder / TRAINED, put_back)


class BridgeTrainer(StepTrainer):
    """transformers' trainer, for a module that holds a `bridge` and gives its own loss."""

    def write_model(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.model.bridge.save(str(folder))

    def weights(self) -> dict[str, Any]:
        return dict(self.model.bridge.trained_tensors())

    def read_weights(self, folder: Path) -> None:
        self.model.bridge.load_trained(folder / TRAINED, put_back)
