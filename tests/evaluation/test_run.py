"""Results are kept by model, files and settings; an interrupted run goes on, embeds nothing twice,
and ends the same.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lusifer.encoding import cache as vectors
from lusifer.encoding.cache import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation import run as runs
from lusifer.evaluation.catalog import chosen_tasks
from lusifer.evaluation.outcomes import read_outcomes
from lusifer.models.load import LoadedModel
from tests.evaluation.oracle import Oracle, write_suite

SOME = chosen_tasks(["tatoeba", "sts17", "sib200", "titles"])
MGSM = chosen_tasks(["mgsm"])


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    return write_suite(tmp_path / "suite")


def named(model: Oracle, weights: str = "1" * 64) -> LoadedModel:
    return LoadedModel("some/where/model", weights, model)


def test_what_is_kept_is_not_computed_again(suite: Path, tmp_path: Path) -> None:
    first = runs.run(named(Oracle()), suite, tmp_path / "results", SOME)
    idle = Oracle()
    again = runs.run(named(idle), suite, tmp_path / "results", SOME)
    assert idle.seen == []
    assert all(o.reused for o in again)
    assert [o.scores for o in again] == [o.scores for o in first]
    for a, b in zip(first, again, strict=True):
        for x, y in zip(a.measured, b.measured, strict=True):
            np.testing.assert_allclose(x.values.astype(np.float32), y.values)
            assert x.statistic == y.statistic
    (folder,) = (p for p in (tmp_path / "results").iterdir() if p.is_dir())
    assert folder.name == "where-model-11111111"
    assert not (folder / "vectors").exists()


def test_other_weights_files_languages_and_anchors_are_other_results(
    suite: Path, tmp_path: Path
) -> None:
    def seen(
        model: LoadedModel,
        languages: Sequence[str] | None = None,
        anchor: LoadedModel | None = None,
    ) -> int:
        runs.run(model, suite, tmp_path / "results", chosen_tasks(["tatoeba"]), languages, anchor)
        assert isinstance(model.embedder, Oracle)
        return len(model.embedder.seen)

    assert seen(named(Oracle()))
    assert not seen(named(Oracle()))
    assert seen(named(Oracle(), "2" * 64)), "two models never share scores"
    other = Oracle()
    other.prompts = {"query": "find: "}
    assert seen(named(other)), "the same weights with other prompts are another model"
    assert seen(named(Oracle()))
    assert seen(named(Oracle()), ["de"], named(Oracle(), "3" * 64))
    assert seen(named(Oracle()), ["de"], named(Oracle(), "4" * 64)), "another anchor"
    file = suite / "bitext_eval/tatoeba.tsv.xz"
    file.write_bytes(
        lzma.compress(lzma.decompress(file.read_bytes()) + b"deu_Latn\tx\tenglish #k\tmore #k\n")
    )
    assert seen(named(Oracle()), ["de"], named(Oracle(), "4" * 64)), "another file"


@pytest.mark.parametrize("absent", ["yo", "yor", "yor_Latn", "zu", "tha_Thai"])
def test_a_language_that_no_task_has_is_told_before_anything_is_embedded(
    suite: Path, tmp_path: Path, absent: str
) -> None:
    model = Oracle()
    with pytest.raises(LusiferError, match="no task asked for has the language"):
        runs.run(
            named(model),
            suite,
            tmp_path / "results",
            chosen_tasks(["tatoeba"]),
            ["deu", absent],
        )
    assert model.seen == []
    assert not (tmp_path / "results").exists()


def test_some_languages_of_a_whole_result_are_taken_from_it(suite: Path, tmp_path: Path) -> None:
    runs.run(named(Oracle()), suite, tmp_path / "results", SOME)
    idle = Oracle()
    some = runs.run(named(idle), suite, tmp_path / "results", SOME, ["de", "es"])
    assert idle.seen == []
    fresh = runs.run(named(Oracle()), suite, tmp_path / "fresh", SOME, ["de", "es"])
    assert [o.scores for o in some] == [o.scores for o in fresh]
    again = Oracle()
    runs.run(named(again), suite, tmp_path / "results", SOME)
    assert again.seen == [], "the whole result is still there"


def test_languages_asked_for_one_after_another_do_not_write_over_each_other(
    suite: Path, tmp_path: Path
) -> None:
    """And none is measured twice."""
    results, tasks = tmp_path / "results", chosen_tasks(["xquad", "sib200", "tatoeba"])
    runs.run(named(Oracle()), suite, results, tasks, ["deu_Latn"])
    model = Oracle()
    both = runs.run(named(model), suite, results, tasks, ["eng_Latn", "deu_Latn"])
    assert not any("foreign deu" in text for text in model.seen), "Tatoeba's German was known"
    fresh = runs.run(named(Oracle()), suite, tmp_path / "fresh", tasks, ["eng_Latn", "deu_Latn"])
    for one, other in zip(both, fresh, strict=True):
        assert sorted(one.scores, key=str) == sorted(other.scores, key=str)
    idle = Oracle()
    for names in (["deu_Latn"], ["eng_Latn"], ["deu_Latn", "eng_Latn"]):
        again = runs.run(named(idle), suite, results, tasks, names)
        assert all(outcome.reused for outcome in again)
    assert idle.seen == []
    (folder,) = results.iterdir()
    kept = {o.task: {s.language for s in o.scores} for o in read_outcomes(folder)}
    assert kept["sib200"] == {"eng_Latn", "deu_Latn"}
    whole = runs.run(named(Oracle()), suite, results, tasks)
    assert all(outcome.languages is None for outcome in whole)


def test_two_endpoints_never_share_scores(suite: Path, tmp_path: Path) -> None:
    for host in ("one", "two"):
        url, model = f"http://{host}:8000/v1", Oracle()
        runs.run(
            LoadedModel(url, url, model),
            suite,
            tmp_path / "results",
            MGSM,
            anchor=LoadedModel(url, url, Oracle()),
        )
        assert model.seen, host


class Dies(Oracle):
    """Fails after some texts, as a kill would."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        if len(self.seen) + len(texts) > self.after:
            raise KeyboardInterrupt
        return super().encode(texts, prompt=prompt)


