"""Token ids are read back, and a model that tells no tokenizer takes texts alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.serving.api.vectors import read_back
from lusifer.serving.faults import Fault
from lusifer.serving.shelf import Ready
from tests.conftest import TEXTS


def test_ids_give_their_text(table: Path, ready: Ready) -> None:
    tiny = Ready.load(str(table))
    assert tiny.tokens
    ids = tiny.tokens.ids(TEXTS[:2])
    assert tiny.tokens.ids(read_back(tiny, "tiny", ids)) == ids
    with pytest.raises(Fault, match="tells no tokenizer; send texts"):
        read_back(ready, "paced", ids)
