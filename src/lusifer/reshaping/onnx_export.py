"""A model as an ONNX folder, in fp32 or int8, that `lusifer.load` reads without torch, with the
proof that it is still the same model.

Method: the whole model, pooling and normalisation too, is traced by `torch.onnx.export`. int8: each
row of an embedding table gets a scale of its own (or each block of 32 numbers, in four bits:
`table_bits=4`), and matrix products are quantised as `reshaping/int8.py` says. Then both models
embed the same texts, and what is below the threshold is not written. Cost: seconds, and twice the
model's size in memory. Not for a GPU, nor for bridges: two models of other families do not trace as
one.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lusifer.data import read_rows
from lusifer.errors import ConfigError, MissingExtra, ModelError
from lusifer.io import replacing_folder, write_json
from lusifer.models import hub
from lusifer.renamed import renamed

if TYPE_CHECKING:
    from lusifer.reshaping.int8 import Feed

LARGEST = 2_000_000_000  # bytes of one ONNX file
SPLIT_FROM = 1 << 20  # bytes of a tensor that is kept beside the graph
CALIBRATION = 256  # texts, about, that int8's ranges are taken from
Text = tuple[str, str]  # language, text


@dataclass(frozen=True)
class Parity:
    """How near the export's vectors are to the model's: cosines, the mean and the least, by
    language and in all.
    """

    languages: dict[str, tuple[int, float, float]]
    mean: float
    min_cosine: float
    bytes: int


@renamed(least="min_cosine")
def export(
    name: str | Path,
    into: str | Path,
    *,
    int8: bool = False,
    table_bits: Literal[4, 8] = 8,
    split: bool = False,
    min_cosine: float = 0.98,
    texts: Sequence[Text] | None = None,
) -> Parity:
    """Write a model as an ONNX folder that needs no torch, with the proof that it is the same model.

    Args:
        name: as for `load`; a plain encoder with pooling.
        into: the folder to write.
        int8: keep weights in eight bits.
        table_bits: of an int8 export's table; 4 is for a model that was trained so (`start.four_bits`
            of the method `vectors`).
        split: keep tensors of a megabyte and more, the table above all, in a second file beside
            the graph, `model.onnx_data`: two smaller files.
        min_cosine: the mean cosine to the model below which nothing is written.
        texts: (language, text) rows to compare on; without, short passages in 14 languages.

    Returns:
        The cosines to the model, in all and by language, and the size in bytes.

    Raises:
        ModelError: where the model cannot be exported, or the cosine is below `min_cosine`.
        ConfigError: for options that do not go together.
    """
    if not 0 <= min_cosine <= 1:
        raise ConfigError(f"min_cosine is {min_cosine}; it lies between 0 and 1")
    if table_bits not in (4, 8):
        raise ConfigError(f"table_bits is {table_bits}; it must be 4 or 8")
    if table_bits == 4 and not int8:
        raise ConfigError("a table in four bits is part of an int8 export: ask for int8 too")
    _required(graph=int8 or split)
    from lusifer.models import Bridge, TorchEmbedder, load, plain, sentence_transformer

    model = sentence_transformer(name, device="cpu").float()
    if isinstance(model[0], Bridge) or not plain(model):
        raise ModelError(
            f"{name}: is no plain encoder with pooling (a bridge, a table of words, a router), which is what can be exported"
        )
    size = sum(p.numel() * 4 for p in model.parameters())
    if size > LARGEST:
        raise ModelError(
            f"{name}: has {size / 1e9:.1f} GB of weights; one ONNX file holds {LARGEST / 1e9:.0f}"
        )
    _may_write(Path(into), hub.locate(str(name)))
    rows = list(texts) if texts is not None else own_texts()
    if not rows:
        raise ConfigError("there is no text to compare the export with the model on")
    before = TorchEmbedder(model).encode([text for _, text in rows])
    with replacing_folder(into) as aside:
        _write(model, aside, int8=int8, table_bits=table_bits, texts=[text for _, text in rows])
        if split:
            _split(aside / "model.onnx")
        shutil.copy(_tokenizer(hub.locate(str(name)), model, aside), aside / "tokenizer.json")
        _settings(model, aside)
        after = load(aside).encode([text for _, text in rows])
        parity = _parity(rows, before, after, sum(file.stat().st_size for file in aside.iterdir()))
        made = {
            "model": str(name),
            "hash": hub.weights_hash(hub.locate(str(name))),
            "int8": int8,
            "table_bits": table_bits,
            "versions": _versions(),
        }
        write_json(
            aside / "parity.json",
            {
                **made,
                "mean": parity.mean,
                "least": parity.min_cosine,
                "languages": parity.languages,
            },
        )
        if parity.mean < min_cosine:
            raise ModelError(
                f"{name}: the export's mean cosine to it is {parity.mean:.4f}, below {min_cosine}; nothing was written"
            )
    return parity


def _versions() -> dict[str, str]:
    """What an export was made with."""
    from importlib.metadata import version

    return {
        package: version(package)
        for package in ("lusifer", "torch", "transformers", "sentence-transformers", "onnxruntime")
    }


def _may_write(into: Path, source: Path) -> None:
    """Raise ModelError where the folder is the model's own, or holds what no export wrote."""
    if into.exists() and (
        not into.is_dir()
        or into.samefile(source)
        or (any(into.iterdir()) and not (into / "parity.json").exists())
    ):
        raise ModelError(
            f"{into}: holds something that is no export, which would be lost; name another folder"
        )


