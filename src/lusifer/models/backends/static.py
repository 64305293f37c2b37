"""A static table: a text's vector is the sum of its tokens' vectors, made a unit. numpy and a
tokenizer, no torch.

Method (Model2Vec; sentence-transformers' StaticEmbedding): each token's row is kept as int8 with a
scale that also carries the token's weight; rows are gathered, scaled, summed, and the sum is
normalised. Vectors are nested (Matryoshka, arXiv
2205.13147): their first 128 or 64 numbers, made a unit again, are vectors too. Cost: one gather a
token. Not where word order or negation decides: "A bites B" and "B bites A" are one vector.

Folder: `config.json` ({"lusifer": "static", …}), `tokenizer.json`, `model.safetensors` (`embedding`
int8 (tokens, dim), `scale` float32 (tokens,)).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lusifer.errors import LusiferError, ModelError
from lusifer.io import replacing_folder, write_json, write_text
from lusifer.models.backends import engine
from lusifer.models.embedder import BaseEmbedder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from lusifer.models.embedder import Vectors
    from lusifer.models.tokenize import Ids

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
# characters a token at most, and more than the vocabulary's longest: what is past it is not
# tokenised
LONGEST_PIECE = 32


@dataclass(frozen=True)
class StaticConfig:
    """What `config.json` holds. `about` is the card's short form, which `lusifer models` shows."""

    dim: int
    max_tokens: int = 512
    prompts: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    lusifer: str = "static"


class StaticEmbedder(BaseEmbedder):
    """A table as an `Embedder`. `dim` cuts its vectors to their first numbers."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        rows: npt.NDArray[np.int8],
        scale: npt.NDArray[np.float32],
        config: StaticConfig,
        dim: int | None = None,
    ) -> None:
        if dim is not None and not 0 < dim <= config.dim:
            raise LusiferError(
                f"dimensions is {dim}; this model's vectors have {config.dim} numbers, of which the first may be kept"
            )
        self.tokenizer, self.config = tokenizer, config
        self.rows, self.scale = rows[:, : dim or config.dim], scale
        tokenizer.no_padding()
        tokenizer.enable_truncation(config.max_tokens)

    @property
    def dim(self) -> int:
        return int(self.rows.shape[1])

    @property
    def max_tokens(self) -> int:
        return self.config.max_tokens

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self.config.prompts)

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        """Each text's sum of rows, (n, dim); zeros for a text without a known token, which become
        one fixed vector.
        """
        return engine.encode(self, texts, self.before(prompt))

    budget, padded = 1 << 18, False  # as an engine's runner

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, without special tokens."""
        longest = LONGEST_PIECE * self.config.max_tokens
        found = self.tokenizer.encode_batch_fast(
            [text[:longest] for text in texts], add_special_tokens=False
        )
        return [np.array(encoding.ids, dtype=np.uint32) for encoding in found]

    def start(self, rows: list[Ids]) -> Vectors:
        """Each text's sum of scaled rows; text by text, so that it depends on nothing beside it."""
        sums = np.zeros((len(rows), self.dim), dtype=np.float32)
        for i, tokens in enumerate(rows):
            if len(tokens):
                sums[i] = self.scale[tokens] @ self.rows[tokens].astype(np.float32)
        return sums

    def finish(self, started: Vectors) -> Vectors:
        """The sums."""
        return started


def load_static(folder: str | Path, dim: int | None = None) -> StaticEmbedder:
    """Read a static table. Raises ModelError where a file is missing, damaged or does not fit the
    others.
    """
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    folder = Path(folder)
    config = read_static_config(folder)
    try:
        tensors = load_file(folder / WEIGHTS)
        rows, scale = tensors["embedding"], tensors["scale"]
    except Exception as error:
        raise ModelError(
            f"{folder / WEIGHTS}: cannot be read, perhaps cut short ({error})"
        ) from None
    try:
        tokenizer = Tokenizer.from_buffer(
            (folder / TOKENIZER).read_bytes()
        )  # in half the time of from_file
    except Exception as error:
        raise ModelError(
            f"{folder / TOKENIZER}: cannot be read, perhaps cut short ({error})"
        ) from None
    if (
        rows.dtype != np.int8
        or rows.shape != (tokenizer.get_vocab_size(), config.dim)
        or scale.shape != rows.shape[:1]
    ):
        raise ModelError(
            f"{folder / WEIGHTS}: holds {rows.dtype} {rows.shape} and {scale.shape} scales; "
            f"its tokenizer and configuration want int8 {(tokenizer.get_vocab_size(), config.dim)}"
        )
    if not np.isfinite(scale).all():
        raise ModelError(f"{folder / WEIGHTS}: a scale is NaN or infinite")
    return StaticEmbedder(tokenizer, rows, scale, config, dim)


def read_static_config(folder: Path) -> StaticConfig:
    """The configuration of a static table's folder.

    Checked by hand: the table must be ready before pydantic would have been imported.
    """
    kinds = {"dim": int, "max_tokens": int, "prompts": dict, "about": dict, "lusifer": str}
    try:
        value = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        for key, found in value.items():
            if key not in kinds:
                raise ValueError(f"unknown key {key!r}; the keys are {', '.join(kinds)}")
            if type(found) is not kinds[key]:
                raise ValueError(f"{key} is {found!r}; it must be of type {kinds[key].__name__}")
        return StaticConfig(**value)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{folder / CONFIG}: not a static table's configuration ({error})"
        ) from None


def is_static(folder: str | Path) -> bool:
    """Whether a folder holds a static table."""
    file = Path(folder) / CONFIG
    try:
        return bool(json.loads(file.read_text(encoding="utf-8")).get("lusifer") == "static")
    except (OSError, ValueError, AttributeError):
        return False


def save_static(
    folder: str | Path, tokenizer: Tokenizer, table: npt.NDArray[np.float32], config: StaticConfig
) -> None:
    """Write a table (tokens, dim) of weighted vectors as int8 rows with a scale each: aside, then
    renamed.
    """
    with replacing_folder(folder) as aside:
        fill_static(aside, tokenizer, table, config)


def fill_static(
    folder: Path, tokenizer: Tokenizer, table: npt.NDArray[np.float32], config: StaticConfig
) -> None:
    """The same into a folder that is there."""
    from safetensors.numpy import save_file

    from lusifer import config as recipes

    scale = np.maximum(np.abs(table).max(1), 1e-12).astype(np.float32) / 127
    rows = np.round(table / scale[:, None]).astype(np.int8)
    save_file({"embedding": rows, "scale": scale}, folder / WEIGHTS)
    write_text(
        folder / TOKENIZER,
        json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")),
    )
    write_json(folder / CONFIG, recipes.plain(config))
