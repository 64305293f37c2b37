"""Running tasks: each task's result is kept as it is known, so that an interrupted run goes on and
computes nothing twice.

RESULTS/MODEL-HASH/ holds `model.json`, and for each task `TASK.json` (its scores) and `TASK.npz` (a
value an example, which paired tests need); `vectors/` is there while a run is under way. A result
is used again where the model's weights and prompts, the files, the task's definition, the languages
and the anchor are the same: two models, or two states of one, never share scores.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lusifer.encoding import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation.catalog import chosen_tasks
from lusifer.evaluation.contamination import declared, zero_shot
from lusifer.evaluation.outcomes import MODEL, Outcome, load, measured_by, part, save, together
from lusifer.evaluation.prompts import ROLES, prompt_for
from lusifer.evaluation.reranked import Sorter, encoder_of
from lusifer.evaluation.scores import Score
from lusifer.evaluation.tasks.kinds import Task
from lusifer.evaluation.tasks.mteb_whole import MtebTask
from lusifer.io import disk_errors, expand, fingerprint, locked, sha256, write_json
from lusifer.models import Embedder, LoadedModel, Reranker, is_url, read_json
from lusifer.renamed import renamed
from lusifer.text import Languages

DEFINITION = 1  # of the tasks and metrics: what is computed in another way is another result
VECTORS, DIAGNOSIS = "vectors", "diagnosis.json"


Tell = Callable[[Outcome], None]


@renamed(root="suite")
def evaluate(
    model: Embedder,
    suite: str | Path,
    tasks: Iterable[str | Task] | None = None,
    languages: Sequence[str] | None = None,
    anchor: Embedder | None = None,
    reranker: Reranker | None = None,
    rerank_top: int = 100,
) -> list[Score]:
    """Score a model on the local files of a suite, and keep nothing.

    Args:
        model: any embedder.
        suite: the folder of its files.
        tasks: names, kinds (`bitext`, `retrieval`, ...) or tasks of your own; all without.
        languages: e.g. `hi`, `hin_Deva` or `tatoeba-36`; all without.
        anchor: the model of an existing index, which then embeds the English side of a search.
        reranker: a function from (query, passage) pairs to scores, such as `load_reranker` gives: searches
            are measured as it sorts the best of what the model found.
        rerank_top: how many of a question's nearest it reads.

    Returns:
        A score for each task, metric and language, with its 95 % interval and number of examples.

    Raises:
        LusiferError: for an unknown task or language.
        DataError: for a missing or broken file.
        ModelError: for vectors that are none.
    """
    if isinstance(model, str | Path):
        raise LusiferError(f"evaluate takes a loaded model: lusifer.load({str(model)!r})")
    limits = Languages.of(languages)
    wanted = chosen_tasks([tasks] if isinstance(tasks, str) else tasks)
    absent_languages(wanted, Path(suite), limits)
    sorter = Sorter(reranker, rerank_top) if reranker else None
    with tempfile.TemporaryDirectory(prefix="lusifer-vectors-") as aside:
        encoder, other = (
            encoder_of(model, Path(aside) / "own", sorter),
            Encoder(anchor, Path(aside) / "anchor") if anchor else None,
        )
        scores = [
            score
            for task in wanted
            for score in measure(task, Path(suite), encoder, other, limits).scores
        ]
    limits.check(score.language for score in scores)
    return scores


def run(
    model: LoadedModel,
    root: str | Path,
    into: str | Path,
    tasks: Sequence[Task],
    languages: Sequence[str] | None = None,
    anchor: LoadedModel | None = None,
    *,
    sorter: Sorter | None = None,
    settings: dict[str, Any] | None = None,
    tell: Tell = lambda outcome: None,
    encoded: Callable[[int], None] = lambda texts: None,
    failed: Callable[[Task, LusiferError], None] | None = None,
) -> list[Outcome]:
    """As `evaluate`, kept in the folder `into`; `settings` (e.g. a precision, or the name of what sorts)
    tell two runs of one model apart.

    `tell` gets each task's outcome as it is known, `encoded` the number of texts just embedded.
    With `failed`, which gets them, tasks that cannot be run are left out, and asked again by the
    next run; without it the first one ends the run.
    """
    root, limits = Path(root), Languages.of(languages)
    states: dict[str, dict[str, Any]] = {}
    if failed is None:  # a file that is missing is told before anything is written
        states = {
            task.name: identity(task, root, limits, anchor, model.embedder.prompts)
            for task in tasks
        }
        absent_languages(tasks, root, limits)
    folder = claim(Path(into), model, settings or {})
    outcomes = []
    with locked(folder, f"{folder}: another run is writing it"):
        encoder = encoder_of(model.embedder, folder / VECTORS / "own", sorter, encoded)
        other = (
            Encoder(anchor.embedder, folder / VECTORS / short(anchor), encoded) if anchor else None
        )
        for task in tasks:
            try:
                state = states.get(task.name) or identity(
                    task, root, limits, anchor, model.embedder.prompts
                )
                outcome = _known_or_measured(task, root, encoder, other, limits, folder, state)
                if isinstance(task, MtebTask) and not outcome.reused:
                    task.write_own(folder / "mteb", slug(model.name), model.hash)
            except LusiferError as error:
                if failed is None:
                    raise
                failed(task, error)
                continue
            outcomes.append(outcome)
            tell(outcome)
        mark(folder, model, tasks)
    shutil.rmtree(folder / VECTORS, ignore_errors=True)
    return outcomes


def _known_or_measured(
    task: Task,
    root: Path,
    encoder: Encoder,
    other: Encoder | None,
    limits: Languages,
    folder: Path,
    state: dict[str, Any],
) -> Outcome:
    """A task's result in the languages asked for: what the folder has of them, and the rest measured
    and written beside it, so that languages asked for one after another do not write over each other.
    """
    known = load(folder, task.name, state)
    there = known.languages if known else ()
    if known and (there is None or (limits.names and set(limits.names) <= set(there))):
        asked = part(known, limits)
        assert asked is not None
        return asked
    lacking = limits
    if known and there and limits.names:
        lacking = replace(limits, names=tuple(n for n in limits.names if n not in there))
    outcome = measure(task, root, encoder, other, lacking)
    data, by = measured_by(state)
    outcome = replace(outcome, data=data, anchor=by, languages=lacking.names)
    whole = together(known, outcome) if known and limits.names else outcome
    save(folder, whole, state | {"languages": list(whole.languages) if whole.languages else None})
    return replace(part(whole, limits) or whole, reused=False)


def absent_languages(tasks: Iterable[Task], root: Path, languages: Languages) -> None:
    """Raise LusiferError for a language that the user named and no task has, before anything is
    embedded. A task that cannot tell its languages may have any.
    """
    found: set[str] = set()
    for task in tasks:
        if not languages.missing(found):
            return
        tell = getattr(task, "languages", None)
        if not callable(tell):
            return
        found |= set(tell(root))
    languages.check(found)


def measure(
    task: Task, root: Path, model: Encoder, anchor: Encoder | None, languages: Languages
) -> Outcome:
    """Ask one task of a model."""
    start = time.perf_counter()
    other = _asked(anchor, task) if anchor else None
    measured = tuple(task.measure(root, _asked(model, task), other, languages))
    scores = tuple(m.score() for m in measured)
    return Outcome(task.name, task.kind, measured, scores, time.perf_counter() - start)


def _asked(encoder: Encoder, task: Task) -> Encoder:
    """The encoder, each text of the task with the prompt that fits best."""
    prompts = encoder.model.prompts

    def choose(role: str | None) -> str | None:
        chosen = role in prompts and role not in ROLES  # mteb's tasks have chosen already
        return role if chosen else prompt_for(prompts, task.name, task.kind, role)

    return encoder.asked_by(choose)


def claim(into: Path, model: LoadedModel, settings: dict[str, Any]) -> Path:
    """The model's folder among the results, made where it is not there."""
    about = {
        "name": model.name,
        "hash": model.hash,
        "dim": model.embedder.dim,
        "settings": settings,
    }
    suffix = "".join(f"-{k}" for k, v in sorted(settings.items()) if v)
    folder = into / f"{slug(model.name)}-{short(model)}{suffix}"
    # Results of before 0.1 know a model by its weights alone.
    before = into / f"{slug(model.name)}-{model.weights[:8]}{suffix}"
    if model.weights and before.is_dir() and not folder.exists():
        folder = before
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MODEL).exists():
            write_json(folder / MODEL, about)
    return folder


