"""English-only is checked: a recipe that says so refuses text in another language, with file and
line.
"""

from __future__ import annotations

import pytest

from lusifer.data.english_only import english_rows, refuse_foreign
from lusifer.data.formats import Row
from lusifer.errors import DataError
from lusifer.text.identification import foreign, identify
from tests.conftest import TEXTS

GERMAN = (
    "Der alte Bahnhof liegt hinter dem Markt, und niemand weiß, wer die Apfelbäume gepflanzt hat."
)
CHINESE = "火车站在旧市场的后面，没有人知道这些树是谁种的。"


def rows(texts: list[str]) -> list[Row]:
    return [Row("texts.tsv", i, {"text": t}) for i, t in enumerate(texts, 1)]


def test_languages_are_told_apart() -> None:
    assert identify(GERMAN)[0] == "de"
    assert foreign(GERMAN) == "de"
    assert foreign(CHINESE) is not None
    assert [foreign(t) for t in TEXTS] == [None] * len(TEXTS)
    assert foreign("Ja.") is None, "too short to say"


@pytest.mark.parametrize("intruder", [GERMAN, CHINESE])
def test_another_language_is_refused_with_its_place(intruder: str) -> None:
    refuse_foreign(rows(TEXTS), ("text",))
    with pytest.raises(DataError, match="english_only") as caught:
        refuse_foreign(rows([*TEXTS[:4], intruder, *TEXTS[4:]]), ("text",))
    assert caught.value.line == 5
    assert caught.value.path == "texts.tsv"


@pytest.mark.parametrize("count", [0, 1, 399, 400, 401, 5000])
def test_rows_pass_as_they_come_and_few_are_held(count: int) -> None:
    given = rows([TEXTS[i % len(TEXTS)] for i in range(count)])
    assert list(english_rows(iter(given), ("text",))) == given


@pytest.mark.parametrize("foreign_text", [GERMAN, CHINESE])
@pytest.mark.parametrize("count", [30, 3000])
def test_a_long_file_half_of_which_is_foreign_is_refused(count: int, foreign_text: str) -> None:
    mixed = [TEXTS[i % len(TEXTS)] if i < count // 2 else foreign_text for i in range(count)]
    with pytest.raises(DataError, match="english_only"):
        list(english_rows(rows(mixed), ("text",)))
