"""A reshaped model is written as what it was made of, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
import yaml

import lusifer
from lusifer.errors import LusiferError
from lusifer.reshaping.write_like import HOW, refuse_existing, write_like

Folder = Callable[[str], Path]


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_numbers_are_of_the_type_that_they_were(
    kind: torch.dtype, tmp_path: Path, model_folder: Folder
) -> None:
    model = lusifer.sentence_transformer(model_folder("bert"))
    model.to(kind).save(str(tmp_path / "model"), create_model_card=False)
    loaded = lusifer.sentence_transformer(tmp_path / "model", device="cpu")
    write_like(loaded, tmp_path / "model", tmp_path / "made", {"how": "for a test"})
    assert transformers.AutoModel.from_pretrained(tmp_path / "made").dtype == kind
    assert yaml.safe_load((tmp_path / "made" / HOW).read_text(encoding="utf-8")) == {
        "how": "for a test"
    }


def test_nothing_is_half_written(tmp_path: Path, model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder("bert"))
    with pytest.raises(Exception, match="represent"):
        write_like(model, model_folder("bert"), tmp_path / "made", {"how": object()})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(LusiferError, match="exists already"):
        refuse_existing(tmp_path)
