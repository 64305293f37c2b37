"""The stages on tiny models: each learns, resumes to the bit, trains what it says and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import lusifer
from lusifer.errors import DataError, LusiferError
from lusifer.io.files import sha256
from lusifer.training import checkpointing, loop, stage as runner
from lusifer.training.run import plan, stage_names, train
from lusifer.training.run_log import read_log
from tests.conftest import TEXTS, make_table
from tests.training.recipes import STAGES, recipe, weights

Folder = Callable[[str], Path]


def test_every_stage_is_tried() -> None:
    known = {" ".join(filter(None, (n, m))) for n, ms in stage_names().items() for m in ms or [""]}
    assert set(STAGES) == known | {"contrastive of a bridge"}


class Stop(Exception):
    """Stands for a kill between two steps."""


@pytest.mark.parametrize("stage", STAGES)
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    stage: str, texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 5: auto-resume dropped the optimiser's state."""
    file = recipe(stage, texts, model_folder)
    whole = train(file, [f"output={texts / 'whole'}"])
    steps = 0
    original = loop.Progress.on_step_end

    def stop_at(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        nonlocal steps
        steps += 1
        original(self, args, state, control, **kwargs)
        if steps == 5 and stop:
            raise Stop

    monkeypatch.setattr(loop.Progress, "on_step_end", stop_at)
    stop = True
    with pytest.raises(Stop):
        train(file, [f"output={texts / 'parts'}"])
    stop = False
    parts = train(file, [f"output={texts / 'parts'}"])
    first, second = weights(whole), weights(parts)
    assert first.keys() == second.keys()
    assert first
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    saved = yaml.safe_load((texts / "parts" / "recipe.yaml").read_text(encoding="utf-8"))
    assert saved["stage"] == stage.split()[0]
    assert "torch" in json.loads((texts / "parts" / "versions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", ["distill bridge", "align", "contrastive of a bridge"])
def test_the_bases_do_not_move_and_the_adapters_do(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    """Stage 1's target is frozen: its weights, on disk and in memory, stay as they were."""
    file = recipe(stage, texts, model_folder)
    before = {
        f: sha256(model_folder(f) / "model.safetensors") for f in ("xlm-roberta", "bert", "llama")
    }
    seen: dict[str, Any] = {}
    original = loop.run_phase

    def watch(trainer: Any, *more: Any) -> None:
        bridge = trainer.model.bridge if hasattr(trainer.model, "bridge") else trainer.model[0]
        start = {k: v.detach().clone() for k, v in bridge.named_parameters()}
        original(trainer, *more)
        seen.update(
            {k: not torch.equal(v, start[k]) for k, v in bridge.named_parameters()},
            __bridge__=bridge,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_phase", watch)
        folder = train(file)
    bridge = seen.pop("__bridge__")
    moved = {k for k, changed in seen.items() if changed}
    assert not [k for k in moved if k.startswith("target.")]
    assert moved <= set(bridge.trained_names())
    assert any("lora_" in k for k in moved)
    assert any(k.startswith("connector.") for k in moved)
    assert before == {f: sha256(model_folder(f) / "model.safetensors") for f in before}
    assert lusifer.load(folder).encode(TEXTS).shape == (16, 32)


@pytest.mark.parametrize("stage", ["distill bridge", "align", "contrastive of a bridge"])
def test_the_loss_falls(stage: str, texts: Path, model_folder: Folder) -> None:
    file = recipe(stage, texts, model_folder)
    train(file, ["optim.steps=40", "optim.save_every=40"])
    state = next((texts / "out").rglob("checkpoint-40/trainer_state.json"))
    losses = [
        e["loss"]
        for e in json.loads(state.read_text(encoding="utf-8"))["log_history"]
        if "loss" in e
    ]
    assert np.mean(losses[-5:]) < 0.97 * np.mean(losses[:5])


def test_another_language_is_refused_with_file_and_line(texts: Path, model_folder: Folder) -> None:
    (texts / "texts.tsv").write_text(
        "eng_Latn\tThe weather was fine this morning, and we went out.\n"
        "eng_Latn\tDer alte Bahnhof liegt hinter dem Markt, und niemand weiß, wer die Apfelbäume gepflanzt hat.\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match=r"texts.tsv:2: .*english_only.*'de'"):
        train(recipe("distill bridge", texts, model_folder))


@pytest.mark.parametrize(
    ("stage", "changes", "what"),
    [
        ("distill bridge", ["bridge.encoder.base=/nowhere"], "no such model folder"),
        ("distill bridge", ["data.root=/nowhere"], "data.root"),
        ("distill bridge", ["method=pooled"], "has the methods bridge, map, parallel, vectors"),
        ("align", ["method=bridge"], "unknown key 'method'"),
        ("distill bridge", ["bridge.conector.kind=mlp"], "did you mean 'connector'"),
        (
            "distill bridge",
            ["bridge.connector.kind=mpl"],
            "linear, mlp, resampler, vocabulary, words",
        ),
        ("align", ["bridge.target.train=lora"], "must be frozen"),
        ("contrastive of a bridge", ["loss.0.temperature=0"], "temperature must be above 0"),
        (
            "contrastive of a bridge",
            ["stage=contrastiv"],
            "one of align, contrastive, distill, pretrain, rerank, static",
        ),
        ("pretrain causal", ["shape.hidden=30"], "multiple of shape.heads"),
        ("pretrain causal", ["vocabulary.size=60000"], "vocabulary.size"),
        ("distill bridge", ["batch_size=0"], "batch_size is 0; it must be 1 or more"),
        ("contrastive of a bridge", ["batch_size=0"], "batch_size is 0; it must be 1 or more"),
        ("distill bridge", ["optim.warmup=500"], "from 0 to 1"),
        (
            "distill bridge",
            ["data.sources=[{files: [texts.tsv], columns: [language, sentence]}]"],
            "needs a column named",
        ),
        ("distill bridge", ["optim.steps=0"], "steps must be at least 1"),
        ("distill bridge", ["code_switch={texts: 0.5}"], "lexicon must name"),
        ("distill bridge", ["bridge.max_tokens=4000"], "max_tokens"),
        ("pretrain masked", ["ranking.kinds={paralel: 1.0}"], "not paralel"),
        ("pretrain masked", ["ranking.bundle=0"], "bundle is 0"),
        ("static table", ["substrings=-1"], "substrings is -1"),
        ("static table", ["teacher.kinds=[lexicon]"], "the teacher has no vector of these"),
        ("static table", ["teacher.kinds=[paralel]"], "not paralel"),
        ("static table", ["few=0"], "few is 0"),
        ("static table", ["whiten=2"], "whiten is 2"),
        ("pretrain masked", ["ranking=null", "masking=null", "warm=null"], "nothing to train"),
        (
            "pretrain masked",
            ["data.lexicon=[{files: [parallel.tsv], columns: [language, text]}]"],
            "needs a column 'english'",
        ),
        ("pretrain masked", ["vocabulary.size=60000"], "vocabulary.size"),
    ],
)
def test_wrong_recipes_are_told_in_one_line(
    stage: str, changes: list[str], what: str, texts: Path, model_folder: Folder
) -> None:
    with pytest.raises(LusiferError, match=what) as caught:
        train(recipe(stage, texts, model_folder), changes)
    assert "\n" not in str(caught.value)


def test_short_texts_are_identified_together(texts: Path, model_folder: Folder) -> None:
    lines = [f"Wo ist das Haus Nummer {i} bitte?" for i in range(300)]
    (texts / "texts.tsv").write_text("".join(f"eng_Latn\t{t}\n" for t in lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"texts.tsv:1: .*'de'"):
        train(recipe("distill bridge", texts, model_folder))
    (texts / "texts.tsv").write_text(
        "".join(f"eng_Latn\tWhere is house {i}, please?\n" for i in range(300)), encoding="utf-8"
    )
    assert plan(recipe("distill bridge", texts, model_folder))["rows"] == {"texts": 300}


@pytest.mark.parametrize("stage", STAGES)
def test_a_dry_run_counts_and_trains_nothing(stage: str, texts: Path, model_folder: Folder) -> None:
    figures = plan(recipe(stage, texts, model_folder))
    assert figures["memory_bytes"] > 0
    assert figures["parameters"]["trained"] > 0
    assert sum(figures["rows"].values()) > 0
    assert not (texts / "out").exists()


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_is_refused_leaves_no_folder_behind(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    file = recipe(stage, texts, model_folder)
    (texts / "kept").mkdir()
    for output in ("deep/er/out", "kept"):
        wrong = [f"output={texts / output}", "data.root=nowhere"]
        with pytest.raises((LusiferError, OSError)):
            train(file, wrong)
    assert not (texts / "deep").exists()
    assert list((texts / "kept").iterdir()) == []


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    import transformers

    original = transformers.Trainer._save_optimizer_and_scheduler
    saves = 0

    def full(self: Any, output_dir: str) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, output_dir)

    monkeypatch.setattr(transformers.Trainer, "_save_optimizer_and_scheduler", full)
    with pytest.raises(LusiferError, match="disk is full"):
        train(recipe("distill bridge", texts, model_folder))
    assert [p.name for p in checkpointing.checkpoints(texts / "out" / "distill")] == [
        "checkpoint-3"
    ]


def test_a_student_without_its_teachers_vectors_is_told_and_leaves_nothing(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("distill vectors", texts, model_folder)
    for vectors, what in (
        ("nowhere", "holds no shard-00000.parquet; make it with: lusifer encode"),
        ("vectors", "keeps no column 'text'"),
    ):
        if vectors == "vectors":
            shutil.rmtree(texts / "vectors")
            lusifer.encode(
                str(texts / "texts.tsv"),
                texts / "vectors",
                model=make_table(texts / "t"),
                columns=["_", "text"],
            )
        with pytest.raises(LusiferError, match=what):
            train(file, [f"data.vectors={texts / vectors}"])
        assert not (texts / "out").exists()
        assert not (texts / "nowhere").exists()


def first_step(output: Path) -> tuple[float, float]:
    """The loss and the gradient's length of a run's first step."""
    line = next(line for line in read_log(output / "log.jsonl") if "loss" in line)
    return line["loss"], line["grad_norm"]


@pytest.mark.parametrize("stage", ["distill bridge", "distill parallel", "distill vectors"])
def test_cached_gradients_are_those_of_the_whole_batch(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    """Without what draws at random in a forward pass: dropout falls otherwise on other batches."""
    changes = {"distill bridge": ["token_dropout=0", "bridge.encoder.train=frozen"]}.get(stage, [])
    file = recipe(stage, texts, model_folder)
    few = ["optim.steps=1", "optim.save_every=1", *changes]
    train(file, [*few, f"output={texts / 'whole'}"])
    train(file, [*few, "mini_batch_tokens=24", f"output={texts / 'parts'}"])
    np.testing.assert_allclose(first_step(texts / "parts"), first_step(texts / "whole"), rtol=2e-3)


def test_batches_that_are_accumulated_are_one_larger_batch(
    texts: Path, model_folder: Folder
) -> None:
    """Of a loss that is a mean over rows, where one batch holds the rows of two."""
    file = recipe("distill bridge", texts, model_folder)
    plain = [
        "token_dropout=0", "code_switch=null", "bridge.encoder.train=frozen", "loss=[{kind: mse}]",
        "optim.steps=1", "optim.save_every=1",
    ]  # fmt: skip
    train(file, [*plain, "batch_size=16", f"output={texts / 'larger'}"])
    parts = ["batch_size=8", "optim.accumulate=2"]
    train(file, [*plain, *parts, f"output={texts / 'parts'}"])
    np.testing.assert_allclose(first_step(texts / "parts"), first_step(texts / "larger"), rtol=2e-3)


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("contrastive", ["optim.accumulate=2", "batch_size=2"]),
        ("distill bridge", ["optim.accumulate=2", "batch_size=2"]),
        ("contrastive", ["optim.optimizer=adafactor", "optim.lr=1e-3"]),
    ],
)
def test_a_resumed_run_ends_the_same_however_it_steps(
    stage: str,
    changes: list[str],
    texts: Path,
    model_folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = recipe(stage, texts, model_folder)
    whole = train(file, [*changes, f"output={texts / 'whole'}"])
    original = loop.Progress.on_step_end

    def stop_at(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        original(self, args, state, control, **kwargs)
        if state.global_step == 5:
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "on_step_end", stop_at)
        with pytest.raises(Stop):
            train(file, [*changes, f"output={texts / 'parts'}"])
    first, second = weights(whole), weights(train(file, [*changes, f"output={texts / 'parts'}"]))
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_adafactor_is_another_optimiser(texts: Path, model_folder: Folder) -> None:
    file = recipe("contrastive", texts, model_folder)
    made = [
        weights(train(file, [f"optim.optimizer={name}", "optim.lr=1e-3", f"output={texts / name}"]))
        for name in ("adafactor", "adamw")
    ]
    assert any(not torch.equal(made[0][k], made[1][k]) for k in made[0])


def test_states_of_8_bits_say_what_they_want(texts: Path, model_folder: Folder) -> None:
    file = recipe("contrastive", texts, model_folder)
    with pytest.raises(LusiferError, match=r"bitsandbytes|wants a GPU"):
        train(file, ["optim.optimizer=adamw_8bit"])
    with pytest.raises(LusiferError, match="adamw, adamw_8bit, adafactor"):
        train(file, ["optim.optimizer=sgd"])