@pytest.mark.parametrize("after", [0, 5, 20, 40, 60])
def test_resumed_is_uninterrupted(
    suite: Path, tmp_path: Path, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "BLOCK", 3)
    whole = Oracle()
    expected = runs.run(named(whole), suite, tmp_path / "whole", SOME)
    broken, rest = Dies(after), Oracle()
    with pytest.raises(KeyboardInterrupt):
        runs.run(named(broken), suite, tmp_path / "results", SOME)
    resumed = runs.run(named(rest), suite, tmp_path / "results", SOME)
    assert [o.scores for o in resumed] == [o.scores for o in expected]
    assert sorted(broken.seen + rest.seen) == sorted(whole.seen), "nothing is embedded twice"


def test_a_half_written_block_is_dropped(tmp_path: Path) -> None:
    texts = [f"text {c} #{c}" for c in "abcdef"]
    model = Oracle()
    expected = Encoder(model, tmp_path)(texts)
    for name, size in (("vectors.f32", 26 * 4 * 4 + 50), ("keys", 5 * 16 + 3)):
        with (tmp_path / name).open("r+b") as stream:
            stream.truncate(size)
    again = Oracle()
    np.testing.assert_array_equal(Encoder(again, tmp_path)(texts), expected)
    assert len(again.seen) == 2, "four whole rows were left"


def test_prompts_are_told_apart_and_unknown_ones_are_none(tmp_path: Path) -> None:
    model = Oracle()
    encoder = Encoder(model, tmp_path)
    for prompt in ("query", "document", "nonsense", None, "query"):
        assert encoder(["x #a", "x #a"], prompt).shape == (2, 26)
    assert model.seen == ["query:x #a", "document:x #a", "None:x #a"]


def test_a_damaged_result_is_told(suite: Path, tmp_path: Path) -> None:
    runs.run(named(Oracle()), suite, tmp_path / "results", MGSM)
    (folder,) = (p for p in (tmp_path / "results").iterdir() if p.is_dir())
    (folder / "mgsm.npz").write_bytes((folder / "mgsm.npz").read_bytes()[:40])
    with pytest.raises(
        LusiferError, match=r"mgsm\.json: is no result of `lusifer evaluate`, or damaged"
    ):
        runs.run(named(Oracle()), suite, tmp_path / "results", MGSM)
    kept = json.loads((folder / "mgsm.json").read_text())
    del kept["scores"]
    (folder / "mgsm.json").write_text(json.dumps(kept))
    with pytest.raises(LusiferError, match="delete it to have it made anew"):
        runs.run(named(Oracle()), suite, tmp_path / "results", MGSM)


def test_two_runs_do_not_write_one_folder(suite: Path, tmp_path: Path) -> None:
    class Second(Oracle):
        def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
            with pytest.raises(LusiferError, match="another run is writing it"):
                runs.run(named(Oracle()), suite, tmp_path / "results", MGSM)
            return super().encode(texts, prompt=prompt)

    runs.run(named(Second()), suite, tmp_path / "results", MGSM)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("out/minilm/model", "minilm-model"),
        ("intfloat/e5-small", "e5-small"),
        ("default", "default"),
        ("http://h:1/v1", "v1"),
        ("/a/b c", "b-c"),
    ],
)
def test_folders_are_called_after_models(name: str, folder: str) -> None:
    assert runs.slug(name) == folder
