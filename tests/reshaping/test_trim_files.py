"""A model trimmed to what files need, and what that did to each of their languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import transformers
import yaml

import lusifer
from lusifer.errors import ConfigError, LusiferError
from lusifer.models import Heads
from lusifer.reshaping.trim_files import around, trim_vocabulary
from tests.conftest import TEXTS, make_table
from tests.reshaping.test_trim import FOREIGN, unigram

Folder = Callable[[str], Path]


@pytest.fixture
def texts(tmp_path: Path) -> str:
    rows = [("eng_Latn", text) for text in TEXTS * 2]
    rows += [("deu_Latn", FOREIGN[0]), ("rus_Cyrl", FOREIGN[6]), ("eng_Latn", "  ")]
    file = tmp_path / "texts.tsv"
    file.write_text("".join(f"{code}\t{text}\n" for code, text in rows), encoding="utf-8")
    return str(file)


def trimmed(model: Path, into: Path, texts: str, **settings: object) -> lusifer.TrimReport:
    return trim_vocabulary(
        model, into, texts, language="language", columns=["language", "text"], **settings
    )  # type: ignore[arg-type]


def test_what_a_language_needs(tmp_path: Path, texts: str) -> None:
    model = unigram(tmp_path / "model")
    report = trimmed(model, tmp_path / "small", texts, languages=["en", "de"])
    assert [(one.language, one.texts, one.measured) for one in report.languages] == [
        ("eng_Latn", 32, 1),
        ("deu_Latn", 1, 0),
    ]
    english, german = report.languages
    assert english.same == 1
    assert english.unknown_after == 0
    assert english.cosine == pytest.approx(1)
    assert english.tokens_before == english.tokens_after > 3
    assert np.isnan(german.cosine), "too few of them to hold one out"
    assert report.skipped == 1
    assert report.pieces[0] > report.pieces[1] == len(lusifer.sentence_transformer(tmp_path / "small").tokenizer)  # fmt: skip
    assert report.parameters[0] > report.parameters[1]
    assert report.size[0] > report.size[1]
    before, after = lusifer.load(model), lusifer.load(tmp_path / "small")
    kept = [*TEXTS, FOREIGN[0]]
    np.testing.assert_allclose(before.encode(kept), after.encode(kept), atol=1e-6)
    assert np.abs(before.encode(FOREIGN[6:]) - after.encode(FOREIGN[6:])).max() > 1e-3
    about = yaml.safe_load((tmp_path / "small" / "reshape.yaml").read_text(encoding="utf-8"))
    assert about["languages"][0]["language"] == "eng_Latn"
    assert about["trim"] == str(model)


def test_the_language_is_told_from_the_text(tmp_path: Path, texts: str) -> None:
    report = trim_vocabulary(
        unigram(tmp_path / "model"), tmp_path / "small", texts, columns=["_", "text"], languages=["ru"]
    )  # fmt: skip
    assert [one.language for one in report.languages] == ["und-Cyrl"], "it is short"


def test_fewer_pieces_than_occur(tmp_path: Path, texts: str) -> None:
    model = unigram(tmp_path / "model")
    few = trimmed(model, tmp_path / "few", texts, pieces=60)
    often = trimmed(model, tmp_path / "often", texts, at_least=8)
    assert few.pieces[1] == 60
    for report in (few, often):
        (english,) = (one for one in report.languages if one.language == "eng_Latn")
        assert english.tokens_after > english.tokens_before
        assert english.same < 1
        assert english.cosine < 1


def test_what_stands_around_every_text_is_kept(tmp_path: Path, model_folder: Folder) -> None:
    """Prompts and chat templates are in no file of texts, and are read with each of them."""
    folder = tmp_path / "model"
    model = lusifer.sentence_transformer(model_folder("llama"))
    model.tokenizer.chat_template = "{% for m in messages %}Nobody knows: {{ m.content }}{% endfor %}"  # fmt: skip
    model.prompts = {"query": "orchestra whale: ", "document": ""}
    model.save(str(folder), create_model_card=False)
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS[:2]), encoding="utf-8")
    trim_vocabulary(folder, tmp_path / "small", str(file))
    before, after = (lusifer.sentence_transformer(name) for name in (folder, tmp_path / "small"))
    assert len(around(before)) > 8
    for prompt in ("query", "document"):
        vectors = [model.encode(TEXTS[:2], prompt_name=prompt) for model in (before, after)]
        np.testing.assert_allclose(*vectors, atol=1e-6)
    assert after.tokenizer.chat_template == model.tokenizer.chat_template


def test_what_lies_beside_a_model_comes_along(tmp_path: Path, model_folder: Folder) -> None:
    folder = tmp_path / "model"
    model = lusifer.sentence_transformer(model_folder("bert"))
    model.half().save(str(folder), create_model_card=False)
    special = [model.tokenizer.mask_token_id, model.tokenizer.pad_token_id]
    Heads(32, 8, special).write(folder)
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS[:2]), encoding="utf-8")
    report = trim_vocabulary(folder, tmp_path / "small", str(file))
    small = transformers.AutoModel.from_pretrained(tmp_path / "small")
    assert str(small.dtype) == "torch.float16", "no larger than it was"
    again = lusifer.sentence_transformer(tmp_path / "small").tokenizer
    assert Heads.read(tmp_path / "small").special == sorted(
        [again.mask_token_id, again.pad_token_id]
    )
    assert report.size[1] < report.size[0]


def test_a_table_of_words_stays_one(tmp_path: Path) -> None:
    folder = make_table(tmp_path)
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(TEXTS[:4]), encoding="utf-8")
    report = trim_vocabulary(folder, tmp_path / "small", str(file))
    before, after = lusifer.load(folder), lusifer.load(tmp_path / "small")
    np.testing.assert_allclose(before.encode(TEXTS[:4]), after.encode(TEXTS[:4]), atol=1e-6)
    assert report.pieces[1] < report.pieces[0]


def test_bad_input_is_told(tmp_path: Path, texts: str) -> None:
    model = unigram(tmp_path / "model")
    for settings, line in (
        ({"languages": ["th"]}, "no text is in tha; the files have deu_Latn, eng_Latn, rus_Cyrl"),
        ({"pieces": 5}, "its special pieces alone are 5"),
        ({"at_least": 0}, "at_least must be 1 or more"),
    ):
        with pytest.raises((LusiferError, ConfigError), match=line):
            trimmed(model, tmp_path / "small", texts, **settings)
        assert not (tmp_path / "small").exists()
    (tmp_path / "there").mkdir()
    with pytest.raises(LusiferError, match="exists already"):
        trimmed(model, tmp_path / "there", texts)
    (tmp_path / "empty.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(LusiferError, match="holds no row with text"):
        trim_vocabulary(model, tmp_path / "small", str(tmp_path / "empty.txt"))
