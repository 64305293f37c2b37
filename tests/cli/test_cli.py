"""The command line: light to start, one line and exit code 2 for what a user can put right, options
that do not drift.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import lusifer
from lusifer.training.loop import checkpoints
from tests.cli.command import in_a_process, refused, run
from tests.conftest import TEXTS
from tests.training.conftest import texts  # noqa: F401
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


def test_the_public_names_are_these_and_all_resolve() -> None:
    assert lusifer.__all__ == sorted(lusifer.__all__)
    for name in lusifer.__all__:
        assert getattr(lusifer, name) is not None
    assert set(dir(lusifer)) >= set(lusifer.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = lusifer.nothing


def test_import_and_help_load_nothing_heavy() -> None:
    code = "import sys, lusifer, lusifer.cli.app; print([m for m in ('torch', 'transformers', 'sklearn', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "train" in in_a_process("--help").stdout
    assert in_a_process("--version").stdout.strip() == f"lusifer {lusifer.__version__}"


def test_a_missing_extra_names_itself() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = sys.modules['sentence_transformers'] = None\n"
        "from lusifer.cli import main; sys.argv = ['lusifer', 'train', 'minilm']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'lusifer[train]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["train", "no-such-recipe"], "none of that name ships"),
        (["train", "folder/none.yaml"], "no such recipe"),
        (["train", "minilm", "optm.steps=3"], "did you mean 'optim'"),
        (["train", "minilm", "optim.steps=many"], "optim.steps is 'many'"),
        (["train", "minilm", "data.root=/nowhere"], "data.root"),
        (["similar", "a"], "Missing argument"),
        (["no-such-verb"], "No such command"),
        (["similar", "a", "b", "-m", "/nowhere/at/all"], "no such model folder"),
        (["embed", "none.txt", "-m", "x", "-o", "out.bin"], ".npy"),
        (["merge", "/nowhere/at/all", "-o", "out"], "no such model folder"),
        (["demo-bridge", "--data", "/nowhere"], "no such folder"),
    ],
)
def test_refusals_are_one_line(arguments: list[str], what: str, tmp_path: Path) -> None:
    assert what in refused(*arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_an_interrupt_is_one_line_and_the_run_goes_on(tmp_path: Path, model_folder: Folder) -> None:
    """Ctrl-C in the middle of training: exit code 130, one line, the last checkpoint whole."""
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    recipe = {
        "stage": "distill",
        "output": str(tmp_path / "out"),
        "batch_size": 4,
        "bridge": {
            "encoder": {"base": str(model_folder("modernbert"))},
            "target": {"base": str(model_folder("bert"))},
            "max_tokens": 64,
        },
        "data": {"root": str(tmp_path), "sources": [{"files": ["texts.txt"], "columns": ["text"]}]},
        "optim": {"steps": 100_000, "save_every": 5, "workers": 0},
    }
    (tmp_path / "long.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "lusifer",
        "train",
        str(tmp_path / "long.yaml"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        until = time.monotonic() + 100
        while (
            not checkpoints(tmp_path / "out" / "distill")
            and time.monotonic() < until
            and running.poll() is None
        ):
            time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert (
        told.strip().splitlines()[-1] == "lusifer: interrupted; run the same command again to go on"
    )
    assert "Traceback" not in told
    assert checkpoints(tmp_path / "out" / "distill")
    assert not list((tmp_path / "out" / "distill").glob("**/tmp*"))


def test_validate_prints_every_bad_line(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("eng\tgood\nbad\n\tx\n", encoding="utf-8")
    done = run("data", "validate", "a.tsv", "--columns", "language,text", cwd=tmp_path)
    assert done.returncode == 2
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == ["a.tsv:2", "a.tsv:3"]
    assert "1 good rows, 2 bad" in done.stdout
    (tmp_path / "a.tsv").write_text("eng\tgood\n", encoding="utf-8")
    assert (
        run("data", "validate", "a.tsv", "--columns", "language,text", cwd=tmp_path).returncode == 0
    )


def test_embed_similar_and_neighbours(tmp_path: Path, model_folder: Folder) -> None:
    from lusifer.models.bridge import Bridge, BridgeConfig, Part
    from lusifer.training.assemble import assemble, save_model

    config = BridgeConfig(
        Part(str(model_folder("bert"))), Part(str(model_folder("bert"))), max_tokens=64
    )
    model = assemble(Bridge.new(config))
    save_model(model, tmp_path / "m")
    (tmp_path / "t.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    done = run("embed", "t.txt", "-m", "m", "-o", "v.npy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), model.encode(TEXTS), atol=1e-5)
    assert run("similar", TEXTS[0], TEXTS[0], "-m", "m", cwd=tmp_path).stdout.strip() == "1.0000"
    assert (
        run("neighbours", TEXTS[3], "t.txt", "-m", "m", "-k", "1", cwd=tmp_path)
        .stdout.strip()
        .endswith(TEXTS[3])
    )
    (tmp_path / "gaps.txt").write_text("tea\n\nbread\n", encoding="utf-8")
    done = run("embed", "gaps.txt", "-m", "m", "-o", "g.npy", cwd=tmp_path)
    assert "gaps.txt: 1 of 3 texts are blank; their vectors mean nothing" in done.stderr
    assert len(np.load(tmp_path / "g.npy")) == 3
    assert (
        len(run("neighbours", "tea", "gaps.txt", "-m", "m", cwd=tmp_path).stdout.splitlines()) == 2
    )
    assert "expected 'str'" not in refused(
        "embed", "none.txt", "-m", "m", "-o", "w.npy", cwd=tmp_path
    )


def test_without_a_model_the_default_one_answers(tmp_path: Path) -> None:
    near, far = (
        float(in_a_process("similar", "Guten Morgen", text, cwd=tmp_path).stdout)
        for text in ("good morning", "the price of bread")
    )
    assert near > 0.3 > far


def test_a_current_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    script = "import os, sys; os.rmdir(os.getcwd()); from lusifer.cli import main; sys.argv[1:] = ['search', 'x', 'y']; main()"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "gone", capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "lusifer: the current folder is gone; change into one that is there\n"


def test_an_interrupt_while_starting_is_one_line(tmp_path: Path) -> None:
    script = (
        "import sys; from lusifer.cli import main\n"
        "class Stop:\n"
        "    def find_spec(self, name, *more):\n"
        "        if name == 'lusifer.cli.app': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop()); main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 130
    assert done.stderr == "lusifer: interrupted; run the same command again to go on\n"


@pytest.mark.parametrize("group", [(), ("data",), ("curate",)])
def test_a_group_without_a_verb_shows_its_help_and_no_empty_line(group: tuple[str, ...]) -> None:
    done = run(*group)
    assert done.returncode == 2
    assert "Commands" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["nothing.tsv", "nothing.jsonl", "nothing"])
def test_a_file_that_is_not_there_is_no_bad_line(name: str, tmp_path: Path) -> None:
    done = run("data", "validate", name, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"{name}: no such file\n")


@pytest.mark.parametrize(
    ("stage", "last"),
    [
        ("contrastive", "how good it is, by language:  lusifer evaluate {} --suite FOLDER"),
        ("rerank", "to search with it:  lusifer search INDEX QUESTION --rerank {}"),
        ("pretrain causal", "the model is in {}"),
    ],
)
def test_a_run_says_what_it_made_and_what_to_do_with_it(
    stage: str, last: str, texts: Path, model_folder: Folder
) -> None:
    done = run("train", str(recipe(stage, texts, model_folder)), cwd=texts)
    assert done.returncode == 0, done.stderr
    made = texts / "out" / ("decoder" if stage == "pretrain causal" else "model")
    assert done.stderr.splitlines()[-1] == last.format(made)
