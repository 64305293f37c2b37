"""The public API, the commands and the recipes change only where the change shows in
`tests/snapshots`.
"""

from __future__ import annotations

import pytest

from tests.written import FOLDER, SCHEMAS, schemas, written


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
    """They find a wrong key before anything is imported; editors read them too."""
    shipped = {file.name: file.read_text(encoding="utf-8") for file in SCHEMAS.glob("*.json")}
    assert shipped == schemas(), (
        "if the change is meant, `make snapshots` and commit the difference"
    )
