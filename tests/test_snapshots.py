"""The public API, the commands and the recipes change only where the change shows in
`tests/snapshots`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.written import FOLDER, SCHEMAS, written


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return written()


def test_what_users_see_is_what_is_written_down(texts: dict[str, str]) -> None:
    changed = [
        name
        for name, text in texts.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    assert not changed, "if the change is meant, `make snapshots` and commit the difference"


def test_nothing_is_written_down_that_is_gone(texts: dict[str, str]) -> None:
    files = {
        str(file.relative_to(FOLDER))
        for kind in ("*.txt", "recipes/*.yaml")
        for file in FOLDER.glob(kind)
    }
    assert files == set(texts)


def test_the_schemas_that_ship_are_those_of_the_stages() -> None:
    """They find a wrong key before anything is imported; editors read them too. In a process of its
    own: in this one other tests have added kinds.
    """
    shipped = {file.name: file.read_text(encoding="utf-8") for file in SCHEMAS.glob("*.json")}
    script = "import json\nfrom tests.written import schemas\nprint(json.dumps(schemas()))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert shipped == json.loads(done.stdout), (
        "if the change is meant, `make snapshots` and commit the difference"
    )
