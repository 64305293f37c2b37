"""Texts for a bridge: distinct and in file order, and epochs in which each comes once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.data.sources import Source
from lusifer.errors import ConfigError, DataError
from lusifer.training.texts import Epochs, TextData, locate_root, read_texts, text_keys
from tests.conftest import TEXTS

SCRIPTS = ["Der Markt", "السوق", "बाज़ार", "市場", "ตลาด", "рынок", ""]


def test_texts_are_distinct_in_file_order_and_of_every_column(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("b\ta\tfra_Latn\nc\tb\tfra_Latn\n", "utf-8")
    (tmp_path / "b.txt").write_text("駅\na\nстанция\n", "utf-8")
    sources = (Source(("a.tsv",), ("text", "query", "language")), Source(("b.txt",)))
    data = TextData(str(tmp_path), sources, english_only=False)
    assert read_texts(data) == ["b", "a", "c", "駅", "станция"]


def test_another_language_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = [*TEXTS[:3], "Der alte Bahnhof liegt hinter dem Markt, und niemand weiß davon."]
    (tmp_path / "a.txt").write_text("\n".join(lines) + "\n", "utf-8")
    data = TextData(str(tmp_path), (Source(("a.txt",)),))
    with pytest.raises(DataError, match=r"a\.txt:4: .*english_only.*'de'"):
        read_texts(data)


def test_what_holds_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("too short\n", "utf-8")
    data = TextData(str(tmp_path), (Source(("a.txt",), min_chars=100),))
    with pytest.raises(ConfigError, match="hold no text between min_chars and max_chars"):
        read_texts(data)
    with pytest.raises(ValueError, match=r"a\.tsv needs a column named english or text or query"):
        TextData(sources=(Source(("a.tsv",), ("language", "sentence")),))
    with pytest.raises(ConfigError, match=r"data\.root is '/nowhere': no such folder"):
        locate_root("/nowhere")
    assert locate_root(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(("count", "batch"), [(64, 4), (61, 4), (400, 3), (5, 9), (1, 1)])
def test_an_epoch_holds_each_text_once_in_batches_of_like_length(count: int, batch: int) -> None:
    texts = ["x" * (1 + 37 * i % 101) for i in range(count)]
    epochs = Epochs(texts, batch, 3)
    first = [epochs(step) for step in range(epochs.per_epoch)]
    assert {len(rows) for rows in first} == {min(batch, count)}
    seen = np.concatenate(first)
    assert len(np.unique(seen)) == len(seen) > count - min(batch, count)
    again = Epochs(texts, batch, 3)
    late = epochs.per_epoch + 1
    np.testing.assert_array_equal(again(late), epochs(late))
    if count == 400:
        spread = np.mean([np.ptp(epochs.lengths[rows]) for rows in first])
        assert spread < np.ptp(epochs.lengths) / 5
        assert not np.array_equal(first[0], epochs(epochs.per_epoch))


def test_a_batch_of_no_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size must be at least 1"):
        Epochs(TEXTS, 0, 0)


def test_equal_texts_alone_have_equal_keys() -> None:
    texts = [*TEXTS, *SCRIPTS]
    keys = text_keys([*texts, *texts[::-1]]).tolist()
    assert keys[: len(texts)] == keys[len(texts) :][::-1]
    assert len(set(keys)) == len(texts)
