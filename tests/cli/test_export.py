"""`lusifer export` as a user starts it: a folder that gives the model's vectors, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lusifer
from tests.cli.command import refused, run
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
pytest.importorskip("onnx")


def test_export_shows_how_near_it_is(model_folder: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    done = run("export", str(model_folder("bert")), "--onnx", "--into", "onnx", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "│ swh_Latn │    15 │ 1.0000 │ 1.0000 │" in done.stdout
    assert "wrote onnx" in done.stdout
    assert lusifer.load(tmp_path / "onnx").encode(["a"]).shape == (1, 32)
    assert "lies between 0 and 1" in refused(
        "export", str(model_folder("bert")), "-o", "no", "--min-cosine", "3", cwd=tmp_path
    )
    assert "no such model folder" in refused("export", "nowhere/at/all", "-o", "no", cwd=tmp_path)
    assert not (tmp_path / "no").exists()


def test_it_is_compared_on_texts_of_one_s_own(model_folder: Folder, tmp_path: Path) -> None:
    rows = [("deu_Latn", "Brot"), ("deu_Latn", "Tee"), ("kat_Geor", "პური"), ("eng_Latn", TEXTS[0])]
    (tmp_path / "own.tsv").write_text(
        "".join(f"{language}\t{text}\n" for language, text in rows), encoding="utf-8"
    )
    base = model_folder("bert")
    done = run("export", str(base), "--into", "onnx", "--texts", "own.tsv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    counts = re.findall(r"│ (\w+) +│ +(\d+) │", done.stdout)
    assert dict(counts) == {"deu_Latn": "2", "kat_Geor": "1", "eng_Latn": "1", "all": "4"}
    size = sum(file.stat().st_size for file in (tmp_path / "onnx").rglob("*") if file.is_file())
    megabytes = float(done.stdout.splitlines()[-1].removeprefix("wrote onnx: ").split()[0])
    assert abs(megabytes - size / 1e6) < 0.1
    np.testing.assert_allclose(
        lusifer.load(tmp_path / "onnx").encode(TEXTS), lusifer.load(base).encode(TEXTS), atol=1e-4
    )


def test_an_export_that_is_too_far_away_is_not_written(
    model_folder: Folder, tmp_path: Path
) -> None:
    asked = ("--int8", "--min-cosine", "1", "-o", "no")
    said = refused("export", str(model_folder("bert")), *asked, cwd=tmp_path)
    assert "nothing was written" in said
    assert list(tmp_path.iterdir()) == []
