"""One version: of the package and of its metadata, read without an import of the rest."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import lusifer
from lusifer.version import __version__

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_and_its_metadata_have_one_version() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert lusifer.__version__ == __version__ == about["project"]["version"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_to_read_the_version_loads_nothing_of_what_it_is_the_version_of() -> None:
    script = (
        "import sys; from lusifer.version import __version__; print(__version__)\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'pydantic', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == [__version__, "[]"]
