"""Was a model trained on what it is scored by? By what it declares: a score is zero-shot, or not,
or nobody said.

Declared are: the sources of the recipe that lies with a model of ours, `datasets:` in its card,
and, of a model that mteb knows, the training sets that mteb lists; and the same of the models that
the recipe begins with or learns from, whose knowledge it inherits. Nothing declared is no proof of
anything: then the answer is None. Not a search through the texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lusifer import config
from lusifer.errors import ModelError
from lusifer.evaluation.tasks.kinds import Task
from lusifer.models import LoadedModel, hub, is_url

# What a family's paper says that its models were trained on, for those that no registry knows.
PUBLISHED = {
    # Multilingual E5 (arXiv 2402.05672), both stages, as its paper and its cards list them
    "multilingual-e5": (
        "wikipedia", "mc4", "ccnews", "nllb", "reddit", "s2orc", "stackexchange", "xp3",
        "msmarco", "nq", "triviaqa", "squad", "nli", "eli5", "dureader", "fever", "hotpotqa",
        "quora", "mr-tydi", "miracl",
    ),
}  # fmt: skip


def declared(model: LoadedModel) -> set[str] | None:
    """What a model says that it was trained on, in small letters and without owners; None where it
    says nothing.
    """
    found: set[str] = set()
    said, asked, known = False, [model.name], set[str]()
    while asked:
        name = asked.pop()
        if name in known:
            continue
        known.add(name)
        recipe = _recipe(name)
        names = (
            list(_sources(recipe)) if recipe is not None else None,
            _card(name),
            _registry(name),
            _published(name),
        )
        for listed in names:
            if listed is not None:
                said = True
                found |= {re.split(r"[/.]", Path(n).name)[0].lower() for n in listed}
        asked += _ancestors(recipe)
    return found if said else None


def zero_shot(trained_on: set[str] | None, task: Task) -> bool | None:
    """Whether a task's texts are none of those; None where nothing is known, of the model or of the
    task.
    """
    if trained_on is None:
        return None
    files = {Path(file).name.split(".")[0].lower() for file in task.files}
    if trained_on & {*files, *(task.overlaps or ())}:
        return False
    return None if task.overlaps is None else True


def _folder(name: str) -> Path | None:
    if is_url(name):
        return None
    try:
        return hub.locate(name, weights=False, local_files_only=True)
    except ModelError:
        return None


def _recipe(name: str) -> dict[str, Any] | None:
    """The recipe that lies beside a model of ours, or, for the table that comes along, the recipe
    of its name.
    """
    folder = _folder(name)
    if name == hub.TABLE:
        files = [config.find(hub.TABLE)]
    else:
        files = (
            [f for f in (folder / "recipe.yaml", folder.parent / "recipe.yaml") if f.exists()]
            if folder
            else []
        )
    if not files:
        return None
    recipe = yaml.safe_load(files[0].read_text(encoding="utf-8"))
    return recipe if isinstance(recipe, dict) else None


INHERITED = ("base", "teacher", "encoder", "target")  # keys that name another model


def _ancestors(value: Any) -> list[str]:
    """The models that a recipe begins with or learns from."""
    if isinstance(value, Mapping):
        own = [str(v) for k, v in value.items() if k in INHERITED and isinstance(v, str)]
        return own + [name for inner in value.values() for name in _ancestors(inner)]
    return (
        [name for inner in value for name in _ancestors(inner)] if isinstance(value, list) else []
    )


def _sources(value: Any) -> Iterator[str]:
    """All names of files in a recipe."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "files" and isinstance(inner, list):
                yield from map(str, inner)
            else:
                yield from _sources(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)


def _card(name: str) -> list[str] | None:
    """`datasets:` of a model card's head."""
    folder = _folder(name)
    if folder is None or not (folder / "README.md").exists():
        return None
    head = re.match(
        r"---\n(.*?)\n---\n",
        (folder / "README.md").read_text(encoding="utf-8", errors="replace"),
        re.S,
    )
    try:
        about = yaml.safe_load(head.group(1)) if head else None
    except yaml.YAMLError:
        return None
    names = about.get("datasets") if isinstance(about, dict) else None
    return [str(n) for n in names] if isinstance(names, list) else None


def _registry(name: str) -> list[str] | None:
    """The training sets that mteb lists of a model, where mteb is installed and knows it."""
    meta = registered(name)
    return (
        None if meta is None or meta.training_datasets is None else sorted(meta.training_datasets)
    )


def _published(name: str) -> list[str] | None:
    """What the paper of a model's family says."""
    own = Path(name).name.lower()
    return next((list(sets) for family, sets in PUBLISHED.items() if own.startswith(family)), None)


def registered(name: str) -> Any:
    """What mteb knows of a model, by its hub id; None where it is not installed or does not know
    it. Nothing is fetched.
    """
    if name.count("/") != 1 or Path(name).is_dir():
        return None
    try:
        from mteb.models.get_model_meta import MODEL_REGISTRY
    except ImportError:
        return None
    return MODEL_REGISTRY.get(name)


PROMPTED = re.compile(
    r"(^|[/_-])(multilingual-)?(e5|bge|gte-qwen|instructor|nomic-embed|stella|jina-embeddings-v[3-9]|qwen3-embedding)",
    re.IGNORECASE,
)


def wants_prompts(model: LoadedModel) -> bool:
    """Whether a model without prompts is known to need some: by mteb, or by its name."""
    if model.embedder.prompts:
        return False
    meta = registered(model.name)
    return (
        bool(meta.use_instructions)
        if meta is not None
        else bool(PROMPTED.search(Path(model.name).name))
    )
