"""An ONNX file as an `Embedder`: a folder with `model.onnx` (there or in `onnx/`) and `tokenizer.json`, run by onnxruntime.

Texts are sorted by length and batched by a token budget, so that little is padding; token states are pooled as
`1_Pooling/config.json` says (mean without it), or taken as they are where the graph pools. Cost: the graph's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.errors import MissingExtra, ModelError
from lusifer.models.bases import own_pooling, read_json
from lusifer.models.batches import by_tokens
from lusifer.models.embedder import check_texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from lusifer.models.embedder import Vectors

BUDGET = 8192  # tokens of a batch, padding included
POOLINGS = ("mean", "cls", "lasttoken")


class OnnxEmbedder:
    """A session, its tokenizer and its pooling."""

    def __init__(
        self, session: Any, tokenizer: Tokenizer, pooling: str, max_tokens: int, prompts: Mapping[str, str], default: str | None
    ) -> None:
        self.session, self.tokenizer, self.pooling = session, tokenizer, pooling
        self._max_tokens, self._prompts, self.default = max_tokens, dict(prompts), default
        self.inputs = [item.name for item in session.get_inputs()]
        shape = session.get_outputs()[0].shape
        self._dim = int(shape[-1]) if isinstance(shape[-1], int) else int(self._run(["a"]).shape[1])

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self._prompts)

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> Vectors:
        check_texts(texts, prompt, self._prompts)
        before = self._prompts.get(prompt or self.default or "", "")
        encodings = self.tokenizer.encode_batch([before + text for text in texts]) if len(texts) else []
        lengths = np.array([len(e.ids) for e in encodings], dtype=np.int64)
        out = np.zeros((len(texts), self._dim), dtype=np.float32)
        for rows in by_tokens(lengths, BUDGET):
            out[rows] = self._pool([encodings[i] for i in rows])
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        if not (np.isfinite(out).all() and (norms > 0).all()):
            row = int(np.flatnonzero(~np.isfinite(out).all(1) | (norms[:, 0] == 0))[0])
            raise ModelError(f"the model gave NaN, infinity or nothing for text {row}: {texts[row][:60]!r}")
        out /= norms
        return out

    def _run(self, texts: list[str]) -> Vectors:
        return self._pool(self.tokenizer.encode_batch(texts))

    def _pool(self, encodings: list[Any]) -> Vectors:
        width = max(1, max(len(e.ids) for e in encodings))
        ids = np.zeros((len(encodings), width), dtype=np.int64)
        mask = np.zeros_like(ids)
        for i, encoding in enumerate(encodings):
            ids[i, : len(encoding.ids)] = encoding.ids
            mask[i, : len(encoding.ids)] = 1
        known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = np.asarray(self.session.run(None, {name: known[name] for name in self.inputs})[0], dtype=np.float32)
        if states.ndim == 2:
            return states
        if self.pooling == "cls":
            return np.asarray(states[:, 0])
        if self.pooling == "lasttoken":
            return np.asarray(states[np.arange(len(states)), np.maximum(mask.sum(1) - 1, 0)])
        weights = mask[:, :, None].astype(np.float32)
        pooled: Vectors = (states * weights).sum(1) / np.maximum(weights.sum(1), 1)
        return pooled


def onnx_file(folder: str | Path) -> Path | None:
    """The ONNX file of a model folder, if it has one."""
    return next((p for p in (Path(folder) / "model.onnx", Path(folder) / "onnx" / "model.onnx") if p.exists()), None)


def load_onnx(folder: str | Path) -> OnnxEmbedder:
    """Read an ONNX folder. Raises ModelError where a file is missing, damaged or asks for what is not known."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingExtra("onnxruntime", "onnx") from None
    from tokenizers import Tokenizer

    folder = Path(folder)
    file = onnx_file(folder)
    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{file}: cannot be loaded, perhaps cut short ({' '.join(str(error).split())[:160]})") from None
    unknown = {item.name for item in session.get_inputs()} - {"input_ids", "attention_mask", "token_type_ids"}
    if unknown:
        raise ModelError(f"{file}: asks for {', '.join(sorted(unknown))}; known inputs are input_ids, attention_mask, token_type_ids")
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:
        raise ModelError(f"{folder / 'tokenizer.json'}: cannot be read ({error})") from None
    settings = _settings(folder, "config_sentence_transformers.json")
    longest = _settings(folder, "sentence_bert_config.json").get("max_seq_length") or _settings(folder, "tokenizer_config.json").get(
        "model_max_length"
    )
    max_tokens = int(longest) if isinstance(longest, int | float) and 0 < longest < 1 << 20 else 512
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    pooling = own_pooling(folder) or "mean"
    if pooling not in POOLINGS:
        raise ModelError(f"{folder}: pooling is {pooling!r}; known here are {', '.join(POOLINGS)}")
    prompts = settings.get("prompts") or {}
    return OnnxEmbedder(session, tokenizer, pooling, max_tokens, prompts, settings.get("default_prompt_name"))


def _settings(folder: Path, name: str) -> dict[str, Any]:
    return dict(read_json(folder / name)) if (folder / name).exists() else {}
