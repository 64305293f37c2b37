"""One backbone, an adapter a task, chosen by the prompt's name (task LoRA, jina-embeddings-v3,
arXiv 2409.10173).

A folder holds the backbone as a standard model, `adapters/NAME/` in peft's format, and
`adapters.json`: which prompt takes which adapter. A prompt without one, or none, gives the
backbone's own vectors; plain sentence-transformers loads the backbone. Cost: the adapters'
products, a few per cent of a pass.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lusifer.errors import MissingExtra, ModelError
from lusifer.models.backends.torch_embedder import TorchEmbedder
from lusifer.models.embedder import Vectors
from lusifer.models.hub import read_json

SETTINGS, FOLDER, WEIGHTS, CONFIG = (
    "adapters.json",
    "adapters",
    "adapter_model.safetensors",
    "adapter_config.json",
)


def write_adapter(
    model: Any, config: Any, folder: Path, name: str, prompts: Sequence[str], others: Path | None
) -> None:
    """Write the adapter that is in a model beside the backbone in `folder`, and those that its base
    had (`others`).
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    mapping: dict[str, str] = {}
    if others and (others / SETTINGS).exists():
        mapping = read_mapping(others)
        shutil.copytree(others / FOLDER, folder / FOLDER)
    path = folder / FOLDER / name
    path.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(model[0].auto_model, adapter_name="default")
    save_file({k: v.detach().contiguous().cpu() for k, v in state.items()}, path / WEIGHTS)
    config.save_pretrained(str(path))
    (folder / SETTINGS).write_text(
        json.dumps(mapping | dict.fromkeys(prompts, name), indent=2, ensure_ascii=False),
        encoding="utf-8",
    )


def read_mapping(folder: Path) -> dict[str, str]:
    """Prompt → adapter of a folder. Raises ModelError where an adapter is not there."""
    mapping = {str(k): str(v) for k, v in read_json(folder / SETTINGS).items()}
    for name in mapping.values():
        if not (folder / FOLDER / name / WEIGHTS).exists():
            raise ModelError(
                f"{folder / SETTINGS}: names the adapter {name!r}, which is not in {folder / FOLDER}"
            )
    return mapping


class AdaptedEmbedder(TorchEmbedder):
    """An `Embedder` that takes another adapter for another prompt."""

    def __init__(
        self,
        model: Any,
        folder: Path,
        budget: int | None = None,
        *,
        bf16: bool = False,
        compile: bool = False,
    ) -> None:
        super().__init__(model, budget, bf16=bf16, compile=compile)
        self.adapters: Mapping[str, str] = read_mapping(folder)
        self._load(folder)

    def _load(self, folder: Path) -> None:
        try:
            from peft import PeftConfig, inject_adapter_in_model, set_peft_model_state_dict
        except ModuleNotFoundError:
            raise MissingExtra("peft", "train") from None
        from safetensors.torch import load_file

        inner = self.model[0].auto_model
        for name in sorted(set(self.adapters.values())):
            path = folder / FOLDER / name
            try:
                with warnings.catch_warnings():  # that there are several is what is wanted
                    warnings.filterwarnings("ignore", message="Already found a `peft_config`")
                    inject_adapter_in_model(
                        PeftConfig.from_pretrained(str(path)), inner, adapter_name=name
                    )
                found = set_peft_model_state_dict(
                    inner, load_file(path / WEIGHTS), adapter_name=name
                )
            except Exception as error:
                raise ModelError(
                    f"{path}: damaged or incomplete ({' '.join(str(error).split())[:160]})"
                ) from None
            if found.unexpected_keys:
                raise ModelError(f"{path}: does not fit the backbone ({found.unexpected_keys[0]})")
        inner.eval().to(self.model.device)

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        self._choose(self.adapters.get(prompt or ""))
        return super().vectors(texts, prompt)

    def _choose(self, name: str | None) -> None:
        from peft.tuners.tuners_utils import BaseTunerLayer

        for layer in self.model[0].auto_model.modules():
            if isinstance(layer, BaseTunerLayer):
                layer.enable_adapters(name is not None)
                if name is not None:
                    layer.set_adapter(name)