def own_texts() -> list[Text]:
    """The passages of the demo's library: (language, text)."""
    file = Path(__file__).parents[1] / "assets" / "corpus.tsv"
    return [
        (row.values["language"], row.values["text"])
        for row in read_rows(str(file), ("language", "_", "text"))
    ]


def _required(*, graph: bool) -> None:
    try:
        import sentence_transformers  # noqa: F401
    except ModuleNotFoundError:
        raise MissingExtra("sentence-transformers", "train") from None
    try:
        import onnxruntime  # noqa: F401

        if graph:
            import onnx  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "onnxruntime", "export") from None


def _write(model: Any, folder: Path, *, int8: bool, table_bits: int, texts: Sequence[str]) -> None:
    """`model.onnx`, traced with a batch that has padding, so that the mask is part of it."""
    from lusifer.reshaping.int8 import quantise
    from lusifer.reshaping.onnx_graph import ExportGraph, shrink_tables, trace

    if int8:
        shrink_tables(model, table_bits)
    with tempfile.TemporaryDirectory(dir=folder) as made:
        file = Path(made) / "model.onnx"
        trace(ExportGraph(model).eval(), file, fold=not int8)
        if int8:
            quantise(file, folder / "model.onnx", _feeds(model, texts))
        else:
            shutil.copy(file, folder / "model.onnx")


def _feeds(model: Any, texts: Sequence[str]) -> list[Feed]:
    """What the graph reads of some of the texts, one at a time."""
    from lusifer.reshaping.onnx_graph import INPUTS

    few = texts[:: max(1, len(texts) // CALIBRATION)]
    read = [model.preprocess([text]) for text in few]
    return [{name: own[name].cpu().numpy() for name in INPUTS} for own in read]


def _split(file: Path) -> None:
    """Move the large tensors of a graph into a file beside it."""
    import onnx

    model = onnx.load(str(file))
    file.unlink()
    onnx.save(
        model,
        str(file),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{file.name}_data",
        size_threshold=SPLIT_FROM,
    )
    file.with_name(f"{file.name}_data").chmod(0o644)  # ONNX leaves it to its owner alone


def _tokenizer(source: Path, model: Any, folder: Path) -> Path:
    """The model's own tokenizer file, or one that its tokenizer writes."""
    if (source / "tokenizer.json").exists():
        return source / "tokenizer.json"
    file = folder / "tokenizer.json"
    model.tokenizer.backend_tokenizer.save(str(file))
    return file


def _settings(model: Any, folder: Path) -> None:
    write_json(folder / "config.json", {"hidden_size": model.get_embedding_dimension()})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": int(model.max_seq_length)})
    about = {"prompts": dict(model.prompts), "default_prompt_name": model.default_prompt_name}
    (folder / "config_sentence_transformers.json").write_text(
        json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8"
    )


def _parity(rows: Sequence[Text], before: Any, after: Any, size: int) -> Parity:
    cosines = (before * after).sum(1)
    found: dict[str, tuple[int, float, float]] = {}
    for language in dict.fromkeys(language for language, _ in rows):
        own = cosines[[language == other for other, _ in rows]]
        found[language] = (len(own), float(own.mean()), float(own.min()))
    return Parity(found, float(cosines.mean()), float(cosines.min()), size)
