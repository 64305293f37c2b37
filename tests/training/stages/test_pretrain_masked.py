"""An encoder from scratch: what is masked is never the frame, the start is the table, and what is
saved is what was trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer

import lusifer
from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches
from lusifer.training.run import load_recipe
from lusifer.training.stages.pretrain_masked import (
    MaskedBatches,
    Masking,
    Ranker,
    _start_as_identity,
    encoder_config,
    save_encoder,
)
from lusifer.training.vocabulary import BOS, EOS, PAD
from tests.conftest import TEXTS, make_tokenizer
from tests.training.recipes import recipe

Folder = Callable[[str], Path]


@pytest.fixture
def parsed(texts: Path, model_folder: Folder) -> Any:
    return load_recipe(recipe("pretrain masked", texts, model_folder))


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    make_tokenizer(tmp_path / "words")
    return Tokenizer.from_file(str(tmp_path / "words" / "tokenizer.json"))


@pytest.fixture
def stores(tokenizer: Tokenizer) -> dict[str, PairStore]:
    pairs = [("deu_Latn", t, t[::-1]) for t in TEXTS]
    alone = [("deu_Latn", "", t) for t in TEXTS]
    return {
        "parallel": PairStore.build(tokenizer, pairs, 24),
        "monolingual": PairStore.build(tokenizer, alone, 24),
    }


@pytest.mark.parametrize(("kind", "ends"), [("parallel", 2), ("monolingual", 1)])
def test_masked_rows_are_the_pairs_but_for_what_is_asked(
    kind: str, ends: int, parsed: Any, stores: dict[str, PairStore]
) -> None:
    phase = Masking(batch_tokens=2000, ratio=0.3, kinds={kind: 1.0})
    make, size = MaskedBatches(parsed, phase, stores, 170), 170
    shares, fates = list[float](), list[float]()
    for step in range(8):
        batch = make(step)
        ids, mask, labels = (batch[k].numpy() for k in ("input_ids", "attention_mask", "labels"))
        chosen = labels != -100
        whole = np.where(chosen, labels, ids)
        assert (whole[:, 0] == BOS).all()
        assert ((whole == EOS).sum(1) == ends).all()
        assert (whole[mask == 0] == PAD).all()
        assert not (chosen & ((mask == 0) | (whole == BOS) | (whole == EOS))).any()
        for row, keep, number in zip(whole, mask, make.sampler(step)[1], strict=True):
            english, text = stores[kind].pair(int(number))
            parts = np.split(row[keep == 1], np.flatnonzero(row[keep == 1] == EOS))[:ends]
            found = sorted(part[1:].tolist() for part in parts)
            assert found == sorted(t.tolist() for t in (english, text) if len(t))
        shares.append(chosen.sum() / (mask.sum() - (1 + ends) * len(ids)))
        fates.append((ids[chosen] == size - 1).mean())
    assert np.mean(shares) == pytest.approx(0.3, abs=0.05)
    assert np.mean(fates) == pytest.approx(0.8, abs=0.06)
    assert torch.equal(
        make(2)["input_ids"], MaskedBatches(parsed, phase, stores, 170)(2)["input_ids"]
    )


def test_layers_that_start_as_nothing_rank_as_the_table_alone(
    parsed: Any, stores: dict[str, PairStore]
) -> None:
    torch.manual_seed(0)
    encoder = transformers.ModernBertModel(encoder_config(parsed, 170)).eval()
    phase = Ranking(kinds={"parallel": 1.0})
    batch = RankingBatches(phase, stores, 0.5, 0)(0)
    losses = {}
    for started in (False, True):
        if started:
            _start_as_identity(encoder)
        with torch.no_grad():
            table, layers = (
                Ranker(encoder, phase, 0, table_alone=alone)(**batch)["loss"]
                for alone in (True, False)
            )
        losses[started] = float((table - layers).abs())
    assert losses[True] < 1e-4 < losses[False]


def test_what_is_saved_is_the_mean_of_the_encoder_s_states(parsed: Any, tmp_path: Path) -> None:
    make_tokenizer(tmp_path / "words")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "words")
    torch.manual_seed(0)
    model = transformers.ModernBertModel(encoder_config(parsed, 170)).eval()
    save_encoder(model, tokenizer, tmp_path / "out", parsed)
    vectors = lusifer.load(tmp_path / "out").encode(TEXTS)
    with torch.no_grad():
        plain = [
            model.float()(torch.tensor([tokenizer(t)["input_ids"]])).last_hidden_state[0].mean(0)
            for t in TEXTS
        ]
    expected = torch.nn.functional.normalize(torch.stack(plain), dim=-1).numpy()
    assert (vectors * expected).sum(1).min() > 0.995
    assert not (tmp_path / "out" / ".base").exists()
    with pytest.raises(ValueError, match="nothing to train: name at least one of the phases"):
        replace(parsed, warm=None, masking=None, ranking=None)
