"""Each figure is its definition, written plainly; perturbed texts are what they say; sticky tokens
that were planted are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import skew

import lusifer
from lusifer.encoding.cache import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation.diagnostics import alignment as d, perturb, sticky
from lusifer.evaluation.diagnostics.diagnose import on_map
from lusifer.evaluation.diagnostics.layers import alignment, by_layer
from lusifer.evaluation.diagnostics.tokens import TokenAccess
from tests.evaluation.oracle import Oracle
from tests.evaluation.test_metrics import unit


def test_mexa_csls_hubness_and_anisotropy_are_their_definitions() -> None:
    rng = np.random.default_rng(0)
    x = unit(rng, 40)
    y = x + 1.2 * unit(rng, 40)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    c = (x @ y.T).astype(np.float64)
    plain = [
        all(c[i, i] > c[i, j] and c[i, i] > c[j, i] for j in range(40) if j != i) for i in range(40)
    ]
    assert d.mexa(c) == pytest.approx(np.mean(plain))
    assert 0 < np.mean(plain) < 1
    near_x = [np.mean(sorted(c[i])[-10:]) for i in range(40)]
    near_y = [np.mean(sorted(c[:, j])[-10:]) for j in range(40)]
    np.testing.assert_allclose(
        d.csls(c),
        [[2 * c[i, j] - near_x[i] - near_y[j] for j in range(40)] for i in range(40)],
        atol=1e-9,
    )
    counts = [sum(j in np.argsort(-c[i])[:10] for i in range(40)) for j in range(40)]
    assert d.hubness(c) == pytest.approx(skew(counts), abs=1e-9)
    assert d.anisotropy(x) == pytest.approx(
        np.mean([x[i] @ x[j] for i in range(40) for j in range(40) if i != j]), abs=1e-5
    )
    shifted = x.copy()
    shifted[:, 3] += 5
    assert 3 in d.outliers(shifted)


def test_drift_is_none_for_the_same_vectors_and_kept_by_a_rotation() -> None:
    rng = np.random.default_rng(1)
    x = unit(rng, 60)
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    assert d.drift(x, x) == {"neighbours kept": 1.0, "cosine": pytest.approx(1.0)}
    turned = d.drift(x @ turn.astype(np.float32), x)
    assert turned["neighbours kept"] == pytest.approx(1.0)
    assert turned["cosine"] < 0.5
    assert "cosine" not in d.drift(x[:, :6] / np.linalg.norm(x[:, :6], axis=1, keepdims=True), x)


def test_texts_are_changed_as_said() -> None:
    assert perturb.no_accents("Crème brûlée, Ελλάδα, naïve") == "Creme brulee, Ελλαδα, naive"
    assert perturb.no_accents("हिन्दी में") == "हिन्दी में", "marks of Indic scripts are vowels"
    assert perturb.no_accents("\u0301a") == "\u0301a"
    text = "The quick brown foxes jumped over sleeping dogs"
    changed = perturb.typing_errors(text)
    assert changed == perturb.typing_errors(text)
    assert changed != text
    assert sorted(changed) == sorted(text)
    assert perturb.typing_errors("a b c") == "a b c"
    assert perturb.latin("Москва").isascii()


@pytest.mark.parametrize("name", ["default", "static"])
def test_fertility_counts_tokens_words_and_the_unknown(name: str) -> None:
    model: Any = lusifer.load(name)
    tokens = TokenAccess.of(model)
    assert tokens is not None
    found = d.fertility(tokens, ["Guten Morgen, liebe Welt"], ["Good morning, dear world"])
    mine, english = (
        len(model.tokenizer.encode(t, add_special_tokens=False).ids)
        for t in ("Guten Morgen, liebe Welt", "Good morning, dear world")
    )
    assert found["premium"] == pytest.approx(mine / english)
    assert found["tokens_per_word"] == pytest.approx(mine / 4)
    assert found["unknown"] == 0
    assert TokenAccess.of(Oracle()) is None
    assert d.fertility(None, ["a"], ["a"]) == {}


def test_a_language_is_diagnosed_whole(tmp_path: Path) -> None:
    english = [
        f"a sentence about {w}"
        for w in ("bread", "rain", "trains", "music", "money", "doctors", "winter", "letters")
    ]
    german = [
        f"ein Satz über {w}"
        for w in ("Brot", "Regen", "Züge", "Musik", "Geld", "Ärzte", "Winter", "Briefe")
    ]
    encoder = Encoder(lusifer.load("static"), tmp_path)
    row = d.diagnose_language(encoder, "deu_Latn", german, english).row()
    assert row["mexa"] > 0.5
    assert set(row["changes"]) == set(perturb.CHANGES)
    assert row["changes"]["upper case"] == pytest.approx(1, abs=1e-4), (
        "its tokenizer writes small letters"
    )
    own = d.diagnose_language(encoder, "eng_Latn", english, english).row()
    assert own["mexa"] is None
    assert own["premium"] == 1
    assert "no accents" not in own["changes"]


def test_layers_meet_as_the_plain_loop_says(model_folder: Any) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    from lusifer.models.backends.torch_embedder import TorchEmbedder

    first = Transformer(str(model_folder("bert")))
    model = TorchEmbedder(
        SentenceTransformer(modules=[first, Pooling(first.get_embedding_dimension())], device="cpu")
    )
    texts = ["the sea is wide", "we bake bread", "a train leaves"]
    layers = by_layer(model, texts)
    assert layers is not None
    np.testing.assert_allclose(layers[-1], model.encode(texts), atol=1e-5)
    mexa, likeness = alignment(layers, layers)
    assert len(mexa) == len(layers)
    assert likeness == pytest.approx([1.0] * len(layers), abs=1e-5)
    assert by_layer(lusifer.load("static"), texts) is None


class Planted:
    """A static model in which one token outweighs all others, at the cosine that single tokens have
    among each other.
    """

    dim = 16
    max_tokens = 99
    prompts: Mapping[str, str] = {}

    def __init__(self, tokenizer: Any, planted: str) -> None:
        self.tokenizer = tokenizer
        rng = np.random.default_rng(0)
        self.rows = rng.normal(size=(tokenizer.get_vocab_size(), 16)).astype(np.float32)
        self.rows[:, :2] = 0
        self.rows /= np.linalg.norm(self.rows, axis=1, keepdims=True)
        self.planted = planted

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        made = []
        for text in texts:
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
            times = text.split(" ").count(self.planted)
            total = sum((self.rows[i] for i in ids), np.zeros(16, dtype=np.float32))
            length = float(np.linalg.norm(total)) or 1.0
            total /= length
            total[0] += (
                0.75  # so that two texts without a word in common have a cosine of about 0.36
            )
            made.append(
                np.array([0.6, 0.8, *[0.0] * 14], dtype=np.float32) if times else total
            )  # and this has it with all
        out = np.array(made, dtype=np.float32)
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def test_a_planted_sticky_token_is_found_and_no_other() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)]
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0} | {w: i + 1 for i, w in enumerate(words)}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    rng = np.random.default_rng(3)
    sentences = [" ".join(rng.choice(words[:250], 6)) for _ in range(200)]
    model = Planted(tokenizer, "wlm")
    assert "wlm" in words
    value, found = sticky.detect(model, sentences)
    assert value == pytest.approx(0.36, abs=0.05)
    assert [s.token for s in found] == ["wlm"]
    assert found[0].share > 0.9
    with pytest.raises(LusiferError, match="does not tell its tokens"):
        sticky.detect(Oracle(), sentences)


@pytest.mark.parametrize("name", ["default", "static"])
def test_usable_tokens_stay_one_token_when_written(name: str) -> None:
    tokens = TokenAccess.of(lusifer.load(name))
    assert tokens is not None
    some = sticky.usable(tokens, limit=50)
    assert len(some) == 50
    assert all(len(ids) == 1 for ids in tokens.ids(some))
    assert some == sticky.usable(tokens, limit=50)


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        (["tha_Thai"], ["tha_Thai"]),
        (["tha_Thai", "deu_Latn", "spa_Latn"], ["tha_Thai", "deu_Latn", "spa_Latn"]),
        (
            [f"x{i:02}_Latn" for i in range(13)] + ["fra_Latn", "tha_Thai"],
            ["fra_Latn", *(f"x{i:02}_Latn" for i in range(13))],
        ),
    ],
)
def test_the_map_shows_the_languages_that_were_asked_for(
    chosen: list[str], shown: list[str]
) -> None:
    assert on_map(chosen) == shown
