"""Results lie on disk whole, and two of one task in different languages are one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.evaluation.outcomes import Outcome, load, part, read_outcomes, save, together
from lusifer.evaluation.scores import Measured
from lusifer.text import Languages

STATE = {"kind": "STS", "languages": None, "definition": 1, "files": {}, "anchor": None}


def outcome(*languages: str, value: float = 0.5, asked: tuple[str, ...] | None = None) -> Outcome:
    measured = tuple(Measured("t", one, "x", np.array([value, value])) for one in languages)
    scores = tuple(m.score() for m in measured)
    return Outcome("t", "STS", measured, scores, 1.0, languages=asked)


def test_what_is_saved_is_read_whatever_its_languages(tmp_path: Path) -> None:
    made = outcome("deu_Latn", "hin_Deva", asked=("deu", "hin"))
    save(tmp_path, made, STATE | {"languages": ["deu", "hin"]})
    found = load(tmp_path, "t", STATE)
    assert found
    assert (found.scores, found.languages, found.reused) == (made.scores, ("deu", "hin"), True)
    assert load(tmp_path, "t", STATE | {"anchor": "another"}) is None
    assert load(tmp_path, "none") is None


def test_two_results_as_one() -> None:
    before = outcome("deu_Latn", "hin_Deva", value=0.1, asked=("deu", "hin"))
    now = outcome("hin_Deva", "tha_Thai", value=0.9, asked=("hin", "tha"))
    whole = together(before, now)
    assert {s.language: s.value for s in whole.scores} == {
        "deu_Latn": pytest.approx(0.1),
        "hin_Deva": pytest.approx(0.9),
        "tha_Thai": pytest.approx(0.9),
    }
    assert whole.languages == ("deu", "hin", "tha")
    assert whole.seconds == 2.0
    german = part(whole, Languages.of(["de"]))
    assert german
    assert [m.language for m in german.measured] == ["deu_Latn"]


def test_a_damaged_result_is_told(tmp_path: Path) -> None:
    save(tmp_path, outcome("deu_Latn"), STATE)
    (tmp_path / "t.npz").write_bytes(b"cut")
    with pytest.raises(LusiferError, match=r"t\.json: is no result"):
        load(tmp_path, "t", STATE)
    with pytest.raises(LusiferError, match="holds no results of a model"):
        read_outcomes(tmp_path / "nowhere")
