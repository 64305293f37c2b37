"""A bridge learns its target's own vectors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import lusifer
from lusifer.training.run import load_recipe, train
from tests.conftest import TEXTS
from tests.training.processes import command, together
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


def test_an_encoder_may_be_its_table_alone(texts: Path, model_folder: Folder) -> None:
    """Where no phase trains the layers they stay the identity: a text is the mean of its pieces, in
    any order.
    """
    model = lusifer.load(
        train(recipe("pretrain masked", texts, model_folder), ["ranking=null", "masking=null"])
    )
    a, b = model.encode(["market the behind", "the market behind"])
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_words_are_taught_resumed_and_shared_by_two_processes(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("distill bridge", texts, model_folder)
    still = [
        f"bridge.encoder.base={model_folder('modernbert')}",
        "bridge.encoder.lora.dropout=0",
        "token_dropout=0",
        "optim.lr=1e-4",
    ]
    changes = [*still, "bridge.connector.kind=words", "bridge.connector.nearest=4"]
    one = lusifer.load(train(file, [*changes, f"output={texts / 'one'}"])).encode(TEXTS)
    shutil.rmtree(texts / "one" / "model")
    shutil.rmtree(texts / "one" / "distill" / "checkpoint-6")
    np.testing.assert_array_equal(
        lusifer.load(train(file, [*changes, f"output={texts / 'one'}"])).encode(TEXTS), one
    )
    two_processes(file, [*changes, f"output={texts / 'two'}"])
    np.testing.assert_allclose(lusifer.load(texts / "two" / "model").encode(TEXTS), one, atol=1e-3)


def test_held_translations_of_one_sentence_are_no_negatives_of_each_other(
    texts: Path, model_folder: Folder
) -> None:
    from lusifer.training.stages import distill_bridge as distill

    parallel = "".join(f"{TEXTS[0]}\t{t[::-1]}\n" for t in TEXTS[:8])
    (texts / "held.tsv").write_text(parallel, encoding="utf-8")
    hold = {"parallel": [{"files": ["held.tsv"], "columns": ["english", "text"]}], "batch_size": 4}
    parsed = load_recipe(
        recipe("distill bridge", texts, model_folder, hold=hold, token_dropout=0.0)
    )
    model = distill.assemble(distill.Bridge.new(parsed.bridge)).eval()
    batch = distill.DistillBatches(
        parsed, TEXTS, np.zeros((16, 32), np.float16), model[0], texts, range(16)
    )(0)
    features = [
        {k.removeprefix(f"{side}_"): v for k, v in batch.items() if k.startswith(f"{side}_")}
        for side in ("student", "other", "english")
    ]
    with torch.no_grad():
        terms = distill.DistillLoss(model, parsed)(features, batch["label"])
    assert float(terms["hold"]) == pytest.approx(0.0, abs=1e-6), (
        "one English text: no negatives are left, so nothing to push apart"
    )


def two_processes(file: Path, changes: list[str], **environment: str) -> str:
    """`lusifer train` in two CPU processes; returns what they wrote to stderr."""
    return together(command, "train", str(file), *changes, errors=file.parent, **environment)
