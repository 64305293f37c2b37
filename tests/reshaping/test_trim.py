"""A trimmed model says what it said of every text that it still spells so, and refuses what it
cannot trim in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

import lusifer
from lusifer.errors import ConfigError, ModelError
from lusifer.reshaping.trim import count_pieces, trim, trim_tokenizer, wanted_pieces
from tests.conftest import TEXTS, tiny_config

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
    assert len(small.tokenizer) == 5 + int(
        (counts > 0).sum()
    )  # the special ones, which no text holds


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


def test_what_cannot_be_trimmed_is_told(model: SentenceTransformer, model_folder: Folder) -> None:
    backend = model.tokenizer.backend_tokenizer
    with pytest.raises(ConfigError, match="its special pieces alone are 5"):
        wanted_pieces(backend, count_pieces(backend, TEXTS), 5)
    other = lusifer.sentence_transformer(model_folder("bert")).tokenizer.backend_tokenizer
    with pytest.raises(ModelError, match="of the kind BPE cannot be trimmed; Unigram can"):
        trim_tokenizer(other, np.arange(5))
    decoder = lusifer.sentence_transformer(model_folder("llama"))
    with pytest.raises(ModelError, match="'llama' cannot be trimmed"):
        trim(decoder, np.arange(5))
