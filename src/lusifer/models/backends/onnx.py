"""An ONNX file as an `Embedder`: a folder with `model.onnx` (there or in `onnx/`) and
`tokenizer.json`, run by onnxruntime.

The engine batches texts by tokens; token states are pooled as `1_Pooling/config.json` says (mean
without it), or taken as they are where the graph pools. Cost: the graph's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lusifer.errors import LusiferError, MissingExtra, ModelError
from lusifer.models.backends import engine
from lusifer.models.backends.long_texts import encode_in_pieces
from lusifer.models.backends.threads import thread_count
from lusifer.models.embedder import BaseEmbedder
from lusifer.models.hub import own_pooling, read_json
from lusifer.models.tokenize import TextTokenizer, padded

if TYPE_CHECKING:
    from lusifer.models.embedder import Long, Vectors
    from lusifer.models.tokenize import Ids

# Tokens of a batch, padding included: so few that what a layer hands on stays in a core's cache. At 4,096
# the default model is a third slower (docs/LOG.md).
BUDGET = 512
POOLINGS = ("mean", "cls", "lasttoken")


class OnnxRunner:
    """A session with its pooling, for the engine to drive."""

    padded = True

    def __init__(self, session: Any, tokens: TextTokenizer, pooling: str) -> None:
        self.session, self.tokens, self.pooling, self.budget = session, tokens, pooling, BUDGET
        self.inputs = [item.name for item in session.get_inputs()]
        shape = session.get_outputs()[0].shape
        self.dim = (
            int(shape[-1])
            if isinstance(shape[-1], int)
            else int(self.start(tokens(["a"])).shape[1])
        )

    def tokenise(self, texts: Sequence[str]) -> list[Ids]:
        return self.tokens(texts)

    def start(self, rows: list[Ids]) -> Vectors:
        ids, mask = padded(rows)
        known = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = np.asarray(
            self.session.run(None, {name: known[name] for name in self.inputs})[0], dtype=np.float32
        )
        if states.ndim == 2:
            return states
        if self.pooling == "cls":
            return np.asarray(states[:, 0])
        if self.pooling == "lasttoken":
            return np.asarray(states[np.arange(len(states)), np.maximum(mask.sum(1) - 1, 0)])
        weights = mask[:, :, None].astype(np.float32)
        mean: Vectors = (states * weights).sum(1) / np.maximum(weights.sum(1), 1)
        return mean

    def finish(self, started: Vectors) -> Vectors:
        return started


class OnnxEmbedder(BaseEmbedder):
    """An ONNX file's runner, with a model's prompts, as an `Embedder`."""

    def __init__(
        self,
        runner: OnnxRunner,
        prompts: Mapping[str, str],
        default: str | None,
        long: Long = "cut",
        dimensions: int | None = None,
    ) -> None:
        if dimensions is not None and not 0 < dimensions <= runner.dim:
            raise LusiferError(
                f"dimensions is {dimensions}; this model's vectors have {runner.dim} numbers, of which the first may be kept"
            )
        self.runner, self._prompts, self.default_prompt, self.long = (
            runner,
            dict(prompts),
            default,
            long,
        )
        self._dim = dimensions or runner.dim

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def tokenizer(self) -> Any:
        """Its `tokenizers.Tokenizer`, by which a diagnosis counts tokens."""
        return self.runner.tokens.tokenizer

    @property
    def max_tokens(self) -> int:
        return self.runner.tokens.max_tokens

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self._prompts)

    def vectors(self, texts: Sequence[str], prompt: str | None) -> Vectors:
        encode = encode_in_pieces if self.long == "pool" else engine.encode
        return encode(self.runner, texts, self.before(prompt))[:, : self._dim]


def onnx_file(folder: str | Path) -> Path | None:
    """The ONNX file of a model folder, if it has one."""
    return next(
        (
            p
            for p in (Path(folder) / "model.onnx", Path(folder) / "onnx" / "model.onnx")
            if p.exists()
        ),
        None,
    )


def load_onnx(
    folder: str | Path, long: Long = "cut", dimensions: int | None = None
) -> OnnxEmbedder:
    """Read an ONNX folder; of its vectors the first `dimensions` numbers.

    Raises ModelError where a file is missing, damaged or asks for what is not known.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise MissingExtra("onnxruntime", "onnx") from None
    from tokenizers import Tokenizer

    folder = Path(folder)
    file = onnx_file(folder)
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = thread_count()
        # Threads that spin while they wait take a busy core from who would let them go on, and gain
        # nothing on a quiet one: `python benchmarks/busy.py`.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelError(
            f"{file}: cannot be loaded, perhaps cut short ({' '.join(str(error).split())[:160]})"
        ) from None
    unknown = {item.name for item in session.get_inputs()} - {
        "input_ids",
        "attention_mask",
        "token_type_ids",
    }
    if unknown:
        raise ModelError(
            f"{file}: asks for {', '.join(sorted(unknown))}; known inputs are input_ids, attention_mask, token_type_ids"
        )
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:
        raise ModelError(f"{folder / 'tokenizer.json'}: cannot be read ({error})") from None
    settings = _settings(folder, "config_sentence_transformers.json")
    longest = _settings(folder, "sentence_bert_config.json").get("max_seq_length") or _settings(
        folder, "tokenizer_config.json"
    ).get("model_max_length")
    max_tokens = int(longest) if isinstance(longest, int | float) and 0 < longest < 1 << 20 else 512
    pooling = own_pooling(folder) or "mean"
    if pooling not in POOLINGS:
        raise ModelError(f"{folder}: pooling is {pooling!r}; known here are {', '.join(POOLINGS)}")
    prompts = settings.get("prompts") or {}
    return OnnxEmbedder(
        OnnxRunner(session, TextTokenizer(tokenizer, max_tokens), pooling),
        prompts,
        settings.get("default_prompt_name"),
        long,
        dimensions,
    )


def _settings(folder: Path, name: str) -> dict[str, Any]:
    return dict(read_json(folder / name)) if (folder / name).exists() else {}