def mark(folder: Path, model: LoadedModel, tasks: Sequence[Task]) -> None:
    """Write down which tasks are zero-shot, by what the model declares."""
    trained_on = declared(model)
    about: dict[str, Any] = read_json(folder / MODEL)
    marks = about.get("zero_shot", {}) | {task.name: zero_shot(trained_on, task) for task in tasks}
    write_json(folder / MODEL, about | {"zero_shot": marks})


def short(model: LoadedModel) -> str:
    """The beginning of a model's hash; of an endpoint, whose weights nobody sees, of its URL's."""
    return (fingerprint("", [model.hash]) if is_url(model.name) else model.hash)[:8]


def slug(name: str) -> str:
    """A model's name as a folder's: of a path its last parts, without what a file system may not
    like.
    """
    parts = [part for part in re.split(r"[/\\:]+", name) if part and part not in (".", "..")]
    if len(parts) > 1 and parts[-1] in ("model", "bridge", "best"):
        parts[-2:] = [f"{parts[-2]}-{parts[-1]}"]
    return re.sub(r"[^\w.-]+", "-", parts[-1] if parts else "model")


def identity(
    task: Task,
    root: Path,
    languages: Languages,
    anchor: LoadedModel | None,
    prompts: Mapping[str, str],
) -> dict[str, Any]:
    """What a result depends on beside the model's weights."""
    files = {name: sha256(*expand([name], root)) for name in task.files}
    state = {
        "definition": DEFINITION,
        "kind": task.kind,
        "files": files,
        "languages": list(languages.names) if languages.names else None,
        "anchor": anchor.hash if anchor else None,
    }
    return (
        state
        | ({"revision": task.revision} if task.revision else {})
        | ({"prompts": dict(prompts)} if prompts else {})
        # Since version 2 a prompt named by the task, or its kind, comes before one of the role.
        | ({"asked": 2} if set(prompts) - set(ROLES) else {})
    )
