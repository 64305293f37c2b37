"""What a static table is learnt from: rows that share spellings, lexicon pairs put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from lusifer.train.pairs import PairStore
from lusifer.train.ranking import Ranking, RankingBatches
from lusifer.train.substrings import Substrings
from tests.conftest import TEXTS, make_tokenizer

TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<0x41>", "▁", "▁stations", "▁station", "stat", "ion", "s", "at", "<mask>"]


WORDS = sorted({word.strip(".,?!").lower() for text in TEXTS for word in text.split()} - {"the", "a"})


def parts(token: str) -> set[str]:
    """The naive way: all pieces of two characters or more within a token."""
    if token.startswith("<"):
        return set()
    return {piece for piece in TOKENS if piece in token and piece != token and len(piece) >= 2 and piece[0] != "<"}


def test_a_row_is_the_sum_of_the_pieces_within_its_spelling() -> None:
    made = Substrings(TOKENS, 2)
    table = torch.randn(len(TOKENS), 4, dtype=torch.float64)
    chosen = np.array([6, 7, 8, 0, 4, 6])
    for row, token in zip(made.rows(table, chosen), chosen, strict=True):
        inside = [TOKENS.index(piece) for piece in sorted(parts(TOKENS[token]))]
        expected = table[token] + sum(table[i] for i in inside) * max(len(inside), 1) ** -0.5
        torch.testing.assert_close(row, expected, rtol=1e-6, atol=1e-6)
    assert parts("▁stations") == {"▁station", "stat", "ion", "at"}
    assert len(made.rows(table, np.zeros(0, dtype=np.int64))) == 0


def test_what_was_seen_within_a_token_was_learnt() -> None:
    made = Substrings(TOKENS, 2)
    learnt = made.learnt(np.array([token == "▁station" for token in TOKENS]))
    assert {token for token, known in zip(TOKENS, learnt, strict=True) if known} == {"▁station", "stat", "ion", "at"}


@pytest.mark.parametrize("bundle", [1, 3])
def test_lexicon_pairs_are_put_together_within_a_language(bundle: int, tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rows = [(lang, f"{w} {v}", f"{v} {w}") for lang in ("deu_Latn", "fra_Latn") for w in WORDS[:20] for v in WORDS[:16]]
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
            for group, ids, mask in zip(groups, batch[f"{name}_ids"], batch[f"{name}_mask"], strict=True):
                whole = np.concatenate([stores["lexicon"].pair(int(row))[side] for row in group])
                assert ids[mask == 1].tolist() == whole.tolist()
    assert sizes == set(range(1, bundle + 1))


def test_equal_bundles_have_equal_keys_and_others_do_not(tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    english, text = WORDS[:8], WORDS[8:16]
    rows = [("deu_Latn", "the", word) for word in english] + [("fra_Latn", word, "a") for word in text]
    stores = {"lexicon": PairStore.build(tokenizer, rows, 24)}
    batches = RankingBatches(Ranking(kinds={"lexicon": 1.0}), stores, 0.7, 3, framed=False)
    batch = batches.batch(0, "lexicon", np.arange(16))
    assert len(set(batch["english_key"][:8].tolist())) == 1
    assert len(set(batch["english_key"].tolist())) == 9
    assert len(set(batch["text_key"][8:].tolist())) == 1
    assert len(set(batch["text_key"].tolist())) == 9
