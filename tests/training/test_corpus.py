"""Texts of four kinds, read by their columns, and made into token stores once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from lusifer.data.sources import Source
from lusifer.errors import ConfigError
from lusifer.training.corpus import KINDS, Data, check_kinds, prepare, read_kind
from lusifer.training.vocabulary import Vocabulary
from tests.conftest import TEXTS
from tests.reshaping.test_trim import FOREIGN

PAIRS = Source(("pairs.tsv",), ("language", "english", "text"))
VOCABULARY = Vocabulary(size=400, characters=20_000)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    pairs = [("deu_Latn", t, f) for t in TEXTS for f in FOREIGN]
    (tmp_path / "pairs.tsv").write_text("".join("\t".join(p) + "\n" for p in pairs), "utf-8")
    (tmp_path / "asked.tsv").write_text("tha_Thai\tที่ไหน\tBehind the market.\n", "utf-8")
    (tmp_path / "alone.tsv").write_text("jpn_Jpan\t駅は古い\n", "utf-8")
    return Data(
        str(tmp_path),
        parallel=(PAIRS,),
        monolingual=(Source(("alone.tsv",), ("language", "text")),),
        retrieval=(Source(("asked.tsv",), ("language", "query", "document")),),
        max_tokens=12,
    )


def test_a_document_stands_for_the_english_of_its_query(data: Data) -> None:
    assert read_kind(data, "retrieval") == [("tha_Thai", "Behind the market.", "ที่ไหน")]
    assert read_kind(data, "monolingual") == [("jpn_Jpan", "", "駅は古い")]
    assert read_kind(data, "lexicon") == []
    assert read_kind(data, "parallel")[:2] == [("deu_Latn", TEXTS[0], f) for f in FOREIGN[:2]]


def test_stores_hold_the_texts_and_are_made_once(data: Data, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "prepared"
    file, stores = prepare(data, VOCABULARY, 0, folder)
    assert file == tmp_path / "out" / "tokenizer.json"
    assert list(stores) == list(KINDS)
    tokenizer = Tokenizer.from_file(str(file))
    pairs = read_kind(data, "parallel")
    assert len(stores["parallel"]) == len(pairs)
    assert len(stores["parallel"].english) == len(TEXTS)
    for row in (0, 8, 111):
        ids = [tokenizer.encode(t, add_special_tokens=False).ids[:12] for t in pairs[row][1:]]
        assert [side.tolist() for side in stores["parallel"].pair(row)] == ids
    for name in ("pairs.tsv", "asked.tsv", "alone.tsv"):
        (tmp_path / name).unlink()
    _, again = prepare(data, VOCABULARY, 0, folder)
    assert (again["parallel"].text.ids == stores["parallel"].text.ids).all()


def test_a_tokenizer_that_lies_there_is_used_as_it_is(data: Data, tmp_path: Path) -> None:
    first, _ = prepare(data, VOCABULARY, 0, tmp_path / "one" / "prepared")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "tokenizer.json").write_bytes(first.read_bytes())
    other, _ = prepare(data, Vocabulary(size=10**6), 0, tmp_path / "two" / "prepared")
    assert other.read_bytes() == first.read_bytes()


def test_what_is_missing_or_wrong_is_named(data: Data) -> None:
    with pytest.raises(ValueError, match=r"data\.parallel must name at least one source"):
        Data()
    lacking = Data(data.root, (Source(("pairs.tsv",), ("language", "_", "text")),))
    with pytest.raises(ConfigError, match=r"data\.parallel: pairs\.tsv needs a column 'english'"):
        read_kind(lacking, "parallel")
    with pytest.raises(ValueError, match="of parallel, lexicon; not retrieval"):
        check_kinds({"parallel": 1.0, "retrieval": 0.5}, ("parallel", "lexicon"))
    with pytest.raises(ValueError, match="not lexicon: -"):
        check_kinds({"lexicon": -0.1}, ("parallel", "lexicon"))
