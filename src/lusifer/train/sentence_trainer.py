"""sentence-transformers' trainer over step batches, with checkpoints of what is trained alone."""

from __future__ import annotations

from typing import Any

from sentence_transformers import SentenceTransformerTrainer

from lusifer.models.bridge import TRAINED, Bridge
from lusifer.train.loop import StepLoaderMixin


class SentenceTrainer(StepLoaderMixin, SentenceTransformerTrainer):  # type: ignore[misc]
    """For models whose first module is a `Bridge`; its batches carry features and labels ready made."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """No automatic model card: it would read columns that step batches do not have."""

    def preprocess_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        """Step batches need none of the column checks and prompts that this adds: they come with both done."""
        return dataset

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:
        """Resume by putting the trained tensors in place; the bases are in memory already."""
        bridge: Bridge = self.model[0]
        from pathlib import Path

        bridge.load_trained(Path(checkpoint_path) / TRAINED)
