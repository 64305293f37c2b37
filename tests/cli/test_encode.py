"""`lusifer encode` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import lusifer
from lusifer.cli.app import app
from lusifer.encoding.bulk import read_vectors
from tests.cli.command import refused, run
from tests.conftest import TEXTS, make_table


def test_encode_writes_shards_and_says_so(tmp_path: Path) -> None:
    make_table(tmp_path)
    (tmp_path / "corpus.tsv").write_text(
        "".join(f"d{i}\t{text}\n" for i, text in enumerate(TEXTS)) + "alone\n", encoding="utf-8"
    )
    command = (
        "encode",
        "corpus.tsv",
        "--columns",
        "id,text",
        "--out",
        "vectors",
        "-m",
        "model",
        "--keep",
        "id",
        "--shard-rows",
        "10",
    )
    assert "corpus.tsv:17: 1 columns, expected 2 (id, text), separated by tabs" in refused(
        *command, cwd=tmp_path
    )
    done = run(*command, "--skip-bad", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == "wrote vectors: 16 vectors of 16 numbers in 2 shards; 1 rows were set aside in rejects.jsonl\n"
    )
    found = np.concatenate([vectors for _, vectors in read_vectors(tmp_path / "vectors")])
    np.testing.assert_allclose(found, lusifer.load(tmp_path / "model").encode(TEXTS), atol=1e-6)
    assert (
        json.loads((tmp_path / "vectors" / "rejects.jsonl").read_text(encoding="utf-8"))["line"]
        == 17
    )


def test_without_a_terminal_a_line_a_minute_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(tmp_path)
    (tmp_path / "a.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    command = [
        "encode",
        str(tmp_path / "a.txt"),
        "-o",
        str(tmp_path / "v"),
        "-m",
        str(tmp_path / "model"),
        "--shard-rows",
        "6",
    ]
    monkeypatch.setattr("lusifer.io.progress.MINUTE", 0.0)
    lines = [
        line
        for line in CliRunner().invoke(app, command).stderr.splitlines()
        if line.startswith("encoding:")
    ]
    assert [line.split(",")[0] for line in lines] == [
        "encoding: 6 rows",
        "encoding: 12 rows",
        "encoding: 16 rows",
    ]


def test_encode_refuses_in_one_line(tmp_path: Path) -> None:
    make_table(tmp_path)
    (tmp_path / "a.txt").write_text("one\n\ntwo\n", encoding="utf-8")
    assert "a.txt:2: a row without text" in refused(
        "encode", "a.txt", "-o", "v", "-m", "model", cwd=tmp_path
    )
    assert "b.txt: no such file" in refused(
        "encode", "b.txt", "-o", "v", "-m", "model", cwd=tmp_path
    )
    assert "must be local or ray" in refused(
        "encode", "a.txt", "-o", "v", "-m", "model", "--engine", "spark", cwd=tmp_path
    )
    assert "there is no column 'id' to keep" in refused(
        "encode", "a.txt", "-o", "v", "-m", "model", "--keep", "id", cwd=tmp_path
    )
    assert "a.csv: no such file" in refused(
        "encode", "a.csv", "-o", "v", "-m", "model", cwd=tmp_path
    )
