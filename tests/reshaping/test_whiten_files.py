"""A model whose vectors are evened out: those of the map behind the model's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.encoding import Corpus
from lusifer.errors import ConfigError, LusiferError
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.reshaping.lexicon import unit
from lusifer.reshaping.linear_map import before_normalizing
from lusifer.reshaping.map_files import map_vectors
from lusifer.reshaping.whiten import Evening, anisotropy, evened
from lusifer.reshaping.whiten_files import fair_share, shares, whiten_vectors
from lusifer.training.assemble import assemble, save_model
from tests.conftest import TEXTS, make_table

Folder = Callable[[str], Path]
LANGUAGES = ("deu_Latn", "eng_Latn", "swh_Latn")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Ninety different texts, a third in each of three languages."""
    file = tmp_path / "many.tsv"
    rows = [f"{LANGUAGES[i % 3]}\t{text} {i}" for i, text in enumerate(TEXTS * 6)][:90]
    file.write_text("\n".join([*rows, "eng_Latn\t", ""]), encoding="utf-8")
    return file


def read(file: Path) -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    return [(code, text) for code, text in rows if text]


@pytest.mark.parametrize("family", ["bert", "xlm-roberta", "llama", "mt5"])
def test_the_vectors_are_those_of_the_map(
    family: str, many: Path, tmp_path: Path, model_folder: Folder
) -> None:
    how = Evening(power=0.5, dim=8, remove=1)
    report = whiten_vectors(
        model_folder(family), tmp_path / "new", str(many), how,
        columns=["language", "text"], language="language",
    )  # fmt: skip
    assert report.languages == dict.fromkeys(("deu_Latn", "eng_Latn", "swh_Latn"), 30)
    assert report.dims == (32, 8)
    assert report.skipped == 1
    assert report.anisotropy[1] < report.anisotropy[0]
    rows = sorted(read(many), key=lambda row: row[0])  # the order does not change the map
    model = lusifer.sentence_transformer(model_folder(family), device="cpu")
    own = before_normalizing(model, [text for _, text in rows])[1]
    matrix, bias = evened(own, how)
    expected = unit(before_normalizing(model, TEXTS)[1] @ matrix + bias)
    made = lusifer.load(tmp_path / "new")
    assert made.dim == 8
    np.testing.assert_allclose(made.encode(TEXTS), expected, atol=2e-3)
    plain = SentenceTransformer(str(tmp_path / "new")).encode(TEXTS, normalize_embeddings=True)
    np.testing.assert_allclose(plain, expected, atol=2e-3)
    kept = yaml.safe_load((tmp_path / "new" / "reshape.yaml").read_text(encoding="utf-8"))
    assert kept["dim"] == 8
    assert kept["texts"]["swh_Latn"] == 30


def test_a_second_time_it_goes_into_the_layer_of_the_first(
    many: Path, tmp_path: Path, model_folder: Folder
) -> None:
    table = {"columns": ["language", "text"], "language": "language"}
    whiten_vectors(model_folder("bert"), tmp_path / "one", str(many), **table)  # type: ignore[arg-type]
    whiten_vectors(tmp_path / "one", tmp_path / "two", str(many), Evening(language_axes=2), **table)  # type: ignore[arg-type]
    one, two = (
        lusifer.sentence_transformer(tmp_path / name, device="cpu") for name in ("one", "two")
    )
    assert len(one) == len(two)
    assert two.get_embedding_dimension() == 30
    vectors = {
        code: lusifer.load(tmp_path / "two").encode([t for c, t in read(many) if c == code])
        for code in LANGUAGES
    }
    assert all(np.isfinite(v).all() for v in vectors.values())


def test_a_bridge_is_taken_too(many: Path, tmp_path: Path, model_folder: Folder) -> None:
    bridge = Bridge.new(
        BridgeConfig(
            Part(str(model_folder("bert"))),
            Part(str(model_folder("llama"))),
            MLPConfig(),
            max_tokens=64,
        )
    )
    save_model(assemble(bridge, "cpu"), tmp_path / "bridge")
    whiten_vectors(tmp_path / "bridge", tmp_path / "new", str(many), columns=["language", "text"])
    found = lusifer.load(tmp_path / "new").encode(TEXTS)
    model = lusifer.sentence_transformer(tmp_path / "new", device="cpu")
    np.testing.assert_allclose(found, unit(before_normalizing(model, TEXTS)[1]), atol=1e-4)
    assert (
        np.abs(found.mean(0)).max()
        < np.abs(lusifer.load(tmp_path / "bridge").encode(TEXTS).mean(0)).max()
    )


