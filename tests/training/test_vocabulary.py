"""A vocabulary of many scripts: nothing is unknown, words come back, languages share it evenly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from lusifer.errors import ConfigError
from lusifer.training.vocabulary import (
    BOS,
    EOS,
    PAD,
    SPECIALS,
    UNK,
    Vocabulary,
    _sample,
    by_language,
    fast_tokenizer,
    train_tokenizer,
)
from tests.conftest import TEXTS
from tests.reshaping.test_trim import FOREIGN

GROUPS = {"eng_Latn": TEXTS, "und": FOREIGN * 4}
CONFIG = Vocabulary(size=420, characters=50_000)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train_tokenizer(GROUPS, CONFIG, 0)


@pytest.mark.parametrize("text", [*TEXTS[:2], *FOREIGN, "🦊 ꦲꦏ꧀ഷ", "naïve ﬁn", "a\u00a0 b\n\tc"])
def test_every_text_comes_back_normalised_and_nothing_is_unknown(
    text: str, tokenizer: Tokenizer
) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert UNK not in ids
    assert tokenizer.decode(ids) == tokenizer.normalizer.normalize_str(text)


def test_size_specials_and_frame_are_as_they_are_asked_for(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    assert tokenizer.get_vocab_size() == CONFIG.size
    assert [tokenizer.token_to_id(t) for t in SPECIALS] == [BOS, PAD, EOS, UNK]
    assert tokenizer.token_to_id("<mask>") == CONFIG.size - 1
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    fast = fast_tokenizer(tmp_path / "tokenizer.json", 12)
    ids = fast("駅は古い市場", "станция")["input_ids"]
    assert (ids[0], ids[-1], ids.count(EOS)) == (BOS, EOS, 2)
    assert fast(["a", "a b c"], padding=True)["input_ids"][0][-1] == PAD
    assert (fast.mask_token_id, fast.model_max_length) == (CONFIG.size - 1, 12)


def test_case_is_kept_where_it_is_asked_for() -> None:
    kept = train_tokenizer(GROUPS, Vocabulary(size=430, lowercase=False), 0)
    assert kept.decode(kept.encode("The ÄRZTE").ids) == "The ÄRZTE"
    lower = train_tokenizer(GROUPS, CONFIG, 0)
    assert lower.encode("The ÄRZTE").ids == lower.encode("the ärzte").ids


def test_the_same_seed_gives_the_same_vocabulary(tokenizer: Tokenizer) -> None:
    assert train_tokenizer(GROUPS, CONFIG, 0).to_str() == tokenizer.to_str()


def test_languages_share_the_characters_by_temperature_and_least_share() -> None:
    texts = {"eng_Latn": ["a" * 10] * 9000, "tha_Thai": ["ก" * 10] * 1000, "none": []}
    counts = {}
    for temperature in (1.0, 0.5, 0.0):
        config = Vocabulary(characters=10_000, temperature=temperature, least={})
        drawn = list(_sample(texts, config, 0))
        counts[temperature] = np.mean([t[0] == "ก" for t in drawn])
    assert counts[1.0] == pytest.approx(0.1, abs=0.01)
    assert counts[0.5] == pytest.approx(0.25, abs=0.01)
    assert counts[0.0] == pytest.approx(0.5, abs=0.01)
    least = Vocabulary(characters=10_000, temperature=1.0, least={"tha_Thai": 0.3})
    assert np.mean([t[0] == "ก" for t in _sample(texts, least, 0)]) == pytest.approx(0.25, abs=0.01)


def test_texts_that_cannot_fill_it_are_one_line() -> None:
    with pytest.raises(
        ConfigError, match=r"^vocabulary\.size is 60000, which does not fit the texts"
    ) as said:
        train_tokenizer({"eng_Latn": TEXTS}, Vocabulary(size=60_000), 0)
    assert "\n" not in str(said.value)
    assert by_language([("b", "1"), ("a", "2"), ("b", "3")]) == {"b": ["1", "3"], "a": ["2"]}
