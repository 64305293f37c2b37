"""A bulk run on Ray Data: shards spread over workers, each with a model of its own; what they write
is what one process writes.

Cost: a pass over the corpus to find where each shard begins, and a model a worker. On one machine
with one GPU, or two cores, the local engine is as fast; this is for a cluster, or several GPUs (one
a worker).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lusifer.encoding.rows import Corpus, ShardStart, shards_from, starts
from lusifer.encoding.shards import Settings, shard_name, write
from lusifer.errors import LusiferError, MissingExtra
from lusifer.io import StoreFolder
from lusifer.models import counted, load


def run(
    corpus: Corpus, settings: Settings, into: str, workers: int, tell: Callable[[int, int], None]
) -> None:
    """Write the shards that are missing."""
    try:
        import ray
        import ray.data
    except ModuleNotFoundError:
        raise MissingExtra("ray", "ray") from None
    shard_starts = starts(corpus, settings.shard_rows)
    finished = set(StoreFolder(into).files())
    missing = [
        number
        for number in range(len(shard_starts))
        if shard_name(number, settings.format) not in finished
    ]
    if len(missing) < len(shard_starts):
        tell(settings.shard_rows * (len(shard_starts) - len(missing)), 0)
    if not missing:
        return
    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        data = ray.data.from_items(
            [{"shard": number} for number in missing],
            override_num_blocks=min(len(missing), 4 * workers),
        )
        made = data.map_batches(
            Worker,
            fn_constructor_args=(corpus, shard_starts, settings, into),
            batch_size=-(
                -len(missing) // (4 * workers)
            ),  # shards that follow each other: a worker reads on, and does not begin anew
            concurrency=min(workers, len(missing)),
            num_cpus=1,
            num_gpus=1 if ray.cluster_resources().get("GPU", 0) else 0,
        )
        for row in made.iter_rows():
            tell(int(row["rows"]), int(row["tokens"]))
    except ray.exceptions.RayTaskError as error:
        cause = error.cause
        raise cause if isinstance(cause, LusiferError) else error from None
    finally:
        if started:
            ray.shutdown()


class Worker:
    """One process of Ray's: a model, and shards by their numbers."""

    def __init__(
        self, corpus: Corpus, shard_starts: Sequence[ShardStart], settings: Settings, into: str
    ) -> None:
        self.corpus, self.shard_starts, self.settings, self.store = (
            corpus,
            shard_starts,
            settings,
            StoreFolder(into),
        )
        self.model = load(settings.model, bf16=settings.bf16)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[int]]:
        wanted, rows, tokens = {int(number) for number in batch["shard"]}, list[int](), list[int]()
        for shard in shards_from(
            self.corpus, self.shard_starts, min(wanted), self.settings.shard_rows
        ):
            if shard.number in wanted:
                with counted() as count:
                    write(self.store, shard, self.corpus, self.model, self.settings)
                rows.append(len(shard.rows))
                tokens.append(count.tokens)
            if shard.number == max(wanted):
                break
        return {"rows": rows, "tokens": tokens}
