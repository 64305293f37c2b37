"""A student of vectors: its batches hold each text once with the teacher's own vector, and its loss
is centred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lusifer
from lusifer.errors import ConfigError
from lusifer.models import sentence_transformer
from lusifer.training.losses.distances import RawError
from lusifer.training.run import load_recipe
from lusifer.training.stages.distill_vectors import (
    StudentBatches,
    VectorLoss,
    plain_tokenizer,
    prepare,
    read_taught,
    sample_texts,
)
from tests.conftest import TEXTS
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.fixture
def parsed(texts: Path, model_folder: Folder) -> Any:
    return load_recipe(recipe("distill vectors", texts, model_folder))


def test_texts_and_vectors_are_read_together_and_as_few_as_are_asked(
    parsed: Any, texts: Path
) -> None:
    found, vectors = read_taught(parsed.data)
    assert found == TEXTS
    np.testing.assert_allclose(vectors, lusifer.load(texts / "unigram").encode(TEXTS), atol=1e-3)
    assert len(read_taught(replace(parsed.data, shards=1))[0]) == 6
    assert len(read_taught(parsed.data, enough=7)[0]) == 12
    twice = replace(parsed.data, vectors=parsed.data.vectors * 2)
    assert read_taught(twice)[0] == [*TEXTS, *TEXTS]
    assert sorted(sample_texts(parsed)) == sorted(TEXTS)


def test_an_epoch_s_batches_hold_texts_once_with_their_vectors(parsed: Any, tmp_path: Path) -> None:
    prepare(parsed, tmp_path / "prepared")
    model = sentence_transformer(tmp_path / "prepared" / "start")
    make = StudentBatches(parsed, tmp_path / "prepared", model)
    _, vectors = read_taught(parsed.data)
    seen = list[int]()
    for step in range(make.in_all()):
        batch, rows = make(step), make.rows(step)
        seen += rows.tolist()
        for row, ids, mask, label in zip(
            rows, batch["text_input_ids"], batch["text_attention_mask"], batch["label"], strict=True
        ):
            own = model.tokenizer(TEXTS[row])["input_ids"]
            assert ids[mask == 1].tolist() == own
            np.testing.assert_array_equal(label, vectors[row].astype(np.float32))
    assert len(seen) == len(set(seen)) >= len(TEXTS) - 1
    some = StudentBatches(parsed, tmp_path / "prepared", model, np.array([2, 5, 9]))
    assert set(some.rows(0).tolist()) <= {2, 5, 9}
    long = plain_tokenizer(model).encode(" ".join(TEXTS), add_special_tokens=False).ids
    assert len(long) > model.tokenizer.model_max_length


def test_the_loss_is_nothing_for_the_teacher_itself_and_the_plain_error_else(parsed: Any) -> None:
    _, vectors = read_taught(parsed.data)
    loss = VectorLoss(torch.nn.Identity(), (RawError(),), vectors)
    teacher = F.normalize(torch.from_numpy(vectors.astype(np.float32)), dim=-1)
    other = F.normalize(teacher + 0.1, dim=-1)
    same, moved = loss.of([3 * teacher], teacher), loss.of([other], teacher)
    assert isinstance(same, dict)
    assert isinstance(moved, dict)
    assert float(same["error"]) == pytest.approx(0, abs=1e-6)
    variance = teacher.var(0, correction=0).sum()
    plain = (other - teacher).pow(2).sum(1).mean() / variance
    assert float(moved["error"]) == pytest.approx(float(plain), rel=1e-2)


def test_one_text_is_too_few_and_said_so(parsed: Any, texts: Path, tmp_path: Path) -> None:
    (texts / "one.tsv").write_text("tha_Thai\tสถานี\n", encoding="utf-8")
    lusifer.encode(
        str(texts / "one.tsv"),
        texts / "one",
        model=texts / "unigram",
        columns=["_", "text"],
        keep=["text"],
    )
    data = replace(parsed.data, vectors=(str(texts / "one"),))
    with pytest.raises(ConfigError, match="holds 1 texts; a student needs two at least"):
        prepare(replace(parsed, data=data), tmp_path / "prepared")
    with pytest.raises(ValueError, match="whiten is 2"):
        replace(parsed, whiten=2)
