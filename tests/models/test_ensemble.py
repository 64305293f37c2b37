"""An ensemble's cosines are its members' weighted mean; what is saved is read again, and told apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lusifer
from lusifer.errors import ModelError
from lusifer.models.ensemble import EnsembleEmbedder, join
from lusifer.models.load import LoadedModel
from tests.conftest import TEXTS, make_table


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("members")
    return [make_table(folder / f"m{seed}", seed) for seed in (0, 1)]


def test_cosines_are_the_weighted_mean(tables: list[Path]) -> None:
    members = [lusifer.load(str(table)) for table in tables]
    made = EnsembleEmbedder(members, [3, 1])
    vectors = made.encode(TEXTS)
    one, two = (member.encode(TEXTS) for member in members)
    np.testing.assert_allclose(
        vectors @ vectors.T, 0.75 * one @ one.T + 0.25 * two @ two.T, atol=1e-5
    )
    assert made.dim == one.shape[1] + two.shape[1]
    assert made.max_tokens == min(member.max_tokens for member in members)


def test_average_of_different_sizes() -> None:
    short, long = np.eye(2, dtype=np.float32), np.eye(3, dtype=np.float32)[:2]
    np.testing.assert_allclose(join([short, long], [2, 1], "average"), [[3, 0, 0], [0, 3, 0]])


def test_saved_and_read(tables: list[Path], tmp_path: Path) -> None:
    for how in ("concatenate", "average"):
        folder = lusifer.ensemble(tables, tmp_path / how, how=how, weights=[2, 1])  # type: ignore[arg-type]
        members = [lusifer.load(str(table)) for table in tables]
        expected = EnsembleEmbedder(members, [2, 1], how).encode(TEXTS)  # type: ignore[arg-type]
        np.testing.assert_array_equal(lusifer.load(str(folder)).encode(TEXTS), expected)
    other = lusifer.ensemble(tables, tmp_path / "other", weights=[1, 1])
    assert LoadedModel.load(str(other)).hash != LoadedModel.load(str(tmp_path / "concatenate")).hash


def test_a_projection_keeps_most(tables: list[Path], tmp_path: Path) -> None:
    folder = lusifer.ensemble(tables, tmp_path / "p", how="project", dimensions=12, texts=TEXTS)
    model = lusifer.load(str(folder))
    assert model.dim == 12
    whole = EnsembleEmbedder([lusifer.load(str(table)) for table in tables], [1, 1]).encode(TEXTS)
    centred = whole - whole.mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    kept = model.encode(TEXTS)
    assert np.corrcoef((kept @ kept.T).ravel(), (centred @ centred.T).ravel())[0, 1] > 0.9


def test_prompts_are_each_members_own(tables: list[Path]) -> None:
    class Asked:
        dim, max_tokens = 2, 8

        def __init__(self, prompts: dict[str, str]) -> None:
            self.prompts, self.seen = prompts, list[str | None]()

        def encode(self, texts: list[str], *, prompt: str | None = None) -> np.ndarray:
            self.seen.append(prompt)
            return np.tile(np.array([[1, 0]], dtype=np.float32), (len(texts), 1))

    one, two = Asked({"query": "q: "}), Asked({})
    made = EnsembleEmbedder([one, two], [1, 1])
    made.encode(["a"], prompt="query")
    made.encode(["a"])
    assert (one.seen, two.seen) == (["query", None], [None, None])


def test_damaged_or_changed(tables: list[Path], tmp_path: Path) -> None:
    folder = lusifer.ensemble(tables, tmp_path / "e")
    config = json.loads((folder / "ensemble.json").read_text())
    for change, said in (
        ({"how": "magic"}, "no ensemble's configuration"), ({"members": config["members"][:1]}, "no ensemble's configuration"),
        ({"members": [{**config["members"][0], "hash": "0" * 64}, config["members"][1]]}, "has changed since"), ({"how": "project"}, "cannot be read"),
    ):  # fmt: skip
        (folder / "ensemble.json").write_text(json.dumps(config | change))
        with pytest.raises(ModelError, match=said):
            lusifer.load(str(folder))
