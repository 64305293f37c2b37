"""What a table is taught by: nested sizes, a teacher's vectors, and the same rows on any number of
processes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from lusifer.data.sources import Source
from lusifer.errors import ConfigError
from lusifer.training.corpus import Data
from lusifer.training.losses.margin import margin_ranking
from lusifer.training.pair_store import PairStore
from lusifer.training.ranking import Ranking, RankingBatches
from lusifer.training.teaching import (
    Objective,
    TaughtBatches,
    VectorTeacher,
    check,
    stride,
    teach,
)
from tests.conftest import TEXTS, make_tokenizer


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


def test_the_loss_is_the_sum_of_the_sizes_and_of_the_teacher_s_cosines() -> None:
    torch.manual_seed(0)
    english, text, due = torch.randn(8, 6), torch.randn(8, 6), torch.randn(8, 4)
    keys = {"english_key": torch.arange(8), "text_key": torch.arange(8)}
    phase = Ranking()
    teacher = VectorTeacher("x", cosine=0.5, ranking=0.0)
    made = Objective(phase, (3,), 8, teacher, 6, 4)
    plain = sum(
        margin_ranking(english[:, :size], text[:, :size], phase.temperature, phase.margin)
        for size in (6, 3)
    )
    torch.testing.assert_close(made(english, text, keys), plain)
    assert made.to_teacher is not None
    taught = sum(
        0.5 * (1 - F.cosine_similarity(made.to_teacher(side), due)).mean()
        for side in (english, text)
    )
    torch.testing.assert_close(made(english, text, keys | {"teacher": due}), plain + taught)


def test_each_row_gets_the_teacher_s_vector_of_its_own_english(tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    rows = [(lang, t, t[::-1]) for t in TEXTS for lang in ("fra_Latn", "arb_Arab")]
    stores = {"parallel": PairStore.build(tokenizer, rows, 24)}
    ranking = RankingBatches(Ranking(kinds={"parallel": 1.0}), stores, 0.5, 1, framed=False)
    vectors = np.arange(len(TEXTS), dtype=np.float16)[:, None]
    batch = TaughtBatches(ranking, {"parallel": vectors})(2)
    for ids, mask, number in zip(
        batch["english_ids"], batch["english_mask"], batch["teacher"][:, 0], strict=True
    ):
        own = tokenizer.encode(TEXTS[int(number)], add_special_tokens=False).ids[:24]
        assert ids[mask == 1].tolist() == own
    assert "teacher" not in TaughtBatches(ranking, {})(2)


def test_files_that_changed_since_they_were_prepared_are_told(tmp_path: Path) -> None:
    make_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    (tmp_path / "p.tsv").write_text("deu_Latn\tsea\tMeer\ndeu_Latn\triver\tFluss\n", "utf-8")
    data = Data(str(tmp_path), (Source(("p.tsv",), ("language", "english", "text")),))
    stores = {"parallel": PairStore.build(tokenizer, [("deu_Latn", "sea", "Meer")], 24)}
    with pytest.raises(ConfigError, match=r"out/prepared: made from other files .* --restart$"):
        teach(VectorTeacher("x"), data, stores, "out")
    assert teach(None, data, stores, "out") == {}


@pytest.mark.parametrize(
    ("nested", "few", "kinds", "said"),
    [
        ((16,), 4, ("parallel",), "between 1 and dim - 1, 15; not"),
        ((0,), 4, ("parallel",), "between 1 and dim - 1"),
        ((8,), 0, ("parallel",), "few is 0"),
        ((8,), 4, ("monolingual",), "not monolingual"),
        ((8,), 4, ("lexicon",), "the teacher has no vector of these"),
    ],
)
def test_what_cannot_be_taught_is_named(
    nested: tuple[int, ...], few: int, kinds: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        check(VectorTeacher("x", kinds=kinds), nested, few, Ranking(bundle=3), 16)
    check(VectorTeacher("x", kinds=("parallel",)), (8,), 4, Ranking(bundle=3), 16)
