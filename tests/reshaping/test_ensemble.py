"""What cannot be an ensemble is refused, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lusifer.errors import LusiferError
from lusifer.reshaping.ensemble import ensemble
from tests.conftest import TEXTS, make_table


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"how": "magic"}, "how is 'magic'"), ({"weights": [1]}, "give 2 numbers above 0"), ({"weights": [1, 0]}, "give 2 numbers above 0"),
        ({"how": "project"}, "dimensions and texts"), ({"dimensions": 3}, "dimensions and texts"),
        ({"how": "project", "dimensions": 99, "texts": TEXTS}, "give 1 to 16"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, how: dict[str, Any], said: str) -> None:
    tables = [make_table(tmp_path / f"m{seed}", seed) for seed in (0, 1)]
    with pytest.raises(LusiferError, match=said):
        ensemble(tables, tmp_path / "made", **how)
    assert not (tmp_path / "made").exists()
    with pytest.raises(LusiferError, match="two models or more"):
        ensemble(tables[:1], tmp_path / "made")
