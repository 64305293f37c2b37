"""A trimmed model says what it said of every text that it still spells so, and refuses what it
cannot trim in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import lusifer
from lusifer.errors import ConfigError, ModelError
from lusifer.models import Bridge, BridgeConfig, ConnectorConfig, Part, write_as
from lusifer.models.bridge.connectors.mlp import MLPConfig
from lusifer.models.bridge.connectors.words import WordsConfig
from lusifer.reshaping.pieces import count_pieces, wanted_pieces
from lusifer.reshaping.trim import trim, vocabulary_of
from lusifer.training.assemble import assemble
from tests.conftest import CAUSAL, TEXTS, make_table, tiny_config

Folder = Callable[[str], Path]
FOREIGN = [
    "Der Bahnhof liegt hinter dem alten Markt.", "المحطة خلف السوق القديم", "स्टेशन पुराने बाज़ार के पीछे है।", "駅は古い市場の裏にある。",
    "Kituo kiko nyuma ya soko la zamani.", "สถานีอยู่หลังตลาดเก่า", "Станция за старым рынком.",
]  # fmt: skip


def unigram(folder: Path, family: str = "bert") -> Path:
    """A random model with a tokenizer of XLM-R's kind over texts in eight languages, `<mask>` as
    its last piece.
    """
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=164, special_tokens=specials, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS + FOREIGN, trainer)
    tokenizer.add_special_tokens(["<mask>"])
    frame = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(
        "<s> $A </s>", "<s> $A </s> $B </s>", special_tokens=frame
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>", mask_token="<mask>",
        cls_token="<s>", sep_token="</s>", model_max_length=64,
    )  # fmt: skip
    fast.save_pretrained(folder)
    config = tiny_config(family)
    config.num_hidden_layers = 3
    transformers.set_seed(0)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> SentenceTransformer:
    return lusifer.sentence_transformer(unigram(tmp_path / "unigram"))


def pieces(model: SentenceTransformer, texts: list[str]) -> list[list[str]]:
    unknown = model.tokenizer.unk_token_id
    found = model.tokenizer.backend_tokenizer.encode_batch(texts)
    return [
        [t if i != unknown else "<unk>" for t, i in zip(e.tokens, e.ids, strict=True)]
        for e in found
    ]


@pytest.mark.parametrize("family", ["bert", "xlm-roberta"])
def test_a_text_that_is_spelt_as_before_has_the_vector_that_it_had(
    family: str, tmp_path: Path
) -> None:
    model = lusifer.sentence_transformer(unigram(tmp_path / "model", family))
    backend = model.tokenizer.backend_tokenizer
    keep = wanted_pieces(backend, count_pieces(backend, TEXTS), 90)
    small = trim(model, keep)
    assert (
        len(small[0].auto_model.get_input_embeddings().weight)
        == len(keep)
        == len(small.tokenizer)
        <= 90
    )
    texts = TEXTS + FOREIGN
    same = [a == b for a, b in zip(pieces(model, texts), pieces(small, texts), strict=True)]
    assert 3 < sum(same) < len(same), "some texts are spelt as before, some are not"
    before, after = model.encode(texts), small.encode(texts)
    np.testing.assert_allclose(before[same], after[same], atol=1e-6)
    assert np.isfinite(after).all()
    small.save(str(tmp_path / "small"), create_model_card=False)
    np.testing.assert_allclose(
        lusifer.sentence_transformer(tmp_path / "small").encode(texts), after, atol=1e-6
    )
    assert small.tokenizer.mask_token_id == len(keep) - 1


def test_what_the_corpus_needs_is_kept(model: SentenceTransformer) -> None:
    backend = model.tokenizer.backend_tokenizer
    counts = count_pieces(backend, FOREIGN)
    small = trim(model, wanted_pieces(backend, counts, 1000))
    assert pieces(small, FOREIGN) == pieces(model, FOREIGN)
    # The special ones, which no text holds, and the characters of what does occur.
    characters = {
        c for i in np.flatnonzero(counts) for c in backend.id_to_token(int(i))
    } & backend.get_vocab().keys()
    occur = {backend.id_to_token(int(i)) for i in np.flatnonzero(counts)}
    assert len(small.tokenizer) == 5 + len(occur | characters)


def test_layers_are_picked_by_number(model: SentenceTransformer) -> None:
    every = np.arange(len(model.tokenizer))
    np.testing.assert_allclose(
        trim(model, every, [0, 1, 2]).encode(TEXTS), model.encode(TEXTS), atol=1e-6
    )
    one = trim(model, every, [2])
    inner: Any = one[0].auto_model
    assert (len(inner.encoder.layer), inner.config.num_hidden_layers) == (1, 1)
    assert len(model[0].auto_model.encoder.layer) == 3, "the model itself stays whole"
    for wrong in ([3], [-1], []):
        with pytest.raises(ConfigError, match="the model's are 0 to 2"):
            trim(model, every, wrong)


@pytest.mark.parametrize(
    "family", [*CAUSAL, "roberta", "modernbert", "mt5", "distilbert", "deberta-v2"]
)
def test_every_family_says_what_it_said(family: str, tmp_path: Path, model_folder: Folder) -> None:
    """Whichever way a family holds its table: scaled, shared, or with a head that is not saved."""
    model = lusifer.sentence_transformer(model_folder(family))
    backend = model.tokenizer.backend_tokenizer
    small = trim(model, wanted_pieces(backend, count_pieces(backend, TEXTS[:5])))
    inner: Any = small[0].auto_model
    assert inner.config.vocab_size == len(small.tokenizer) < len(model.tokenizer)
    assert inner.get_input_embeddings().num_embeddings == len(small.tokenizer)
    assert inner.config.pad_token_id == small.tokenizer.pad_token_id
    same = [a == b for a, b in zip(pieces(model, TEXTS), pieces(small, TEXTS), strict=True)]
    assert 5 <= sum(same) < len(TEXTS)
    before, after = model.encode(TEXTS), small.encode(TEXTS)
    np.testing.assert_allclose(before[same], after[same], atol=1e-6)
    assert np.isfinite(after).all()
    small.save(str(tmp_path / "small"), create_model_card=False)
    for again in (lusifer.sentence_transformer, SentenceTransformer):
        found = again(str(tmp_path / "small"))
        np.testing.assert_allclose(found.encode(TEXTS), after, atol=1e-6)
        assert found.tokenizer.padding_side == model.tokenizer.padding_side


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "mt5", "modernbert"])
def test_layers_of_every_family_are_picked(
    family: str, tmp_path: Path, model_folder: Folder
) -> None:
    model = lusifer.sentence_transformer(model_folder(family))
    every = np.arange(len(model.tokenizer))
    whole = trim(model, every, [0, 1])
    np.testing.assert_allclose(whole.encode(TEXTS), model.encode(TEXTS), atol=1e-6)
    first = [0] if family in ("mt5", "modernbert") else [1]
    one = trim(model, every, first)
    if first == [0]:
        with pytest.raises(ConfigError, match="layer 0 is unlike the others, and must come first"):
            trim(model, every, [1])
    vectors = one.encode(TEXTS)
    assert np.abs(vectors - model.encode(TEXTS)).max() > 1e-4
    one.save(str(tmp_path / "one"), create_model_card=False)
    np.testing.assert_allclose(SentenceTransformer(str(tmp_path / "one")).encode(TEXTS), vectors, atol=1e-6)  # fmt: skip


def test_a_table_of_words(tmp_path: Path) -> None:
    folder = make_table(tmp_path)
    model = lusifer.sentence_transformer(folder)
    words = vocabulary_of(model)
    small = trim(model, wanted_pieces(words, count_pieces(words, TEXTS[:5])))
    (tmp_path / "small").mkdir()
    write_as(small, folder, tmp_path / "small")
    before, after = lusifer.load(folder), lusifer.load(tmp_path / "small")
    np.testing.assert_allclose(before.encode(TEXTS[:5]), after.encode(TEXTS[:5]), atol=1e-6)
    assert (tmp_path / "small" / "model.safetensors").stat().st_size < (folder / "model.safetensors").stat().st_size  # fmt: skip
    with pytest.raises(ConfigError, match="a table of words has none"):
        trim(model, np.arange(5), [0])


@pytest.mark.parametrize("connector", [MLPConfig(), WordsConfig(nearest=3)], ids=["mlp", "words"])
def test_a_bridge(connector: ConnectorConfig, tmp_path: Path, model_folder: Folder) -> None:
    """Its encoder's pieces are cut; what comes out is whole, and needs no base."""
    config = BridgeConfig(
        encoder=Part(base=str(model_folder("xlm-roberta"))),
        target=Part(base=str(model_folder("llama"))),
        connector=connector,
        max_tokens=128,
    )
    model = assemble(Bridge.new(config), "cpu").eval()
    backend = vocabulary_of(model)
    small = trim(model, wanted_pieces(backend, count_pieces(backend, TEXTS[:5])))
    np.testing.assert_allclose(model.encode(TEXTS[:5]), small.encode(TEXTS[:5]), atol=1e-5)
    small.save(str(tmp_path / "small"), create_model_card=False)
    again = lusifer.load(tmp_path / "small")
    np.testing.assert_allclose(again.encode(TEXTS[:5]), small.encode(TEXTS[:5]), atol=1e-5)


def test_what_cannot_be_trimmed_is_told(model: SentenceTransformer, model_folder: Folder) -> None:
    backend = model.tokenizer.backend_tokenizer
    with pytest.raises(ConfigError, match="its special pieces alone are 5"):
        wanted_pieces(backend, count_pieces(backend, TEXTS), 5)
    mixed = SentenceTransformer(modules=[model[1]], device="cpu")
    with pytest.raises(ModelError, match="begins with Pooling cannot be trimmed"):
        vocabulary_of(mixed)
    sparse = lusifer.sentence_transformer(model_folder("bert"))
    sparse.append(type("SpladePooling", (torch.nn.Module,), {})())
    with pytest.raises(ModelError, match="a number for each piece"):
        trim(sparse, np.arange(5))
    roberta = lusifer.sentence_transformer(model_folder("xlm-roberta"))
    with pytest.raises(ModelError, match="from which the model counts positions"):
        trim(roberta, np.array([0, *range(2, 160), 1]))
