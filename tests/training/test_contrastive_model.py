"""The paper's second stage, from the first on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import lusifer
from lusifer.errors import ModelError
from lusifer.training.run import load_recipe, train
from lusifer.training.stages import contrastive
from tests.conftest import TEXTS
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


def test_in_batch_and_hard_negatives_count_on_one_process(
    texts: Path, model_folder: Folder
) -> None:
    """Fault 5: on one GPU in-batch negatives vanished silently."""
    parsed = load_recipe(recipe("contrastive of a bridge", texts, model_folder))
    model = contrastive.starting_model(parsed)
    batches = contrastive.make_batches(parsed, model, contrastive.read(parsed, texts / "rows"))
    rows = batches.rows(0)
    assert all(len(r[2]) == 2 for r in rows)
    batch = batches(0)
    names = [n for n in batch if n.endswith("input_ids")]
    assert names == [
        "query_input_ids",
        "document_input_ids",
        "negative_0_input_ids",
        "negative_1_input_ids",
    ]
    loss_fn, temperature = contrastive.make_loss(parsed, model), parsed.loss[0].temperature
    features = [
        {
            k.removeprefix(n.removesuffix("input_ids")): v
            for k, v in batch.items()
            if k.startswith(n.removesuffix("input_ids"))
        }
        for n in names
    ]
    model.eval()
    with torch.no_grad():
        loss = loss_fn([dict(f) for f in features], None)
        q, *docs = (model(dict(f))["sentence_embedding"] for f in features)
        scores = q @ torch.cat(docs).T / temperature
    assert scores.shape == (4, 12)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(scores, torch.arange(4)))
    wanted = model[0].preprocess([f"Q: {rows[0][0]}"])["input_ids"][0]
    assert (
        batch["query_input_ids"][0][batch["query_attention_mask"][0] == 1].tolist()
        == wanted.tolist()
    )


def test_a_bridge_learns_nested_sizes_with_cached_gradients(
    texts: Path, model_folder: Folder
) -> None:
    """The same weights as without the cache; dropout apart, which each pass draws anew."""
    file = recipe("contrastive of a bridge", texts, model_folder)
    still = ["bridge.encoder.lora.dropout=0", "matryoshka=[16]", "optim.lr=1e-4"]
    still.append(f"bridge.encoder.base={model_folder('modernbert')}")
    plain, cached = (
        lusifer.load(train(file, [*still, *changes, f"output={texts / name}"])).encode(TEXTS)
        for name, changes in (("plain", []), ("cached", ["mini_batch_tokens=40"]))
    )
    np.testing.assert_allclose(cached, plain, atol=1e-4)


def test_a_row_with_too_few_negatives_is_dropped_and_the_rest_keep_theirs(
    texts: Path, model_folder: Folder
) -> None:
    pairs = [
        json.loads(line)
        for line in (texts / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    pairs[3]["negative"] = pairs[3]["document"]
    (texts / "pairs.jsonl").write_text(
        "".join(json.dumps(p) + "\n" for p in pairs), encoding="utf-8"
    )
    parsed = load_recipe(recipe("contrastive of a bridge", texts, model_folder))
    (rows,) = contrastive.read(parsed, texts / "rows")
    assert len(rows) == 15
    assert rows.columns == 4


def test_prompts_are_taught_as_they_are_used(texts: Path, model_folder: Folder) -> None:
    from lusifer.training.stages import distill_bridge as distill

    prompts = {"query": "Q: ", "document": "D: "}
    parsed = load_recipe(
        recipe("distill bridge", texts, model_folder, code_switch=None, token_dropout=0.0),
        ["bridge.prompts={query: 'Q: ', document: 'D: '}"],
    )
    bridge = distill.Bridge.new(parsed.bridge)
    batches = distill.DistillBatches(
        parsed, TEXTS, np.zeros((16, 32), np.float16), bridge, texts, range(16)
    )
    seen = {
        tuple(row[row != 1].tolist())
        for step in range(4)
        for row in batches(step)["student_input_ids"]
    }
    wanted = [
        bridge.preprocess([t], prompt=prompts[distill.role(i, prompts)])["input_ids"][0]
        for i, t in enumerate(TEXTS)
    ]
    assert seen == {tuple(w[w != 1].tolist()) for w in wanted}
    assert {distill.role(i, prompts) for i in range(2)} == {"query", "document"}
    assert {distill.role(i, {}) for i in range(2)} == {"document"}


def test_stage_two_goes_on_from_stage_one_and_refuses_to_lose_it(
    texts: Path, model_folder: Folder
) -> None:
    first = train(recipe("align", texts, model_folder, output=str(texts / "one")))
    file = recipe(
        "contrastive of a bridge", texts, model_folder, output=str(texts / "two"), base=str(first)
    )
    model = contrastive.starting_model(load_recipe(file))
    learnt = load_file(first / "trained.safetensors")
    for name, parameter in model[0].named_parameters():
        if name in learnt:
            assert torch.equal(parameter, learnt[name])
    assert lusifer.load(train(file)).prompts == {"query": "Q: ", "document": "D: "}
    with pytest.raises(ModelError, match="would lose"):
        contrastive.starting_model(load_recipe(file, ["bridge.encoder.train=frozen"]))


def test_stage_two_refuses_what_another_connector_learnt(texts: Path, model_folder: Folder) -> None:
    start = train(recipe("align", texts, model_folder), [f"output={texts / 'a'}"])
    with pytest.raises(ModelError, match="connector is 'mlp', this recipe's 'words'"):
        train(
            recipe("contrastive of a bridge", texts, model_folder),
            [f"base={start}", "bridge.connector.kind=words", f"output={texts / 'b'}"],
        )
