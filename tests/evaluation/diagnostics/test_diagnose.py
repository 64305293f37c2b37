"""Perturbed texts are what they say; the map shows what was asked for."""

from __future__ import annotations

import pytest

from lusifer.evaluation.diagnostics import perturb
from lusifer.evaluation.diagnostics.diagnose import on_map
from lusifer.text import latin


def test_texts_are_changed_as_said() -> None:
    assert perturb.no_accents("Crème brûlée, Ελλάδα, naïve") == "Creme brulee, Ελλαδα, naive"
    assert perturb.no_accents("हिन्दी में") == "हिन्दी में", "marks of Indic scripts are vowels"
    assert perturb.no_accents("\u0301a") == "\u0301a"
    text = "The quick brown foxes jumped over sleeping dogs"
    changed = perturb.typing_errors(text)
    assert changed == perturb.typing_errors(text)
    assert changed != text
    assert sorted(changed) == sorted(text)
    assert perturb.typing_errors("a b c") == "a b c"
    assert latin("Москва").isascii()


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (["tha_Thai"], ["tha_Thai"]),
        (["tha_Thai", "deu_Latn", "spa_Latn"], ["tha_Thai", "deu_Latn", "spa_Latn"]),
        (
            [f"x{i:02}_Latn" for i in range(13)] + ["fra_Latn", "tha_Thai"],
            ["fra_Latn", *(f"x{i:02}_Latn" for i in range(13))],
        ),
    ],
)
def test_the_map_shows_the_languages_that_were_asked_for(
    chosen: list[str], shown: list[str]
) -> None:
    assert on_map(chosen) == shown
