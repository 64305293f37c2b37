"""Merge a bridge into a standalone model: adapters folded into their weights, both bases kept in
the folder.

Method: W + (alpha / rank) B A for each adapted layer (LoRA, arXiv 2106.09685). The vectors are
those of the bridge, to float rounding. Cost: the disk space of both bases. Not needed where the
bases are at hand: a bridge is far smaller.
"""

from __future__ import annotations

from pathlib import Path

from lusifer.errors import LusiferError, ModelError


def merge(
    name: str | Path, into: str | Path, *, encoder: str | None = None, target: str | None = None
) -> Path:
    """Write a bridge as a standalone model: adapters folded in, both bases kept in the folder.

    Args:
        name: the bridge's folder.
        into: a new folder.
        encoder: where its encoder is, if it has moved.
        target: where its target is, if it has moved.

    Returns:
        The new folder.

    Raises:
        LusiferError: where the folder is there already.
        ModelError: where the model is no bridge.
    """
    from lusifer.io import replacing_folder
    from lusifer.models import Bridge, hub, sentence_transformer, target_tokenizer

    into = Path(into)
    if into.exists():
        raise LusiferError(f"{into}: exists already; name a new folder")
    moved = {role: path for role, path in (("encoder", encoder), ("target", target)) if path}
    model = sentence_transformer(name, device="cpu", **moved)
    if not isinstance(model[0], Bridge):
        raise ModelError(
            f"{name}: not a bridge; only a bridge is merged (this model is standalone already)"
        )
    model[0] = model[0].merged()
    reads = model[0].config.english == "target"
    tokenizer = target_tokenizer(hub.locate(str(name)), target) if reads else None
    with replacing_folder(into) as aside:
        model.save(str(aside), create_model_card=False)
        if tokenizer is not None:
            tokenizer.save_pretrained(str(aside / "target"))
    return into
