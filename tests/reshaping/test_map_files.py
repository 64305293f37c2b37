"""One space turned into another: of word vectors, of models, and of one into the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import lusifer
from lusifer.errors import ConfigError, DataError, LusiferError
from lusifer.reshaping.lexicon import mapped, unit
from lusifer.reshaping.linear_map import fit
from lusifer.reshaping.map_files import held_apart, map_vectors
from lusifer.reshaping.word_vectors import read_word_vectors, write_word_vectors
from tests.conftest import TEXTS, make_table
from tests.reshaping.test_lexicon import spaces

Folder = Callable[[str], Path]
TABLE = {"columns": ["source", "target"]}


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Two files of word vectors, one the other turned, and pairs of them, some with words that are in neither."""
    x, y = spaces(300, 0.02)
    write_word_vectors(tmp_path / "de.vec", [f"wort{i}" for i in range(300)], x)
    write_word_vectors(tmp_path / "en.vec", [f"word{i}" for i in range(300)], y)
    pairs = [f"wort{i}\tword{i}" for i in range(0, 300, 2)]
    rows = [*pairs, "wort1\tnone", "keins\tword1", "\tword3", pairs[0]]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("kind", ["rotation", "ridge", "least-squares", "csls"])
def test_word_vectors_are_turned(kind: str, words: Path) -> None:
    into = words / "mapped.vec"
    report = map_vectors(
        words / "de.vec", words / "en.vec", into, str(words / "pairs.tsv"), kind, **TABLE
    )  # type: ignore[arg-type]
    assert (report.pairs, report.held, report.targets) == (135, 15, 300)
    assert (report.absent, report.skipped) == (2, 1)
    assert report.before is not None
    assert report.before < 0.2
    assert report.cosine == report.csls == 1.0
    assert (report.orthogonality < 1e-2) == (kind in ("rotation", "csls"))
    source, target = (read_word_vectors(words / f"{name}.vec", 999) for name in ("de", "en"))
    made = read_word_vectors(into, 999)
    assert made.words == source.words
    if kind == "rotation":
        known = [(i, i) for i in range(0, 300, 2)]
        pairs, _ = held_apart(known)
        x, y = unit(source.vectors), unit(target.vectors)
        expected = mapped(x, fit("rotation", x[pairs[:, 0]], y[pairs[:, 1]]))
        np.testing.assert_allclose(made.vectors, expected, atol=1e-3)
    about = yaml.safe_load((words / "mapped.vec.yaml").read_text(encoding="utf-8"))
    assert about["kind"] == kind
    assert about["held"] == 15


@pytest.mark.parametrize("table", [False, True])
def test_a_model_finds_what_another_has_embedded(
    table: bool, tmp_path: Path, model_folder: Folder
) -> None:
    """An index of one model's vectors, asked by another whose space was turned into it."""
    source = make_table(tmp_path) if table else model_folder("bert")
    texts = [f"{text} {i}" for i, text in enumerate(TEXTS * 8)]
    rows = "\n".join(f"{text}\t{text}" for text in texts)
    (tmp_path / "pairs.tsv").write_text(rows + "\n", encoding="utf-8")
    report = map_vectors(
        source, model_folder("llama"), tmp_path / "new", str(tmp_path / "pairs.tsv"), "ridge",
        columns=["source", "target"], penalty=1e-4,
    )  # fmt: skip
    assert report.pairs + report.held == len(texts)
    own, theirs = lusifer.load(tmp_path / "new"), lusifer.load(model_folder("llama"))
    assert own.dim == theirs.dim
    x, y = own.encode(texts), theirs.encode(texts)
    assert ((x * y).sum(1).mean()) > 0.9
    before = lusifer.load(source).encode(texts)
    if before.shape == y.shape:
        assert (x * y).sum(1).mean() > (before * y).sum(1).mean() + 0.3


def test_a_source_is_held_out_with_all_that_it_may_be() -> None:
    known = [(i // 2, i) for i in range(60)]
    pairs, truth = held_apart(known)
    assert truth == {9: frozenset([18, 19]), 19: frozenset([38, 39]), 29: frozenset([58, 59])}
    assert len(pairs) == 54
    assert not set(pairs[:, 0]) & set(truth)


def test_bad_input_is_told(words: Path, tmp_path: Path, model_folder: Folder) -> None:
    de, en, pairs = words / "de.vec", words / "en.vec", str(words / "pairs.tsv")
    few = tmp_path / "few.tsv"
    few.write_text("wort1\tword1\n", encoding="utf-8")
    wrong = tmp_path / "wrong.vec"
    wrong.write_text("x y z\n", encoding="utf-8")
    short = tmp_path / "short.vec"
    write_word_vectors(short, [f"word{i}" for i in range(300)], np.ones((300, 5), np.float32))
    for source, target, file, kind, line in (
        (de, en, pairs, "turn", "kind is 'turn'; it is one of rotation, ridge"),
        (de, en, str(few), "rotation", "1 pairs are in both; some twenty"),
        (de, wrong, pairs, "rotation", "holds no word vector"),
        (de, short, pairs, "csls", "csls rotates, and the vectors have 24 and 5 numbers"),
    ):
        with pytest.raises((ConfigError, DataError, LusiferError), match=line):
            map_vectors(source, target, tmp_path / "new.vec", file, kind, **TABLE)  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="exists already"):
        map_vectors(de, en, de, pairs, **TABLE)  # type: ignore[arg-type]
    for source, into, line in (
        (de, tmp_path / "new", "word vectors go into a file that ends in .vec"),
        (de, tmp_path / "new.vec.gz", "word vectors go into a file that ends in .vec"),
        (model_folder("bert"), tmp_path / "new.vec", "a model goes into a folder"),
    ):
        with pytest.raises(ConfigError, match=line):
            map_vectors(source, en, into, pairs, **TABLE)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="most is 0"):
        map_vectors(de, en, tmp_path / "new.vec", pairs, most=0, **TABLE)  # type: ignore[arg-type]
    (tmp_path / "old.vec.yaml").touch()
    with pytest.raises(LusiferError, match=r"old\.vec\.yaml: exists already"):
        map_vectors(de, en, tmp_path / "old.vec", pairs, **TABLE)  # type: ignore[arg-type]
    assert not [*tmp_path.glob("new*"), *tmp_path.glob("old.vec")]
