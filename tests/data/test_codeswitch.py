"""Code-switching: only the lexicon's words come in, the same seed gives the same text."""

from __future__ import annotations

import numpy as np
import pytest

from lusifer.data.codeswitch import CodeSwitch, Switcher

ENTRIES = [
    ("deu_Latn", "station", "Bahnhof"),
    ("deu_Latn", "old", "alt"),
    ("fra_Latn", "station", "gare"),
    ("fra_Latn", "market", "marché"),
    ("fra_Latn", "apple tree", "pommier"),
]


def test_words_are_replaced_and_the_rest_is_kept() -> None:
    switch = Switcher(CodeSwitch(texts=1.0, words=(1.0, 1.0), drop=0.0), ENTRIES)
    seen = set()
    for seed in range(60):
        text = switch("The old station, behind the markets.", np.random.default_rng(seed))
        seen |= set(text.replace(",", "").replace(".", "").split())
        assert text.endswith(".")
        assert " behind the " in text
    assert {"alt", "Bahnhof", "gare", "marché"} <= seen
    assert "pommier" in switch("an apple tree", np.random.default_rng(1)) + switch(
        "an apple tree", np.random.default_rng(2)
    )


def test_the_same_seed_gives_the_same_text_and_zero_shares_change_nothing() -> None:
    text = "The old station behind the market."
    switch = Switcher(CodeSwitch(texts=0.7), ENTRIES)
    assert [switch(text, np.random.default_rng(s)) for s in range(20)] == [
        switch(text, np.random.default_rng(s)) for s in range(20)
    ]
    never = Switcher(CodeSwitch(texts=0.0), ENTRIES)
    assert never(text, np.random.default_rng(0)) == text


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="two shares"):
        CodeSwitch(words=(0.9, 0.1))
    with pytest.raises(ValueError, match="empty"):
        Switcher(CodeSwitch(), [])
