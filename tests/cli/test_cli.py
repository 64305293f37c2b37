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

import pytest
import yaml

import lusifer
from lusifer.training.checkpointing import checkpoints
from tests.cli.command import in_a_process, refused
from tests.conftest import TEXTS
from tests.training.conftest import texts  # noqa: F401

Folder = Callable[[str], Path]


def test_the_public_names_are_these_and_all_resolve() -> None:
    assert lusifer.__all__ == sorted(lusifer.__all__)
    for name in lusifer.__all__:
        assert getattr(lusifer, name) is not None
    assert set(dir(lusifer)) >= set(lusifer.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = lusifer.nothing


def test_a_missing_extra_names_itself() -> None:
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = sys.modules['sentence_transformers'] = None\n"
        "from lusifer.cli import main; sys.argv = ['lusifer', 'train', 'minilm-29m']; main()"
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
        (["train", "minilm-29m", "optm.steps=3"], "did you mean 'optim'"),
        (["train", "minilm-29m", "optim.steps=many"], "optim.steps is 'many'"),
        (["train", "minilm-29m", "data.root=/nowhere"], "data.root"),
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
