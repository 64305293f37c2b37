"""Batches of translation ranking: bundles within a language, keys equal for equal texts, and a share
of each row's tokens.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches, mixed, sampled_tokens
from tests.conftest import TEXTS, make_tokenizer

WORDS = sorted(
    {word.strip(".,?!").lower() for text in TEXTS for word in text.split()} - {"the", "a"}
)


@pytest.mark.parametrize("bundle", [1, 3])
def test_lexicon_pairs_are_put_together_within_a_language(bundle: int, tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rows = [
        (lang, f"{w} {v}", f"{v} {w}")
        for lang in ("deu_Latn", "fra_Latn")
        for w in WORDS[:20]
        for v in WORDS[:16]
    ]
    stores = {"lexicon": PairStore.build(tokenizer, rows, 24)}
    phase = Ranking(batch_tokens=4096, max_rows=64, bundle=bundle, kinds={"lexicon": 1.0})
    batches = RankingBatches(phase, stores, 0.7, 3, framed=False)
    sizes = set()
    for step in range(6):
        kind, drawn = batches.sampler(step)
        kept, starts = batches.bundles(step, kind, drawn)
        assert len(starts) <= 64
        assert len(starts) % 8 == 0
        assert starts[0] == 0
        assert len(np.unique(kept)) == len(kept)
        assert set(kept) <= set(drawn)
        groups = np.split(kept, starts[1:])
        sizes |= {len(g) for g in groups}
        assert all(len(set(stores["lexicon"].language[g])) == 1 for g in groups)
        batch = batches.batch(step, kind, drawn)
        for side, name in enumerate(("english", "text")):
            for group, ids, mask in zip(
                groups, batch[f"{name}_ids"], batch[f"{name}_mask"], strict=True
            ):
                whole = np.concatenate([stores["lexicon"].pair(int(row))[side] for row in group])
                assert ids[mask == 1].tolist() == whole.tolist()
    assert sizes == set(range(1, bundle + 1))


def test_equal_bundles_have_equal_keys_and_others_do_not(tmp_path: Path) -> None:
    """English texts 0 to 7 recur: bundles of equal sums, 3 + 5 and 4 + 4, are still different."""
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rows = [("deu_Latn", WORDS[i % 8], WORDS[8 + i % 5]) for i in range(160)]
    stores = {"lexicon": PairStore.build(tokenizer, rows, 24)}
    batches = RankingBatches(
        Ranking(bundle=3, kinds={"lexicon": 1.0}), stores, 0.7, 3, framed=False
    )
    kept, starts = batches.bundles(0, "lexicon", np.arange(160))
    batch = batches.batch(0, "lexicon", np.arange(160))
    for name, values in (
        ("english", stores["lexicon"].source),
        ("text", stores["lexicon"].text_hash),
    ):
        bags = [tuple(sorted(values[group].tolist())) for group in np.split(kept, starts[1:])]
        assert len(set(bags)) < len(bags), "some bundles are equal"
        keys = batch[f"{name}_key"].tolist()
        assert [[a == b for b in bags] for a in bags] == [[a == b for b in keys] for a in keys]


def test_a_batch_is_framed_cut_and_the_same_each_time(tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    stores = {"parallel": PairStore.build(tokenizer, [("tha_Thai", t, t[::-1]) for t in TEXTS], 96)}
    phase = Ranking(max_tokens=5, kinds={"parallel": 1.0})
    batch = RankingBatches(phase, stores, 0.5, 3)(7)
    again = RankingBatches(phase, stores, 0.5, 3)(7)
    assert all(torch.equal(batch[name], again[name]) for name in batch)
    for name in ("english", "text"):
        ids, mask = batch[f"{name}_ids"], batch[f"{name}_mask"]
        assert (mask.sum(1) <= 7).all()
        assert (ids[:, 0] == 0).all()
        assert (ids[torch.arange(len(ids)), mask.sum(1) - 1] == 2).all()


def test_a_share_of_the_tokens_is_kept_and_never_none_of_them() -> None:
    mask = (torch.arange(40) < torch.arange(1, 33)[:, None]).long()
    kept = sampled_tokens(mask, 0.5, torch.Generator().manual_seed(0))
    assert (kept <= mask).all()
    assert (kept.sum(1) >= 1).all()
    assert 0.35 < float(kept.sum() / mask.sum()) < 0.65
    none = sampled_tokens(mask, 0.0, torch.Generator().manual_seed(0))
    assert torch.equal(none, mask), "a row of which no token was drawn keeps all"


def test_numbers_stay_apart_when_mixed() -> None:
    numbers = np.concatenate([np.arange(-500, 500), [2**62, -(2**63)]])
    found = mixed(numbers)
    assert found.dtype == np.int64
    assert len(np.unique(found)) == len(numbers)
    assert found[3] + found[5] != found[4] + found[4]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bundle": 0}, "bundle is 0"),
        ({"kinds": {"monolingual": 1.0}}, "not monolingual: 1.0"),
        ({"kinds": {"parallel": -1.0}}, "not parallel: -1.0"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Ranking(**wrong)  # type: ignore[arg-type]
