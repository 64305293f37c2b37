"""`lusifer serve`, where it cannot start: one line, exit code 2, and nothing listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import refused


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-m", "/no/such"], "no such model folder"), (["--index", "none"], "no index here"), (["--keys", "none"], "none: No such file"),
        (["--max-texts", "0"], "texts is 0"), (["--port", "70000"], "--port is 70000"), (["--host", "no.such.invalid", "--port", "0"], "cannot listen at"),
        (["--timeout", "0"], "seconds is 0"), (["-m", "x=static", "-m", "x=static"], "two are named x"),
    ],
)  # fmt: skip
def test_what_cannot_start(tmp_path: Path, model: str, options: list[str], said: str) -> None:
    models = [] if "-m" in options else ["-m", model]
    refused(said, "serve", *models, *options, cwd=tmp_path)
