"""Rows of queries, documents and negatives: what is no pair is left out, scores stay with their
negatives, and two views are spans of one text.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from lusifer.errors import ConfigError, DataError
from lusifer.training.pairs import PairData, WeightedSource, _rows, given, read_pairs, two_views
from lusifer.training.run import load_recipe


def test_scores_stay_with_their_negatives(tmp_path: Path) -> None:
    """A negative that is the document is left out, and its score with it."""
    row = {
        "query": "q",
        "document": "d",
        "negative": "d",
        "negative_2": "n",
        "scores": [3.0, 2.0, 1.0],
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    source = {
        "files": ["a.jsonl"],
        "columns": ["query", "document", "negative", "negative_2", "scores"],
    }
    recipe = {
        "stage": "contrastive",
        "output": "x",
        "base": "y",
        "negatives": 1,
        "loss": [{"kind": "scores"}],
        "data": {"sources": [source]},
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    parsed = load_recipe(tmp_path / "r.yaml")
    ((texts, scores),) = _rows(parsed.data, parsed.data.sources[0], tmp_path, 1, scored=True)
    assert texts == ("q", "d", "n")
    assert scores == [3.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "The station is behind the old market, near the river.",
        "Der Bahnhof liegt hinter dem alten Markt am Fluss.",
        "駅は古い市場の裏、川の近くにあります。",
        "สถานีอยู่หลังตลาดเก่าใกล้แม่น้ำ",
        "المحطة خلف السوق القديم بالقرب من النهر.",
        "स्टेशन पुराने बाज़ार के पीछे नदी के पास है।",
    ],
)
def test_two_crops_are_spans_of_one_text_and_the_same_each_time(text: str) -> None:
    pair = two_views(text, "crops")
    assert pair is not None
    assert all(crop in text and len(crop) >= len(text) // 3 for crop in pair)
    assert pair != (text, text)
    assert two_views(text, "crops") == pair
    assert two_views(text, "same") == (text, text)
    assert two_views("ab", "crops") is None


def test_a_text_and_itself_in_latin_letters_are_a_pair_where_it_has_others() -> None:
    found = two_views("Где  вокзал?", "transliteration")
    assert found == ("Где  вокзал?", "Gde vokzal?")
    assert two_views("Wo ist der Bahnhof?", "transliteration") is None
    assert two_views("Où est la gare?", "transliteration") == ("Où est la gare?", "Ou est la gare?")


def source(root: Path, rows: list[dict[str, object]], **settings: object) -> WeightedSource:
    """A source of these rows; its columns are the first row's."""
    (root / "a.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    return WeightedSource(("a.jsonl",), tuple(rows[0]), **settings)  # type: ignore[arg-type]


def test_rows_keep_their_order_and_what_is_no_pair_is_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows: list[dict[str, object]] = [
        {"query": "Wo?", "document": "Hier.", "negative": "Dort.", "negative_2": "x"},
        {"query": "same", "document": "same", "negative": "n", "negative_2": "m"},
        {"query": "どこ", "document": "ここ", "negative": "どこ", "negative_2": "そこ"},
        {"query": "где", "document": "тут", "negative": "где", "negative_2": "тут"},
    ]
    data = PairData(sources=(source(tmp_path, rows),))
    (store,) = read_pairs(data, 1, tmp_path, tmp_path / "stores")
    assert list(store) == [("Wo?", "Hier.", "Dort."), ("どこ", "ここ", "そこ")]
    assert "a.jsonl: 2 of 4 rows are left out" in caplog.text
    (both,) = read_pairs(data, 9, tmp_path, tmp_path / "both")
    assert list(both) == [("Wo?", "Hier.", "Dort.", "x")]
    assert given(data.sources[0]) == 2


def test_texts_alone_make_pairs_and_what_is_too_short_makes_none(tmp_path: Path) -> None:
    texts = ["The ferry crosses the river twice an hour.", "ab", "渡し船は一時間に二回川を渡る。"]
    made = source(tmp_path, [{"text": text} for text in texts], views="crops")
    (store,) = read_pairs(PairData(sources=(made,)), 3, tmp_path, tmp_path / "stores")
    assert [
        all(crop in texts[i] for crop in row) for i, row in zip((0, 2), store, strict=True)
    ] == [*(True, True)]


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ("1.0 high", "scores are not numbers"),
        ("1.0", "1 scores; a positive and 1 negatives want 2"),
        ("1.0 inf", "want 2 finite ones"),
    ],
)
def test_scores_that_are_none_are_told_with_their_line(
    scores: str, said: str, tmp_path: Path
) -> None:
    row: dict[str, object] = {"query": "q", "document": "d", "negative": "n"}
    rows = [row | {"scores": "2.0 1.0"}, row | {"scores": scores}]
    data = PairData(sources=(source(tmp_path, rows),))
    with pytest.raises(DataError, match=said) as error:
        read_pairs(data, 1, tmp_path, tmp_path / "stores", scored=True)
    assert error.value.line == 2


def test_a_source_that_holds_no_pair_is_named(tmp_path: Path) -> None:
    data = PairData(sources=(source(tmp_path, [{"query": "a", "document": "a"}]),))
    with pytest.raises(ConfigError, match=r"a\.jsonl holds no pair of a query and another text"):
        read_pairs(data, 0, tmp_path, tmp_path / "stores")
    with pytest.raises(ConfigError, match=r"a\.jsonl needs a column 'scores'"):
        read_pairs(data, 0, tmp_path, tmp_path / "stores", scored=True)
    with pytest.raises(ValueError, match="must name at least one source"):
        PairData()
