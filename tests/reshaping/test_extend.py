"""A model with more pieces reads a language in fewer tokens, and all else as before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
import yaml
from tokenizers import Tokenizer, models, pre_tokenizers

import lusifer
from lusifer.errors import ConfigError, LusiferError
from lusifer.models import Bridge, BridgeConfig, Part
from lusifer.reshaping.extend import extend_vocabulary, extended
from lusifer.reshaping.mixed_rows import WAYS
from lusifer.reshaping.new_pieces import new_pieces, with_pieces
from lusifer.reshaping.trim import vocabulary_of
from lusifer.training.assemble import assemble
from tests.conftest import CAUSAL, TEXTS, make_table
from tests.reshaping.test_new_pieces import MADE_UP
from tests.reshaping.test_trim import FOREIGN, unigram

Folder = Callable[[str], Path]


@pytest.fixture
def texts(tmp_path: Path) -> str:
    file = tmp_path / "made-up.tsv"
    rows = [f"the words {i}\t{text}\n" for i, text in enumerate(MADE_UP)]
    file.write_text("".join(rows), encoding="utf-8")
    return str(file)


def untouched(before: Any, after: Any) -> list[str]:
    """Texts that hold no new piece."""
    one, other = vocabulary_of(before), vocabulary_of(after)
    found = [
        text for text in TEXTS + FOREIGN if one.encode(text).tokens == other.encode(text).tokens
    ]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("rows", WAYS)
def test_every_way_to_make_rows(rows: Any, tmp_path: Path, texts: str) -> None:
    model = unigram(tmp_path / "model", "xlm-roberta")
    pairs = [(f"the words {i}", text) for i, text in enumerate(MADE_UP)]
    report = extend_vocabulary(
        model,
        tmp_path / "more",
        texts,
        pieces=30,
        rows=rows,
        translations=pairs if rows == "translations" else (),
        columns=["english", "text"],
    )
    assert report.pieces[1] - report.pieces[0] == 30
    (one,) = report.languages
    assert one.tokens_after < 0.8 * one.tokens_before
    assert one.same == 0
    assert one.measured == 1
    assert np.isfinite(one.cosine)
    before, after = lusifer.load(model), lusifer.load(tmp_path / "more")
    same = untouched(*(lusifer.sentence_transformer(n) for n in (model, tmp_path / "more")))
    np.testing.assert_allclose(before.encode(same), after.encode(same), atol=1e-6)
    assert np.isfinite(after.encode(MADE_UP)).all()
    about = yaml.safe_load((tmp_path / "more" / "reshape.yaml").read_text(encoding="utf-8"))
    assert (about["rows"], about["pieces"]) == (rows, 30)


@pytest.mark.parametrize("family", [*CAUSAL, "modernbert", "mt5", "roberta"])
def test_every_family_takes_more_pieces(family: str, tmp_path: Path, model_folder: Folder) -> None:
    model = lusifer.sentence_transformer(model_folder(family))
    old = vocabulary_of(model)
    new = new_pieces(old, MADE_UP, 30)
    made = extended(model, with_pieces(old, new), new, {new[0].piece: {7: 1.0}})
    inner: Any = made[0].auto_model
    table = inner.get_input_embeddings().weight
    assert (
        len(table)
        == inner.config.vocab_size
        == len(made.tokenizer)
        == len(model.tokenizer) + len(new)
    )
    np.testing.assert_array_equal(
        table[made.tokenizer.convert_tokens_to_ids(new[0].piece)].detach(), table[7].detach()
    )
    known = untouched(model, made)
    np.testing.assert_allclose(model.encode(known), made.encode(known), atol=1e-6)
    made.save(str(tmp_path / "more"), create_model_card=False)
    again = lusifer.sentence_transformer(tmp_path / "more")
    np.testing.assert_allclose(again.encode(MADE_UP), made.encode(MADE_UP), atol=1e-6)


def test_a_head_that_is_not_tied_grows_too(tmp_path: Path, model_folder: Folder) -> None:
    """So that masked language modelling goes on with the new pieces."""
    folder = tmp_path / "model"
    config = transformers.BertConfig(
        vocab_size=170, hidden_size=32, intermediate_size=48, num_hidden_layers=1,
        num_attention_heads=4, pad_token_id=1, tie_word_embeddings=False,
    )  # fmt: skip
    model = lusifer.sentence_transformer(model_folder("bert"))
    model[0].model = transformers.BertForMaskedLM(config)
    old = vocabulary_of(model)
    new = new_pieces(old, MADE_UP, 30)
    made = extended(model, with_pieces(old, new), new, {})
    inner: Any = made[0].model
    assert len(inner.get_output_embeddings().weight) == len(made.tokenizer)
    assert not folder.exists()


def test_a_table_of_words_and_a_bridge(tmp_path: Path, texts: str, model_folder: Folder) -> None:
    table = make_table(tmp_path)
    report = extend_vocabulary(table, tmp_path / "more", texts, columns=["_", "text"], pieces=40)
    assert report.languages[0].tokens_after < report.languages[0].tokens_before
    before, after = lusifer.load(table), lusifer.load(tmp_path / "more")
    known = untouched(*(lusifer.sentence_transformer(name) for name in (table, tmp_path / "more")))
    # Its rows are int8, and are rounded anew.
    np.testing.assert_allclose(before.encode(known), after.encode(known), atol=2e-3)
    config = BridgeConfig(
        encoder=Part(base=str(model_folder("xlm-roberta"))),
        target=Part(base=str(model_folder("llama"))),
        max_tokens=128,
    )
    bridge = assemble(Bridge.new(config), "cpu").eval()
    bridge.save(str(tmp_path / "bridge"), create_model_card=False)
    extend_vocabulary(tmp_path / "bridge", tmp_path / "wide", texts, columns=["_", "text"], pieces=40)  # fmt: skip
    wide = lusifer.load(tmp_path / "wide")
    known = untouched(bridge, lusifer.sentence_transformer(tmp_path / "wide"))
    np.testing.assert_allclose(bridge.encode(known), wide.encode(known), atol=1e-5)


def test_characters_that_were_unknown_are_told(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("ⴰⵣⵓⵍ ⴰⵎⴰⵣⵉⵖ ⵏ ⵓⴽⴰⵍ\n" * 40, encoding="utf-8")
    report = extend_vocabulary(unigram(tmp_path / "model"), tmp_path / "more", str(file), pieces=50)
    (one,) = report.languages
    assert report.characters == len(set("ⴰⵣⵓⵍⵎⵉⵖⵏⴽ"))
    assert one.unknown_before > 0.2
    assert one.unknown_after == 0


def test_numbers_that_are_not_in_use(tmp_path: Path, model_folder: Folder) -> None:
    """New pieces stand behind the last number, and old ones keep their rows."""
    model = lusifer.sentence_transformer(model_folder("bert"))
    pieces = {"[UNK]": 0, "[PAD]": 1, "[CLS]": 2, "[SEP]": 3} | {c: 10 + i for i, c in enumerate("abcdefgh")}  # fmt: skip
    pieces |= {f"##{c}": 20 + i for i, c in enumerate("abcdefgh")}
    backend = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    model[0].processor = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )  # fmt: skip
    new = new_pieces(vocabulary_of(model), ["abab cdcd efgh"] * 5, 5)
    made = extended(model, with_pieces(vocabulary_of(model), new), new, {})
    assert made.tokenizer.convert_tokens_to_ids(new[0].piece) == 28
    assert len(made[0].auto_model.get_input_embeddings().weight) == 28 + len(new)
    np.testing.assert_allclose(model.encode(["h", "a h"]), made.encode(["h", "a h"]), atol=1e-6)
    assert np.isfinite(made.encode(["abab", "cdcd"])).all()


def test_bad_input_is_told(tmp_path: Path, texts: str) -> None:
    model = unigram(tmp_path / "model")
    for settings, line in (
        ({"rows": "median"}, "rows is 'median'; it must be one of mean, script, random"),
        ({"rows": "translations"}, "goes with pairs of English and foreign sentences"),
        ({"pieces": 0}, "pieces is 0"),
        ({"languages": ["th"]}, "no text is in th"),
    ):
        with pytest.raises((ConfigError, LusiferError), match=line):
            extend_vocabulary(model, tmp_path / "more", texts, columns=["_", "text"], **settings)  # type: ignore[arg-type]
    (tmp_path / "one.txt").write_text("takamiru soranoki\n", encoding="utf-8")
    with pytest.raises(LusiferError, match="nothing is to be added"):
        extend_vocabulary(model, tmp_path / "more", str(tmp_path / "one.txt"))
    assert not (tmp_path / "more").exists()
