"""What `processes` imports once, before it forks."""

import gc
import importlib
import os

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

for name in (
    "accelerate",
    "peft",
    "sentence_transformers",
    "torch.distributed.fsdp",
    "transformers",
    "lusifer.cli.app",
):
    importlib.import_module(name)

from lusifer.training.run import stage_names  # noqa: E402  # after the setting above

for stage, methods in stage_names().items():
    for method in methods or [""]:
        importlib.import_module(
            f"lusifer.training.stages.{stage}_{method}"
            if method
            else f"lusifer.training.stages.{stage}"
        )
gc.collect()
gc.freeze()  # no later collection looks at the libraries again
