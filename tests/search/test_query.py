"""Questions find what they ask for, by words of every language, by vectors, within filters."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from lusifer.errors import LusiferError
from lusifer.models.load import LoadedModel
from lusifer.search import update as indexing
from lusifer.search.index import Index
from lusifer.search.query import Filter, Mode, search
from tests.conftest import TEXTS


def test_what_is_asked_for_is_found(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    index = Index.create(tmp_path / "index", model)
    report = index.update([notes])
    assert (report.added, report.changed, report.removed, report.unchanged, report.skipped) == (
        8,
        0,
        0,
        0,
        [],
    )
    for mode in ("dense", "text", "hybrid"):
        for i in (0, 5, 11):
            (hit,) = search(index, TEXTS[i], top_k=1, mode=mode)  # type: ignore[arg-type]
            assert TEXTS[i] in hit.text
            assert hit.text[slice(*hit.best)] == TEXTS[i]
            assert hit.path.endswith(f"note {i // 2}'s.txt")
    assert search(index, "The bicycle", top_k=30, mode="dense")[0].cosine <= 1.0001
    assert len(search(index, TEXTS[0], top_k=200, mode="dense")) == len(index) == report.passages


def test_filters(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    (notes / "de.txt").write_text(
        "Der Zug nach Hamburg fährt heute leider erst um sieben Uhr ab.\n", encoding="utf-8"
    )
    os.utime(notes / "de.txt", (946_684_800, 946_684_800))  # 2000-01-01
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    for code in ("de", "deu", "deu_Latn"):
        assert {hit.language for hit in search(index, "Zug", where=Filter(languages=(code,)))} == {
            "de"
        }
    assert {
        Path(hit.path).parent.name for hit in search(index, TEXTS[0], where=Filter(path="old"))
    } == {"old"}
    assert {
        Path(hit.path).name for hit in search(index, TEXTS[0], where=Filter(path="*/de.t?t"))
    } == {"de.txt"}
    assert "de" not in {
        hit.language for hit in search(index, "Zug", top_k=50, where=Filter(since=date(2001, 1, 1)))
    }
    with pytest.raises(LusiferError, match="language 'xx'"):
        search(index, "Zug", where=Filter(languages=("xx",)))


@pytest.mark.parametrize(
    ("question", "settings", "message"),
    [
        ("", {}, "query is empty"),
        (" \n", {}, "query is empty"),
        ("a", {"mode": "bm25"}, "hybrid, dense, text"),
        ("a", {"top_k": 0}, "top_k is 0"),
        ("a", {"top_k": "5"}, "top_k is '5'"),
        (None, {}, "the query is NoneType"),
        (["a"], {}, "the query is list"),
    ],
)
def test_wrong_questions(
    question: Any,
    settings: dict[str, Any],
    message: str,
    notes: Path,
    tmp_path: Path,
    model: LoadedModel,
) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes / "old"])
    with pytest.raises(LusiferError, match=message):
        search(index, question, **settings)


def test_a_day_is_a_date_or_its_iso_form() -> None:
    assert Filter(since="2026-01-31") == Filter(since=date(2026, 1, 31))
    for wrong in ("31.1.2026", 2026):
        with pytest.raises(LusiferError, match="it must be a day"):
            Filter(since=wrong)  # type: ignore[arg-type]
    with pytest.raises(LusiferError, match="it is a glob"):
        Filter(path=3)  # type: ignore[arg-type]


def test_above_the_limit_vectors_get_an_index_that_finds_the_same(
    notes: Path, tmp_path: Path, model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = "\n\n".join(f"{text} {i} {TEXTS[i % 16]}" for i, text in enumerate(TEXTS * 20))
    (notes / "many.txt").write_text(many, encoding="utf-8")
    flat = Index.create(tmp_path / "flat", model)
    flat.update([notes])
    monkeypatch.setattr(indexing, "FLAT", 100)
    inverted = Index.create(tmp_path / "inverted", model)
    inverted.update([notes])
    assert any("vector" in i.columns for i in inverted.rows.list_indices())
    agree = [
        search(flat, t, top_k=1, mode="dense")[0].text
        == search(inverted, t, top_k=1, mode="dense")[0].text
        for t in TEXTS
    ]
    assert sum(agree) >= 15


def found(tmp_path: Path, model: LoadedModel, text: str, query: str, mode: Any = "text") -> bool:
    """Whether a file that holds `text` is found for a query, beside another."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "doc.txt").write_bytes(text.encode())
    (folder / "other.txt").write_text("Bread is baked with flour.")
    index = Index.create(tmp_path / "found", model)
    index.update([folder])
    hits = search(index, query, mode=mode)
    return "doc.txt" in {Path(hit.path).name for hit in hits}


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("1 വിദ്യാഭ്യാസമന്ത്രി 2", "വിദ്യാഭ്യാസമന്ത്രി"),  # 54 bytes in one word
        ("1 водоснабжающими 2", "водоснабжающими"),
        ("মেয়েটি গান গায়।", "গায়"),
        ("ཁོང་སློབ་གྲྭར་འགྲོ།", "སློབ་གྲྭར"),
        ("시장에서 사과를 샀다.", "사과"),
        ("彼は毎朝魚を食べる。", "魚"),
        ("The water-\r\nproof coat", "waterproof"),
        ("Il fait tres froid", "TRÈS"),
        ("Kaffee\u00adfilter", "Kaffeefilter"),
        ("2 + ٣٤", "34"),
        ("Paid 🍋 today", "🍋"),
    ],
)
def test_a_word_finds_its_text(text: str, query: str, tmp_path: Path, model: LoadedModel) -> None:
    assert found(tmp_path, model, text, query)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("in/*", True), ("*.txt", True), ("doc", True), ("i?/doc.txt", True), ("out/*", False)],
)
def test_a_glob_is_of_the_last_parts_of_a_path(
    pattern: str, expected: bool, tmp_path: Path, model: LoadedModel
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "doc.txt").write_text("The harbour is closed.")
    index = Index.create(tmp_path / "index", model)
    index.update([folder])
    assert bool(search(index, "harbour", where=Filter(path=pattern))) is expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("茶を飲む。", "jpn_Jpan"),
        ("门开了。", "zho_Hans"),
        ("문이 닫혔다.", "kor_Hang"),
        ("দরজা খোলা।", "ben_Beng"),
        ("ประตูเปิด", "tha_Thai"),
        ("Η πόρτα.", "ell_Grek"),
        ("दरवाज़ा खुला।", "hin_Deva"),
        ("Tür zu.", "deu_Latn"),
    ],
)
def test_a_short_passage_is_found_by_its_language(
    text: str, language: str, tmp_path: Path, model: LoadedModel
) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    index = Index.create(tmp_path / "index", model)
    index.update([tmp_path / "a.txt"])
    assert search(index, text, where=Filter(languages=(language,)))
    assert not search(index, text, where=Filter(languages=("am",)))


