"""Are the shards of a run what its manifest says? By the hash of each; before there is a manifest, by
whether each can be read.

Cost: reading every shard once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from lusifer.encoding.shards import MANIFEST, read
from lusifer.errors import LusiferError
from lusifer.io import StoreFolder


def damaged_shards(store: StoreFolder, ending: str = "") -> list[str]:
    """The shards that are missing, cut short or changed.

    Args:
        store: a run's folder, finished or not.
        ending: of the shards' names, for a run without a manifest.
    """
    there = set(store.files())
    if MANIFEST in there:
        return [
            entry["file"]
            for entry in listed(store)
            if entry["file"] not in there
            or hashlib.sha256(store.read(entry["file"])).hexdigest() != entry["sha256"]
        ]
    shards = [name for name in there if name.startswith("shard-") and name.endswith(ending)]
    return [name for name in sorted(shards) if not _readable(store.read(name), name)]


def check_vectors(folder: str | Path) -> int:
    """Compare a finished run's shards with the hashes of its manifest.

    Args:
        folder: what `encode` wrote into.

    Returns:
        The number of shards.

    Raises:
        LusiferError: where the run is not finished, or shards are missing, cut short or changed.
    """
    if "://" not in str(folder) and not Path(folder).is_dir():
        raise LusiferError(f"{folder}: no such folder")
    store = StoreFolder(str(folder))
    if MANIFEST not in store.files():
        raise LusiferError(f"{folder}: holds no finished run (no {MANIFEST})")
    if wrong := damaged_shards(store):
        raise LusiferError(
            f"{folder}: {len(wrong)} shards are missing, cut short or changed "
            f"({', '.join(wrong[:5])}); run the same command again to make them anew"
        )
    return len(listed(store))


def listed(store: StoreFolder) -> list[dict[str, str]]:
    """The shards of a manifest. Raises LusiferError where it lists none in the way that `encode` does."""
    shards = store.read_json(MANIFEST).get("shards")
    if not isinstance(shards, list) or not all(
        isinstance(entry, dict) and {"file", "sha256"} <= set(entry) for entry in shards
    ):
        raise LusiferError(
            f"{store}/{MANIFEST}: is damaged (no shards); delete this file, and run the same command again"
        )
    return shards


def _readable(content: bytes, name: str) -> bool:
    """Whether a shard's file can be read to its end."""
    import pyarrow
    from safetensors import SafetensorError

    try:
        read(content, name)
    except (pyarrow.ArrowInvalid, OSError, SafetensorError, KeyError):
        return False
    return True
