"""Any task of mteb, whole, as a task here: all its splits and language subsets that are asked for.

What `mteb_tasks.py` does for the sets of the paper's benchmark, for every task that the installed mteb
knows: the same embedding of each text once, the same prompts, an interval from the examples where
they give mteb's main score. Beside the scores here lies what mteb itself writes of them
(`mteb/TASK.json`), so that a leaderboard takes them. Not for tasks of images, audio or video.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from lusifer.encoding import Encoder
from lusifer.errors import LusiferError, MissingExtra
from lusifer.evaluation.scores import Measured
from lusifer.evaluation.tasks.mteb_tasks import evaluated, examples
from lusifer.io import fingerprint, write_json
from lusifer.text import Languages

Scores = dict[str, list[dict[str, Any]]]
LONGEST = 60  # letters of a file's name that tell subsets apart


@dataclass(frozen=True)
class MtebTask:
    """A task of mteb by name, its splits and subsets; `part_of` is the task that it is one part of,
    `copies` a folder of copies of the hub's data sets, FOLDER/OWNER/NAME, `found` mteb's own task, and
    `own` mteb's own account of the last run.
    """

    dataset: str
    splits: tuple[str, ...]
    subsets: tuple[str, ...]
    part_of: str = ""
    copies: str = ""
    found: Any = field(default=None, compare=False, repr=False)
    own: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    kind: ClassVar[str] = "mteb"
    files: ClassVar[tuple[str, ...]] = ()

    @property
    def task_type(self) -> str:
        """What mteb calls its type, e.g. `STS`."""
        return str(self.task().metadata.type)

    @property
    def name(self) -> str:
        """Of the run: the task's name, and its subsets and splits where they are not all or the usual."""
        name = self.dataset
        if not set(self.subsets) >= set(_langs(self.task())):
            listed = "+".join(self.subsets)
            if len(listed) > LONGEST:
                listed = f"{len(self.subsets)}-{sha256(listed.encode()).hexdigest()[:8]}"
            name += f".{listed}"
        usual = tuple(self.task().metadata.eval_splits)
        return name if self.splits == usual else f"{name}.{'+'.join(self.splits)}"

    @property
    def overlaps(self) -> tuple[str, ...]:
        """The task itself, by mteb's name: so training sets are listed there."""
        return (self.dataset.lower(),)

    @property
    def revision(self) -> str:
        """Which state of the data is scored, and by which release of mteb."""
        from importlib.metadata import version

        state = self.task().metadata.revision
        if self.copies:
            here = Path(self.copies) / str(type(self.task()).metadata.dataset["path"])
            files = sorted(file for file in here.rglob("*") if file.is_file())
            listed = [
                f"{f.relative_to(here)} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files
            ]
            state = f"{here} {fingerprint('', listed)}"
        return f"{version('mteb')} {state} {list(self.splits)} {list(self.subsets)}"

    @property
    def main_score(self) -> str:
        """What mteb ranks by."""
        return str(self.task().metadata.main_score)

    def task(self) -> Any:
        """mteb's own task. Raises MissingExtra without mteb."""
        if self.found is not None:
            return self.found
        try:
            import mteb
        except ModuleNotFoundError:
            raise MissingExtra("mteb", "eval") from None
        object.__setattr__(self, "found", mteb.get_task(self.dataset))
        return self.found

    @cached_property
    def languages_of(self) -> dict[str, str]:
        """Of each subset, the language as results name it: `fas_Arab`, or two with a hyphen between;
        the subset's own name where that would be another's too, or there are more.
        """
        spoken = {
            subset: "-".join(dict.fromkeys(code.replace("-", "_") for code in codes))
            for subset, codes in _langs(self.task()).items()
        }
        often = Counter(spoken.values())
        return {
            subset: own if often[own] == 1 and own.count("-") <= 1 else subset
            for subset, own in spoken.items()
        }

    def language(self, subset: str) -> str:
        """The language of one of the subsets."""
        return self.languages_of.get(subset, subset)

    def fetch(self) -> None:
        """Have mteb fetch the data into the hub's cache. Raises LusiferError where it cannot."""
        task = self._ready()
        try:
            task.load_data()
        except Exception as error:
            raise self._not_run(error) from error
        finally:
            self._forget(task)

    def measure(
        self, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
    ) -> Iterator[Measured]:
        """Run the task. Raises LusiferError where its data cannot be had or read."""
        from mteb.results import TaskResult

        self.own.clear()
        task, begun = self._ready(), time.monotonic()
        scores: dict[str, Mapping[str, Any]] = {}
        measured = []
        try:
            for split in self.splits:
                found, predictions = evaluated(task, split, model)
                scores[split] = found
                for subset, of in found.items():
                    measured.append(
                        self._measured(task, split, subset, of, predictions.get(subset))
                    )
        except LusiferError:
            raise
        except Exception as error:
            raise self._not_run(error) from error
        finally:
            self._forget(task)
        result = TaskResult.from_task_results(task, scores, time.monotonic() - begun)
        self.own.update(json.loads(result.model_dump_json()))
        yield from measured

    def write_own(self, folder: Path, model: str, revision: str) -> None:
        """Write mteb's own account of the last run as mteb does, beside what is there of other
        subsets.

        Args:
            folder: for `TASK.json` and `model_meta.json`.
            model: its name.
            revision: its hash.
        """
        from mteb.models import ModelMeta

        file, made = folder / f"{self.dataset}.json", dict(self.own)
        folder.mkdir(parents=True, exist_ok=True)
        if file.exists():
            before = json.loads(file.read_text(encoding="utf-8"))
            same = ("dataset_revision", "mteb_version")
            if all(before.get(key) == made[key] for key in same):
                made["scores"] = merged(before["scores"], made["scores"])
        write_json(file, made)
        about = ModelMeta.create_empty({"name": f"lusifer/{model}", "revision": revision})
        write_json(folder / "model_meta.json", json.loads(about.model_dump_json()))

    def _measured(
        self, task: Any, split: str, subset: str, scores: Mapping[str, Any], predictions: Any
    ) -> Measured:
        metric = self.main_score + (f" {split}" if len(self.splits) > 1 else "")
        part = _TaskSplit(self.name, self.main_score, split)
        found = examples(part, self.language(subset), task, subset, scores, predictions)
        return Measured(
            self.name, found.language, metric, found.values, found.gold, found.statistic
        )

    def _ready(self) -> Any:
        task = self.task()
        task.hf_subsets = list(self.subsets)
        if self.copies:
            about = dict(
                type(task).metadata.dataset
            )  # the task's own was changed by an earlier run
            here = Path(self.copies) / str(about["path"])
            if not here.is_dir():
                raise LusiferError(f"{self.dataset}: {here}: no such folder")
            about["path"] = str(here)
            task.metadata = task.metadata.model_copy(update={"dataset": about})
        return task

    def _forget(self, task: Any) -> None:
        """Let go of the data: a benchmark's would fill the memory."""
        task.dataset, task.data_loaded = None, False

    def _not_run(self, error: Exception) -> LusiferError:
        reason = " ".join(str(error).split())[:200]
        return LusiferError(f"{self.dataset}: could not be run ({type(error).__name__}: {reason})")


def merged(before: Scores, now: Scores) -> Scores:
    """mteb's scores by split, of each subset the newer ones."""
    return {
        split: [
            *(one for one in before.get(split, []) if one["hf_subset"] not in {n["hf_subset"] for n in now.get(split, [])}),
            *now.get(split, []),
        ]
        for split in dict.fromkeys([*before, *now])
    }  # fmt: skip


@dataclass(frozen=True)
class _TaskSplit:
    """What `examples` wants to know of a part."""

    name: str
    main_score: str
    split: str


def _langs(task: Any) -> dict[str, list[str]]:
    """mteb's languages of each subset."""
    return dict(task.metadata.hf_subsets_to_langscripts)
