"""The container's files: a linter finds nothing, and what they type is what the command takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from lusifer.cli.app import app

DEPLOY = Path(__file__).parents[1] / "deploy"


def test_the_linter_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which(
        "hadolint"
    )
    if not hadolint:
        pytest.skip("needs hadolint, which is not installed")
    done = subprocess.run([hadolint, str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_they_type_is_what_the_command_takes() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    entry = json.loads(re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.M)[0])
    usual = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.M)[0])
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["lusifer"]
    for more in (usual, service["command"]):
        assert entry[0] == "lusifer"
        command = typer.main.get_command(app).commands[entry[1]]  # type: ignore[attr-defined]
        taken = command.make_context("serve", [*entry[2:], *more]).params
        assert (taken["host"], taken["port"]) == ("0.0.0.0", 8080)
        assert taken["keys"] == "/run/secrets/keys"
    assert set(service["secrets"]) == set(compose["secrets"])
    for copied in re.findall(r"^COPY (?!--from)(.*) \./?\w*$", text, re.M):
        for name in copied.split():
            assert (DEPLOY.parent / name).exists()
            assert (
                f"!{name}" in (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").split()
            )