def test_a_table_becomes_a_model_with_a_layer(many: Path, tmp_path: Path) -> None:
    """Its rows carry no shift."""
    table = make_table(tmp_path)
    whiten_vectors(
        table, tmp_path / "new", str(many), Evening(power=0.5), columns=["language", "text"]
    )
    model = lusifer.sentence_transformer(tmp_path / "new", device="cpu")
    own = before_normalizing(model, [text for _, text in read(many)])[1]
    assert np.abs(own.mean(0)).max() < 1e-3
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "new").encode(TEXTS),
        unit(before_normalizing(model, TEXTS)[1]),
        atol=1e-4,
    )


def test_a_model_that_was_mapped_is_whitened_behind_its_map(
    many: Path, tmp_path: Path, model_folder: Folder
) -> None:
    """Which was fitted to unit vectors, and stays as it is."""
    bert = model_folder("bert")
    pairs = "\n".join(f"{text}\t{text}" for _, text in read(many))
    (tmp_path / "pairs.tsv").write_text(pairs + "\n", encoding="utf-8")
    map_vectors(
        bert, bert, tmp_path / "m", str(tmp_path / "pairs.tsv"), columns=["source", "target"]
    )
    report = whiten_vectors(
        tmp_path / "m", tmp_path / "w", str(many), Evening(dim=8), columns=["language", "text"]
    )
    made = lusifer.load(tmp_path / "w")
    assert made.dim == 8
    before = lusifer.load(tmp_path / "m").encode([text for _, text in read(many)])
    after = made.encode([text for _, text in read(many)])
    assert after.shape == (90, 8)
    assert anisotropy(after) == pytest.approx(report.anisotropy[1], abs=1e-2)
    assert anisotropy(after) < anisotropy(before)


def test_no_more_texts_are_held_than_twice_what_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "long.tsv"
    rows = [f"{'deu_Latn' if i % 50 else 'swh_Latn'}\ttext {i}" for i in range(2000)]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    corpus = Corpus((str(file),), "text", ("language",), ("language", "text"), True)
    found, skipped = fair_share(corpus, "language", 100, lambda *_: None)
    assert {code: len(of) for code, of in found.items()} == {"deu_Latn": 60, "swh_Latn": 40}
    assert not skipped


def test_a_fair_share() -> None:
    assert shares({"a": 5, "b": 100, "c": 30}, 45) == {"b": 20, "c": 20, "a": 5}
    assert shares({"a": 5, "b": 3}, 20) == {"a": 5, "b": 3}
    assert shares({"a": 5, "b": 5}, 1) == {"b": 1} or shares({"a": 5, "b": 5}, 1) == {"a": 1}


def test_bad_input_is_told(many: Path, tmp_path: Path, model_folder: Folder) -> None:
    table = {"columns": ["language", "text"]}
    bert = model_folder("bert")
    few = tmp_path / "few.tsv"
    few.write_text("eng_Latn\tone\n", encoding="utf-8")
    alike = tmp_path / "alike.tsv"
    alike.write_text("eng_Latn\tthe same\n" * 60, encoding="utf-8")
    empty = tmp_path / "empty.tsv"
    empty.write_text("eng_Latn\t\n", encoding="utf-8")
    for model, file, how, line in (
        (bert, few, None, "more vectors than dimensions, 32; here are 1"),
        (bert, empty, None, "holds no row with text"),
        (bert, many, Evening(dim=40), "dim is 40; it is from 1 to 32"),
        (bert, alike, Evening(power=1), "are all alike; give different texts"),
    ):
        with pytest.raises((ConfigError, LusiferError), match=line):
            whiten_vectors(model, tmp_path / "new", str(file), how, **table)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="texts is 0; it is 1 or more"):
        whiten_vectors(bert, tmp_path / "new", str(many), texts=0, **table)  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="exists already"):
        whiten_vectors(bert, tmp_path, str(many), **table)  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()
