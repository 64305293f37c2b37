"""A bulk run on Ray Data: shards spread over workers, each with a model of its own; what they write is what one process writes.

Cost: a pass over the corpus to find where each shard begins, and a model a worker. On one machine with one GPU, or two cores, the local
engine is as fast; this is for a cluster, or several GPUs (`gpus=1` a worker).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lusifer.encode.place import Place
from lusifer.encode.rows import Corpus, Start, one, starts
from lusifer.errors import MissingExtra


def run(corpus: Corpus, settings: Any, into: str, workers: int, tell: Any, gpus: float | None = None) -> None:
    """Write the shards that are missing."""
    try:
        import ray
        import ray.data
    except ModuleNotFoundError:
        raise MissingExtra("ray", "ray") from None
    from lusifer.encode.bulk import shard_name

    places = starts(corpus, settings.shard_rows)
    finished = set(Place(into).files())
    missing = [number for number in range(len(places)) if shard_name(number, settings.format) not in finished]
    whole = sum(settings.shard_rows for number in range(len(places)) if number not in set(missing))
    if whole:
        tell(whole)
    if not missing:
        return
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        data = ray.data.from_items([{"shard": number} for number in missing], override_num_blocks=len(missing))
        made = data.map_batches(
            Worker,
            fn_constructor_args=(corpus, places, settings, into),
            batch_size=1,
            concurrency=min(workers, len(missing)),
            num_cpus=1,
            num_gpus=gpus or (1 if _gpu() else 0),
        )
        for row in made.iter_rows():
            tell(int(row["rows"]))
    finally:
        if started:
            ray.shutdown()


def _gpu() -> bool:
    try:
        import torch
    except ModuleNotFoundError:
        return False
    return bool(torch.cuda.is_available())


class Worker:
    """One process of Ray's: a model, and shards by their numbers."""

    def __init__(self, corpus: Corpus, places: Sequence[Start], settings: Any, into: str) -> None:
        from lusifer.models.load import load

        self.corpus, self.places, self.settings, self.place = corpus, places, settings, Place(into)
        self.model = load(settings.model, bf16=settings.bf16)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        from lusifer.encode.bulk import write

        rows = []
        for number in batch["shard"]:
            shard = one(self.corpus, self.places, int(number), self.settings.shard_rows)
            write(self.place, shard, self.corpus, self.model, self.settings)
            rows.append(len(shard.rows))
        return {"rows": rows}
