"""Vectors of texts that come one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.encoding.stream import encode_stream
from lusifer.errors import LusiferError
from tests.encoding.test_bulk import ROWS


def test_a_stream_gives_the_vectors_in_order(table: Path) -> None:
    model = lusifer.load(table)
    np.testing.assert_allclose(
        np.concatenate(list(encode_stream(model, iter(ROWS)))), model.encode(ROWS), atol=1e-6
    )


def test_what_is_no_text_is_told_by_its_number(table: Path) -> None:
    with pytest.raises(LusiferError, match="text 1 is NoneType"):
        list(encode_stream(lusifer.load(table), ["a", None]))  # type: ignore[list-item]
