"""Word vectors in text: as fastText and word2vec write them, and as they should not be."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from lusifer.errors import DataError
from lusifer.reshaping.word_vectors import are_word_vectors, read_word_vectors, write_word_vectors

WORDS = ["der", "Straße", "東京", "a\u00a0b", "naïve"]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    file = tmp_path / "words.vec"
    write_word_vectors(file, WORDS, vectors)
    assert file.read_text(encoding="utf-8").startswith("5 7\nder ")
    found = read_word_vectors(file, 100)
    assert found.words == WORDS
    assert found.places()["東京"] == 2
    np.testing.assert_allclose(found.vectors, vectors, rtol=1e-4)
    assert read_word_vectors(file, 2).words == WORDS[:2]
    packed = tmp_path / "words.vec.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert read_word_vectors(packed, 100).words == WORDS


def test_without_a_first_line_and_with_trailing_spaces(tmp_path: Path) -> None:
    file = tmp_path / "w.vec"
    file.write_text("one 1 2 3 \ntwo 0.5 -1e-3 4 \n", encoding="utf-8")
    found = read_word_vectors(file, 9)
    assert found.words == ["one", "two"]
    np.testing.assert_allclose(found.vectors[1], [0.5, -0.001, 4])


def test_lines_that_are_none_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "w.vec"
    lines = [
        "6 3",
        "one 1 2 3",
        "short 1 2",
        "nan 1 nan 3",
        "zero 0 0 0",
        "one 4 5 6",
        "of two words 1 1 1",
        "x y z",
        "w1 0.27 1 2 3",
    ]
    file.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe 1 2 3\n")
    found = read_word_vectors(file, 9)
    assert found.words == ["one", "of two words"]
    assert found.skipped == 7


@pytest.mark.parametrize("text", ["", "2 3\n", "a few words\n"])
def test_a_file_without_one_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "w.vec"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"w\.vec: holds no word vector"):
        read_word_vectors(file, 9)
    with pytest.raises(DataError, match=r"none\.vec"):
        read_word_vectors(tmp_path / "none.vec", 9)


def test_by_the_name() -> None:
    assert are_word_vectors("wiki.de.vec")
    assert are_word_vectors(Path("cc.sw.300.vec.gz"))
    assert not are_word_vectors("intfloat/e5")
