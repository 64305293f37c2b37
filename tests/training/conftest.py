"""Texts that the stages are tried on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import TEXTS


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Texts, pairs with negatives, and a lexicon."""
    (tmp_path / "texts.tsv").write_text(
        "".join(f"eng_Latn\t{t}\n" for t in TEXTS), encoding="utf-8"
    )
    pairs = [
        {
            "query": f"who {t[4:12]}?",
            "document": t,
            "negative": f"No, {TEXTS[i - 3]} {i}",
            "negative_2": f"Never, {TEXTS[i - 5]} {i}",
        }
        for i, t in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps(p) + "\n" for p in pairs), encoding="utf-8"
    )
    (tmp_path / "lexicon.tsv").write_text(
        "deu_Latn\tstation\tBahnhof\nfra_Latn\twater\teau\n", encoding="utf-8"
    )
    foreign = "".join(f"deu_Latn\t{t}\t{t[::-1]}\n" for t in TEXTS)
    (tmp_path / "parallel.tsv").write_text(foreign, encoding="utf-8")
    return tmp_path
