"""A corpus is drawn evenly: every beginning of the order is balanced, repeats nothing, and is the
beginning of a longer one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lusifer.data.draw import Drawn, draw, write_drawn
from lusifer.data.sources import Source
from lusifer.errors import ConfigError

LANGUAGES = {"eng_Latn": 400, "hin_Deva": 400, "swh_Latn": 100, "fin_Latn": 25, "tha_Thai": 4}
SOURCE = Source(("texts.tsv",), ("language", "text"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = [
        f"{language}\ttext {i} of {language}" for language, n in LANGUAGES.items() for i in range(n)
    ]
    (tmp_path / "texts.tsv").write_text("\n".join([*rows, *rows[:50]]) + "\n", encoding="utf-8")
    return tmp_path


def test_all_are_drawn_once(root: Path) -> None:
    found = draw(Drawn(str(root), (SOURCE,)))
    assert len({text for _, text in found}) == len(found) == sum(LANGUAGES.values())
    assert Counter(language for language, _ in found) == LANGUAGES


@pytest.mark.parametrize("count", [50, 200])
def test_a_beginning_holds_languages_by_the_power_of_their_size(root: Path, count: int) -> None:
    found = Counter(
        language for language, _ in draw(Drawn(str(root), (SOURCE,), count=count, temperature=0.5))
    )
    whole = sum(n**0.5 for n in LANGUAGES.values())
    for language, n in LANGUAGES.items():
        assert abs(found[language] - min(n, count * n**0.5 / whole)) <= 2 + 0.05 * count, language


def test_more_only_adds(root: Path) -> None:
    few, many = (draw(Drawn(str(root), (SOURCE,), count=n)) for n in (100, 500))
    assert many[:100] == few


def test_a_share_is_what_a_language_gets(root: Path) -> None:
    found = Counter(
        language
        for language, _ in draw(Drawn(str(root), (SOURCE,), count=200, shares={"eng_Latn": 0.5}))
    )
    assert abs(found["eng_Latn"] - 100) <= 10


def test_english_columns_are_english_and_passages_follow_the_file(tmp_path: Path) -> None:
    rows = [f"deu_Latn\tnumber {i}\tZahl {i}" for i in range(600)]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    drawn = Drawn(
        str(tmp_path),
        (Source(("pairs.tsv",), ("language", "english", "text")),),
        passages=0.4,
        max_chars=60,
    )
    found = draw(drawn)
    long = draw(replace(drawn, min_chars=30))
    assert long
    assert all(30 <= len(text) <= 60 for _, text in long)
    assert {language for language, text in found if text.startswith("number")} == {"eng_Latn"}
    assert {language for language, text in found if text.startswith("Zahl")} == {"deu_Latn"}
    passages = [text.split() for language, text in found if text.count("Zahl") > 1]
    assert all(len(" ".join(words)) <= 60 for words in passages)
    joined = sum(len(words) // 2 for words in passages)
    assert 0.3 < joined / 600 < 0.5
    for words in passages:
        numbers = [int(word) for word in words[1::2]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_recipes_texts_are_written_and_wrong_ones_told(root: Path) -> None:
    recipe = root / "recipe.yaml"
    recipe.write_text(
        f"texts:\n  root: {root}\n  sources: [{{files: [texts.tsv], columns: [language, text]}}]\n",
        encoding="utf-8",
    )
    counts = write_drawn(recipe, root / "drawn.tsv", ["texts.count=60"])
    lines = (root / "drawn.tsv").read_text(encoding="utf-8").splitlines()
    assert (len(lines), sum(counts.values())) == (60, 60)
    for change, what in (
        ("texts.count=0", "at least 1"),
        ("texts.kount=2", "did you mean 'count'"),
        ("texts=null", "no key 'texts'"),
    ):
        with pytest.raises(ConfigError, match=what):
            write_drawn(recipe, root / "other.tsv", [change])
    with pytest.raises(ValueError, match="shares above 0"):
        Drawn(str(root), (SOURCE,), shares={"eng_Latn": 1.0})
    with pytest.raises(ConfigError, match=r"ends in \.tsv"):
        write_drawn(recipe, root / "drawn.jsonl")
    assert not (root / "other.tsv").exists()
