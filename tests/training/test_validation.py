"""What is measured while a model is trained: the best checkpoint ships, a measurement changes nothing, and a
resumed run measures the same.
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lusifer.errors import ConfigError, LusiferError, MissingExtra, Preempted
from lusifer.training import loop
from lusifer.training.output import products
from lusifer.training.run import load_recipe, train
from lusifer.training.run_log import draw_curves, read_log
from lusifer.training.validation import for_held, held_out
from tests.conftest import TEXTS, make_table
from tests.training.recipes import recipe, weights

Folder = Callable[[str], Path]
HOLDS = [
    "align",
    "contrastive",
    "contrastive of a bridge",
    "distill bridge",
    "distill parallel",
    "distill vectors",
    "pretrain causal",
]
SMALL = ["batch_size=2"]


def small(stage: str) -> list[str]:
    """Batches that leave rows for validation."""
    return [] if stage == "distill vectors" else SMALL


def figures(output: Path) -> list[tuple[int, dict[str, float]]]:
    """(step, validated figures) of a run's log."""
    found = []
    for line in read_log(output / "log.jsonl"):
        named = {k: v for k, v in line.items() if k.startswith("validation_")}
        if named:
            found.append((line["step"], named))
    return found


def same(first: Path, second: Path) -> bool:
    """Whether two folders hold the same weights to the bit."""
    a, b = weights(first), weights(second)
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("stage", HOLDS)
def test_held_out_rows_are_measured_and_the_best_weights_ship(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    file = recipe(stage, texts, model_folder)
    rate = ["optim.schedule=constant_with_warmup", "optim.steps=6", "optim.save_every=2"]
    changes = [*small(stage), *rate, "validation={every: 2, rows: 4}"]
    whole = train(file, [*changes, f"output={texts / 'whole'}"])
    found = figures(texts / "whole")
    assert [step for step, _ in found] == [2, 4, 6]
    losses = [line["validation_loss"] for _, line in found]
    assert len(set(losses)) == 3
    best = 2 * (1 + losses.index(min(losses)))
    steps = [*changes[:-1], f"optim.steps={best}", "validation={every: 2, rows: 4}"]
    short = train(file, [*steps, f"output={texts / 'short'}"])
    assert same(whole, short)  # the run that ends there


@pytest.mark.parametrize("stage", ["contrastive", "distill bridge"])
def test_a_measurement_changes_nothing(stage: str, texts: Path, model_folder: Folder) -> None:
    file = recipe(stage, texts, model_folder)
    every = ["validation={every: 1, rows: 4}", "validation={every: 100, rows: 4}"]
    outputs = []
    for number, setting in enumerate(every):
        # the last step is the best: the loss of the same two rows falls
        output = texts / f"out{number}"
        train(file, [*SMALL, setting, f"output={output}"])
        outputs.append(output)
    last = [sorted((o).glob("*/checkpoint-6"))[0] for o in outputs]
    assert all(
        torch.equal(a, b)
        for a, b in zip(load_tensors(last[0]).values(), load_tensors(last[1]).values(), strict=True)
    )


def load_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a checkpoint."""
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.rglob("*.safetensors")):
        found |= {f"{file.name}:{k}": v for k, v in load_file(file).items()}
    assert found
    return found


@pytest.mark.parametrize("stage", ["contrastive", "distill bridge", "align"])
@pytest.mark.parametrize("stop_at", [3, 5])
def test_a_resumed_run_measures_and_ships_the_same(
    stage: str, stop_at: int, texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = recipe(stage, texts, model_folder)
    changes = [*SMALL, "optim.save_every=2", "validation={every: 1, rows: 4}"]
    whole = train(file, [*changes, f"output={texts / 'whole'}"])
    original = loop.Progress.on_step_end

    class Stop(Exception):
        pass

    def stop(self: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        original(self, args, state, control, **more)
        if state.global_step == stop_at and not self.name.startswith("target"):
            raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "on_step_end", stop)
        with pytest.raises(Stop):
            train(file, [*changes, f"output={texts / 'parts'}"])
    parts = train(file, [*changes, f"output={texts / 'parts'}"])
    assert figures(texts / "parts") == figures(texts / "whole")
    assert same(parts, whole)


def test_patience_ends_a_run_and_a_second_call_finds_it_ended(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("contrastive", texts, model_folder)
    # A rate that spoils the model at once: nothing is better than the first measurement.
    changes = [
        *SMALL,
        "optim.lr=30",
        "optim.warmup=0",
        "optim.steps=40",
        "optim.save_every=1",
        "validation={every: 1, rows: 4, patience: 3}",
        f"output={texts / 'out'}",
    ]
    train(file, changes)
    steps = [step for step, _ in figures(texts / "out")]
    losses = [line["validation_loss"] for _, line in figures(texts / "out")]
    assert len(steps) == losses.index(min(losses)) + 4 < 40
    before = weights(texts / "out" / "model")
    # The result is lost, the checkpoints are not: the run does not go on behind its end.
    (texts / "out" / "model").rename(texts / "lost")
    train(file, changes)
    assert [step for step, _ in figures(texts / "out")] == steps
    after = weights(texts / "out" / "model")
    assert all(torch.equal(before[k], after[k]) for k in before)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite with one small set of translations."""
    folder = tmp_path / "suite" / "bitext_eval"
    folder.mkdir(parents=True)
    rows = "".join(
        f"{language}\tx\t{text}\t{text[::-1]}\n"
        for language in ("deu_Latn", "arb_Arab")
        for text in TEXTS
    )
    with lzma.open(folder / "tatoeba.tsv.xz", "wt", encoding="utf-8") as stream:
        stream.write(rows)
    return tmp_path / "suite"


def test_a_task_of_evaluate_chooses_the_checkpoint(
    texts: Path, suite: Path, model_folder: Folder
) -> None:
    file = recipe("contrastive", texts, model_folder)
    setting = f"validation={{every: 2, tasks: [tatoeba], suite: {suite}, languages: [deu_Latn]}}"
    out = texts / "out"
    train(file, [*SMALL, setting, f"output={out}"])
    found = figures(out)
    assert [step for step, _ in found] == [2, 4, 6]
    import lusifer

    scores = lusifer.evaluate(lusifer.load(out / "model"), suite, ["tatoeba"], ["deu_Latn"])
    first = [s.value for s in scores if s.metric == scores[0].metric]
    best = max(line["validation_tatoeba"] for _, line in found)
    assert best == pytest.approx(sum(first) / len(first), abs=1e-6)


@pytest.mark.parametrize(
    ("stage", "setting", "says"),
    [
        ("contrastive", "{every: 2}", "validation wants rows to hold out, or tasks"),
        ("contrastive", "{rows: 4, every: 0}", "validation.every must be 1 or more"),
        ("contrastive", "{tasks: [tatoeba]}", "want validation.suite"),
        ("contrastive", "{tasks: [nosuch], suite: .}", "no local task 'nosuch'"),
        (
            "contrastive",
            "{tasks: [tatoeba], suite: .}",
            "tatoeba wants .*tatoeba.tsv.xz; no such file",
        ),
        ("contrastive", "{rows: 1}", "none can be held out in batches"),
        ("pretrain causal", "{rows: 1, every: 1}", None),
        ("contrastive", "{tasks: [tatoeba], suite: nowhere}", "no such folder"),
        (
            "contrastive",
            "{rows: 4, best: xquad}",
            "validation.best is 'xquad'; it must be one of loss",
        ),
        ("contrastive", "{rows: 4, patience: 0}", "validation.patience must be 1 or more"),
        ("contrastive", "{row: 4}", "unknown key 'row'"),
        ("distill map", "{rows: 4}", "unknown key 'validation'"),
    ],
)
def test_a_wrong_validation_is_one_line(
    stage: str, setting: str, says: str | None, texts: Path, model_folder: Folder
) -> None:
    if says is None:  # one row is measured by itself where it needs no other beside it
        train(recipe(stage, texts, model_folder), [*small(stage), f"validation={setting}"])
        return
    with pytest.raises(LusiferError, match=says):
        train(recipe(stage, texts, model_folder), [*small(stage), f"validation={setting}"])


def test_tasks_want_a_model_that_embeds(texts: Path, suite: Path, model_folder: Folder) -> None:
    setting = f"validation={{tasks: [tatoeba], suite: {suite}}}"
    with pytest.raises(ConfigError, match="want a stage whose model embeds texts"):
        train(recipe("align", texts, model_folder), [*SMALL, setting])
    with pytest.raises(ConfigError, match="measure one dense model"):
        load_recipe(
            recipe("contrastive", texts, model_folder),
            ["matryoshka=[]", "mini_batch_tokens=null", "train=queries", setting],
        )
    file = recipe("contrastive", texts, model_folder)
    table = ["matryoshka=[]", f"base={make_table(texts / 'a-table')}", "prompts={}"]
    with pytest.raises(ConfigError, match="want a stage whose model embeds texts"):
        train(file, [*SMALL, *table, setting, f"output={texts / 'other'}"])


def test_each_language_needs_to_be_in_one_of_the_tasks(
    texts: Path, suite: Path, model_folder: Folder
) -> None:
    (suite / "similarity").mkdir()
    rows = "".join(
        f"{lang}\t{i % 6}\t{t}\t{t[::-1]}\n"
        for lang in ("eng_Latn", "fra_Latn")
        for i, t in enumerate(TEXTS)
    )
    with lzma.open(suite / "similarity" / "stsb_test.tsv.xz", "wt", encoding="utf-8") as stream:
        stream.write(rows)
    setting = (
        f"validation={{every: 3, tasks: [tatoeba, stsb], suite: {suite}, languages: [deu, fra]}}"
    )
    train(recipe("contrastive", texts, model_folder), [*SMALL, setting])
    assert all(
        {"validation_tatoeba", "validation_stsb"} <= set(line) for _, line in figures(texts / "out")
    )


def test_best_weights_that_are_gone_are_told(texts: Path, model_folder: Folder) -> None:
    file = recipe("contrastive", texts, model_folder)
    changes = [*SMALL, "optim.lr=30", "optim.warmup=0", "optim.steps=40", "optim.save_every=1"]
    changes.append("validation={every: 1, rows: 4, patience: 2}")
    shutil.rmtree(train(file, changes))
    shutil.rmtree(texts / "out" / "contrastive" / "best")
    with pytest.raises(LusiferError, match=r"the best weights, of step .* are not there"):
        train(file, changes)


def test_a_restart_takes_what_a_kill_left_beside_the_best(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("contrastive", texts, model_folder)
    train(file, [*SMALL, "validation={every: 3, rows: 4}"])
    (texts / "out" / "contrastive" / ".best.abc123").mkdir()
    assert texts / "out" / "contrastive" in set(products(texts / "out"))


@pytest.mark.parametrize(
    ("rows", "batch", "world", "size"),
    [
        (500, 256, 1, 250),
        (511, 256, 2, 254),
        (99, 256, 2, 98),
        (3, 8, 1, 3),
        (1, 8, 2, None),
        (0, 8, 1, None),
    ],
)
def test_held_batches_are_even_and_leave_few_rows_out(
    rows: int, batch: int, world: int, size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclass(frozen=True)
    class Batched:
        batch_size: int

    monkeypatch.setenv("WORLD_SIZE", str(world))
    found = for_held(Batched(batch), rows)
    assert (found.batch_size if found else None) == size


def test_translations_of_held_out_texts_are_not_taught(texts: Path, model_folder: Folder) -> None:
    from lusifer.training.stages import distill_bridge as distill

    parallel = "{files: [parallel.tsv], columns: [language, english, text]}"
    for at in ("output", "encoder"):
        hold = f"hold={{parallel: [{parallel}], at: {at}, batch_size: 2}}"
        parsed = load_recipe(recipe("distill bridge", texts, model_folder), [hold])
        bridge = distill.Bridge.new(parsed.bridge)
        teacher = np.zeros((16, 32), np.float16)
        batches = distill.DistillBatches(parsed, TEXTS, teacher, bridge, texts, range(5, 16))
        taught = {english for english, _ in batches.pairs}
        assert taught
        assert taught.isdisjoint(TEXTS[:5])


def test_rows_of_one_text_stay_together_and_half_is_left() -> None:
    keys = [f"text {i % 10}" for i in range(40)]
    trained, aside = held_out(keys, 9)
    assert len(aside) == 8
    assert {keys[i] for i in aside}.isdisjoint(keys[i] for i in trained)
    assert sorted([*trained, *aside]) == list(range(40))
    assert held_out(keys[::-1], 9)[1] == [39 - i for i in reversed(aside)]  # whatever the order
    assert len(held_out(keys, 1000)[1]) <= 20
    assert held_out(keys, 0) == (list(range(40)), [])


def test_the_log_has_what_was_measured_and_its_curves(texts: Path, model_folder: Folder) -> None:
    file = recipe("contrastive", texts, model_folder)
    train(file, [*SMALL, "validation={every: 3, rows: 4}", f"output={texts / 'out'}"])
    lines = read_log(texts / "out" / "log.jsonl")
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert {"phase", "step", "seconds", "loss", "learning_rate", "grad_norm"} <= set(lines[0])
    assert all(0 <= line["waiting"] <= 1 for line in lines if "loss" in line)
    assert (texts / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    with (texts / "out" / "log.jsonl").open("a", encoding="utf-8") as stream:
        stream.write('{"phase": "contr')  # an interrupt in the middle of a line
    assert read_log(texts / "out" / "log.jsonl") == lines
    assert draw_curves(texts / "nothing") is None


def test_a_logger_that_is_not_there_names_its_extra(texts: Path, model_folder: Folder) -> None:
    file = recipe("contrastive", texts, model_folder)
    with pytest.raises(ConfigError, match="tensorboard"):
        load_recipe(file, ["log=visdom"])
    try:
        import wandb  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(MissingExtra, match=r"lusifer\[log\]"):
            train(file, ["log=wandb"])
        assert not (texts / "out").exists()


def test_tensorboard_gets_the_figures(texts: Path, model_folder: Folder) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    file = recipe("contrastive", texts, model_folder)
    train(file, [*SMALL, "log=tensorboard", "validation={every: 3, rows: 4}"])
    events = list((texts / "out").rglob("*tfevents*"))
    assert len(events) == 1
    made = reader.EventAccumulator(str(events[0].parent))
    made.Reload()
    tags = set(made.Tags()["scalars"])
    assert any("validation_loss" in tag for tag in tags)
    assert any(tag.endswith("/loss") for tag in tags)
    assert train(
        file, [*SMALL, "log=tensorboard", "validation={every: 3, rows: 4}"], restart=True
    ).is_dir()


def test_a_loss_that_is_no_number_ends_the_run_and_names_the_batch(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lusifer.training.losses.info_nce import InfoNCE

    original, calls = InfoNCE.__call__, 0

    def spoilt(self: Any, batch: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return original(self, batch) * (float("nan") if calls == 5 else 1)

    monkeypatch.setattr(InfoNCE, "__call__", spoilt)
    file = recipe("contrastive", texts, model_folder)
    changes = ["mini_batch_tokens=null", "matryoshka=[]", "mixing={}", f"output={texts / 'out'}"]
    with pytest.raises(
        LusiferError, match=r"the loss is nan at step 5, of the batch that begins with '.+'"
    ) as told:
        train(file, [*changes, *SMALL])
    assert "checkpoint-3" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_job_that_is_told_to_go_saves_and_goes_on_to_the_same_end(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = recipe("distill bridge", texts, model_folder)
    whole = train(file, [f"output={texts / 'whole'}"])
    original, before = loop.Progress.on_step_end, signal.getsignal(signal.SIGTERM)

    def tell(self: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        original(self, args, state, control, **more)
        if state.global_step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "on_step_end", tell)
        with pytest.raises(Preempted, match="stopped by SIGTERM at step 4, which is saved"):
            train(file, [f"output={texts / 'parts'}"])
    assert signal.getsignal(signal.SIGTERM) is before
    assert same(train(file, [f"output={texts / 'parts'}"]), whole)


def test_the_command_ends_well_when_it_is_told_to_go(texts: Path, model_folder: Folder) -> None:
    file = recipe("distill bridge", texts, model_folder)
    command = [sys.executable, "-m", "lusifer", "train", str(file), "optim.steps=100000"]
    log = texts / "log.txt"
    with log.open("w") as stream:
        job = subprocess.Popen(command, stderr=stream, stdout=subprocess.DEVNULL)
        for _ in range(600):
            if "step " in log.read_text():
                break
            time.sleep(0.2)
        job.send_signal(signal.SIGTERM)
        assert job.wait(120) == 0, log.read_text()
    last = log.read_text().splitlines()[-1]
    assert last.startswith("stopped by SIGTERM at step ")
    assert last.endswith("run the same command again to go on")
    step = int(last.split(" at step ")[1].split(",")[0])
    saved = texts / "out" / "distill" / f"checkpoint-{step}" / "trainer_state.json"
    assert json.loads(saved.read_text())["global_step"] == step
