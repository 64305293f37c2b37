"""A set of pairs on disk: which passage is right for which query, and the vectors of both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lusifer.curation.pair_corpus import REPEATED, EmbeddedPairs, PairCorpus, silent
from lusifer.curation.report import CurationReport
from lusifer.models.load import LoadedModel
from lusifer.text import comparable
from tests.curation.test_negatives import Circle, rows

PAIRS: list[tuple[str, ...]] = [
    ("Wo ist der Bahnhof?", "Hinter dem Markt.", "deu"),
    ("駅はどこですか。", "市場の裏です。", "jpn"),
    ("wo ist der bahnhof", "Neben der Brücke.", "deu"),
    ("Wo ist der Bahnhof?", "Am Fluss.", "deu"),
    ("駅はどこですか。", "市場の裏です。", "jpn"),
    ("Где рынок?", "hinter dem markt", "rus"),
    ("Wohin?", "Wo ist der Bahnhof?", "deu"),
]


def filled(
    folder: Path, pairs: list[tuple[str, ...]], *more: tuple[str, ...]
) -> tuple[PairCorpus, CurationReport]:
    pool, report = PairCorpus(folder), CurationReport("negatives", {})
    pool.fill(rows(*pairs), rows(*more), report)
    return pool, report


def test_rows_keep_their_numbers_and_a_repeated_pair_is_counted(tmp_path: Path) -> None:
    pool, report = filled(tmp_path, PAIRS)
    assert report.dropped == {REPEATED: 1}
    assert [number == -1 for number in pool.numbers] == [False] * 4 + [True] + [False] * 2
    for (query, document, _), number in zip(PAIRS, pool.numbers, strict=True):
        if number >= 0:
            assert pool.passages[int(pool.positives[number])] == document
            own = list(pool.queries).index(query)
            assert pool.begins[own] <= number < pool.begins[own + 1]
    pool.close()
    assert not list(tmp_path.iterdir())


def test_what_is_right_is_right_for_every_spelling_of_the_question(tmp_path: Path) -> None:
    pool, _ = filled(tmp_path, PAIRS, ("", "Nowhere.", "eng"))
    passages = np.arange(len(pool.passages))
    most = 0
    for number, query in enumerate(pool.queries):
        due = {comparable(d) for q, d, _ in PAIRS if comparable(q) == comparable(query)}
        expected = [comparable(passage) in due for passage in pool.passages]
        assert pool.is_right(number, passages).tolist() == expected
        own = {document for asked, document, _ in PAIRS if asked == query}
        assert {pool.passages[int(i)] for i in pool.of(number)} == own
        most = max(most, sum(expected))
    assert pool.most == most == 4
    pool.close()


def test_languages_and_a_query_that_is_a_passage_too_are_known(tmp_path: Path) -> None:
    pool, _ = filled(tmp_path, PAIRS, ("", "  Nowhere.  ", "eng"), ("", "  ", "eng"))
    names = {number: name for name, number in pool.names.items()}
    found = {pool.passages[i]: names[int(kind)] for i, kind in enumerate(pool.languages)}
    assert found == {document: language for _, document, language in PAIRS} | {"Nowhere.": "eng"}
    place = list(pool.queries).index("Wo ist der Bahnhof?")
    assert pool.passages[int(pool.own[place])] == "Wo ist der Bahnhof?"
    assert (np.delete(pool.own, place) == -1).all()
    pool.close()


def test_the_hash_tells_other_pairs_languages_and_passages(tmp_path: Path) -> None:
    sets = [
        (PAIRS, ()),
        (PAIRS[:4] + PAIRS[5:], ()),  # the repeated row is no other pair
        (PAIRS[::-1], ()),
        ([*PAIRS[:6], ("Wohin?", "Wo ist der Bahnhof?", "eng")], ()),
        (PAIRS, (("", "Nowhere.", "eng"),)),
    ]
    hashes = []
    for number, (pairs, more) in enumerate(sets):
        pool, _ = filled(tmp_path / str(number), list(pairs), *more)
        hashes.append(pool.hash)
        pool.close()
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4


def test_vectors_are_kept_and_a_positive_s_score_is_its_cosine(tmp_path: Path) -> None:
    pool, _ = filled(tmp_path / "texts", [("0 q", "20 b"), ("0 q", "60 c"), ("90 r", "80 d")])
    for patience in (2, 0):  # the second time nothing is left to embed
        model = LoadedModel("circle", "0" * 64, Circle(patience))
        embedded = EmbeddedPairs(pool, model, tmp_path, silent)
        assert embedded.positives(0) == pytest.approx(np.cos(np.radians([20, 60])), abs=1e-6)
        assert embedded.positives(1) == pytest.approx(np.cos(np.radians([10])), abs=1e-6)
        np.testing.assert_array_equal(
            embedded.in_order[:], embedded.passages[:][np.asarray(embedded.order)]
        )
    pool.close()