@pytest.mark.parametrize("mode", ["dense", "text", "hybrid"])
def test_equal_passages_come_in_the_order_of_their_places(
    mode: Mode, tmp_path: Path, model: LoadedModel
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    index = Index.create(tmp_path / "index", model)
    for name in "dbeac":  # each in an update of its own, so that they do not lie in order
        (folder / f"{name}.txt").write_text(TEXTS[3], encoding="utf-8")
        index.update([folder])
    index.compact()
    hits = index.search(TEXTS[3], top_k=5, mode=mode)
    assert [Path(hit.path).stem for hit in hits] == list("abcde")


# Two spellings of one word, each in a file of its own; either finds it.
SPELLINGS = {
    "Malayalam, chillu with a joiner": ("അവന്\u200d പോയി", "അവൻ"),
    "Bengali, khanda ta": ("উত্\u200dসব আজ", "উৎসব"),
    "French ligature": ("une œuvre d'art", "oeuvre"),
    "Danish ligature": ("en æble kage", "aeble"),
    "Hindi nukta": ("नई फ़िल्म आई", "फिल्म"),
    "Hindi nasal": ("हिन्दी भाषा", "हिंदी"),
    "Armenian yev": ("Երևան քաղաք", "ԵՐԵՎԱՆ"),
    "Yiddish pairs": ("די ײדיש שפּראַך", "יידיש"),
    "Persian heh": ("خانۀ ما", "خانه"),
    "Hawaiian okina": ("Hawaiʻi nei", "Hawaii"),
    "Uzbek with an apostrophe": ("oʻzbek tili", "o'zbek"),
    "Greek iota below": ("ᾠδή νέα", "ωδη"),
    "Yi": ("ꆈꌠꁱꂷ", "ꁱꂷ"),
    "Icelandic eth": ("Ísafjörður er bær", "isafjordur"),
}


@pytest.mark.parametrize("way", ["as it is", "turned round"])
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_word_is_found_by_its_other_spelling(
    name: str, way: str, tmp_path: Path, model: LoadedModel
) -> None:
    text, query = SPELLINGS[name]
    if way == "turned round":
        if name == "Yi":
            pytest.skip("a part finds the whole, not the whole a part")
        text, query = (
            query,
            text.split()[
                1 if name.startswith(("French", "Danish", "Hindi nukta", "Yiddish")) else 0
            ],
        )
    assert found(tmp_path, model, text, query)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("في حالة الطوارئ اسحب المقبض الأحمر.", "In an emergency pull the red handle."),
        ("Bei Gefahr den roten Griff ziehen.", "При опасности потяните красную ручку."),
        ("緊急時は赤いレバーを引いてください。", "비상시에는 빨간 손잡이를 당기세요."),
        ("आपातकाल में लाल हैंडल खींचें।", "ফায়ার অ্যালার্ম বাজলে বাইরে যান।"),
        ("Σε κίνδυνο τραβήξτε τη λαβή.", "במקרה חירום משכו בידית האדומה."),
    ],
)
def test_paragraphs_of_two_scripts_are_two_passages_in_their_languages(
    first: str, second: str, tmp_path: Path, model: LoadedModel
) -> None:
    (tmp_path / "two.txt").write_text(f"{first}\n\n{second}\n", encoding="utf-8")
    index = Index.create(tmp_path / "index", model)
    index.update(tmp_path / "two.txt")
    texts = [row["text"] for row in index.rows.to_arrow().to_pylist()]
    assert texts == [first, second]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("yi", "די קאַץ שלאָפט אױפֿן טיש און די קינדער שפּילן"),
        ("bo", "ཁྱེད་རང་སྐུ་གཟུགས་བདེ་པོ་ཡིན་པས། ང་བདེ་པོ་ཡིན།"),
        ("ti", "ድሙ ኣብ ልዕሊ ጠረጴዛ ይድቅስ ኣሎ፣ ቆልዑ ድማ ይጻወቱ ኣለዉ"),
        ("yue", "佢哋喺度食緊飯，我哋等陣先去搵佢哋啦"),
        ("arz", "احنا رايحين السوق دلوقتي علشان نجيب عيش وخضار"),
    ],
)
def test_a_language_that_is_taken_for_another_is_found(
    language: str, text: str, tmp_path: Path, model: LoadedModel
) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    index = Index.create(tmp_path / "index", model)
    index.update(tmp_path / "a.txt")
    word = text.split()[0]
    assert index.search(word, mode="dense", where=Filter(languages=language))  # type: ignore[arg-type]


def test_a_reranker_sorts_what_was_found(notes: Path, tmp_path: Path, model: LoadedModel) -> None:
    index = Index.create(tmp_path / "index", model)
    index.update([notes])
    asked: list[tuple[str, str]] = []

    def longest_first(pairs: list[tuple[str, str]]) -> list[float]:
        asked.extend(pairs)
        return [float(len(text)) for _, text in pairs]

    hits = index.search("Zug", top_k=3, reranker=longest_first)
    assert {query for query, _ in asked} == {"Zug"}
    longest = sorted((len(text) for _, text in asked), reverse=True)[:3]
    assert [hit.score for hit in hits] == [float(size) for size in longest]
    assert [len(hit.text) for hit in hits] == longest
    assert index.search("Zug", top_k=1, reranker=longest_first)[0].text == hits[0].text
