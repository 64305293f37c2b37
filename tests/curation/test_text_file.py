"""Texts on disk: each once, read back as they were, found by number."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from lusifer.curation.text_file import Texts
from lusifer.errors import LusiferError


def test_texts_on_disk_are_the_texts(tmp_path: Path) -> None:
    texts = Texts(tmp_path / "texts")
    said = ["", "a", "ü\n漢字", "a", "\ud800 lone", "b" * 100_000]
    assert [texts.add(t) for t in said] == [0, 1, 2, 1, 3, 4]
    assert list(texts) == list(dict.fromkeys(said))
    assert texts[1:3] == ["a", "ü\n漢字"]
    other = Texts(tmp_path / "other")
    other.add("b" * 100_000)
    other.add("a")
    assert texts.places_in(other).tolist() == [-1, 1, -1, -1, 0]
    assert texts.settle() != other.settle()
    with pytest.raises(IndexError):
        texts[5]
    texts.close()
    other.close()
    assert not (tmp_path / "texts").exists()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(said=st.lists(st.text("aüя油\n\ud800", max_size=3), max_size=30), look=st.integers(0, 5))
def test_reading_between_additions_moves_nothing(
    said: list[str], look: int, tmp_path: Path
) -> None:
    texts, numbers = Texts(tmp_path / "texts"), list[int]()
    for place, text in enumerate(said):
        numbers.append(texts.add(text))
        if place % 6 == look:
            assert texts[numbers[-1] // 2] == list(dict.fromkeys(said))[numbers[-1] // 2]
    assert [texts[number] for number in numbers] == said
    assert list(texts) == list(dict.fromkeys(said))
    texts.close()


def test_the_hash_is_of_the_texts_and_their_order(tmp_path: Path) -> None:
    hashes = []
    for number, said in enumerate((["Öl", "油"], ["Öl", "油", "Öl"], ["油", "Öl"], ["Öl油"])):
        texts = Texts(tmp_path / str(number))
        for text in said:
            texts.add(text)
        hashes.append(texts.settle())
        assert list(texts) == list(dict.fromkeys(said)), "they are read after it, too"
        texts.close()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(LusiferError, match="taken") as told:
        Texts(tmp_path / "taken" / "texts")
    assert "\n" not in str(told.value)
