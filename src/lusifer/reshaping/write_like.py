"""A model that was reshaped, written as the one that it was made of: its format, its number type,
what lies beside it, and how it was made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lusifer.errors import LusiferError
from lusifer.io import replacing_folder, write_text
from lusifer.models import Bridge, Heads, families, locate, target_tokenizer, write_as

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

HOW = "reshape.yaml"


def refuse_existing(into: str | Path) -> Path:
    """The folder to make. Raises LusiferError where it is there already."""
    folder = Path(into)
    if folder.exists():
        raise LusiferError(f"{into}: exists already; name a new folder")
    return folder


def write_like(
    model: SentenceTransformer,
    name: str | Path,
    into: Path,
    about: dict[str, Any],
    new: dict[int, int] | None = None,
) -> None:
    """Write a reshaped model into a new folder.

    Args:
        model: what was made.
        name: what it was made of, as for `lusifer.load`.
        into: the folder, which is there whole or not at all.
        about: how it was made, for `reshape.yaml`.
        new: the new number of each old piece that was kept, where the vocabulary is another.
    """
    import torch
    import yaml

    origin, first = locate(str(name)), model[0]
    with replacing_folder(into) as aside, families.without_bars():
        if isinstance(first, Bridge):
            model.save(str(aside), create_model_card=False)
            if first.config.english == "target":
                target_tokenizer(origin, None).save_pretrained(str(aside / "target"))
        else:
            kept = getattr(getattr(first, "auto_model", None), "config", None)
            kind = getattr(kept, "dtype", None)
            if kind in (torch.bfloat16, torch.float16):  # loaded in fp32, since a CPU is faster so
                model = model.to(kind)
            write_as(model, origin, aside)
        if (origin / "heads.json").exists():
            heads = Heads.read(origin)
            if new is not None:
                heads.special = [new[i] for i in heads.special if i in new]
            heads.write(aside)
        write_text(aside / HOW, yaml.safe_dump(about, sort_keys=False, allow_unicode=True))
