"""What a static table is learnt from: rows that share spellings, lexicon pairs put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches
from lusifer.training.substrings import Substrings
from lusifer.training.teaching import stride
from tests.conftest import TEXTS, make_tokenizer

TOKENS = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "<0x41>",
    "▁",
    "▁stations",
    "▁station",
    "stat",
    "ion",
    "s",
    "at",
    "<mask>",
]


WORDS = sorted(
    {word.strip(".,?!").lower() for text in TEXTS for word in text.split()} - {"the", "a"}
)


def parts(token: str) -> set[str]:
    """The naive way: all pieces of two characters or more within a token."""
    if token.startswith("<"):
        return set()
    return {
        piece
        for piece in TOKENS
        if piece in token and piece != token and len(piece) >= 2 and piece[0] != "<"
    }


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
    assert {token for token, known in zip(TOKENS, learnt, strict=True) if known} == {
        "▁station",
        "stat",
        "ion",
        "at",
    }


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


def test_a_stride_leaves_each_process_the_same_rows() -> None:
    for rows in (8, 64, 1544, 2048):
        every = stride(rows, 512)
        assert every == 1 or rows // every >= 512
        for world in (2, 4, 8):
            own = np.split(np.arange(rows), world)
            assert np.concatenate([part[::every] for part in own]).tolist() == list(
                range(0, rows, every)
            )
    assert stride(2048, 512) == 4
    assert stride(13, 4) == 1
