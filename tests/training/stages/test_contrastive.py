"""The contrastive stage on an encoder: what it makes loads anywhere, learns what it is shown, and refuses
wrong recipes in one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
import yaml
from sentence_transformers import SentenceTransformer

import lusifer
from lusifer.errors import ConfigError, DataError, LusiferError, ModelError
from lusifer.models.hub import weights_hash
from lusifer.training import stage
from lusifer.training.run import load_recipe, plan, train
from lusifer.training.stages import contrastive
from tests.conftest import TEXTS, make_tokenizer

Folder = Callable[[str], Path]
CONTRAST = "[{kind: info_nce, temperature: 0.1, mask: null}]"


@pytest.fixture
def recipe(tmp_path: Path, model_folder: Folder) -> Path:
    """Questions that have nothing to do with their passages."""
    rows = [
        {"query": f"{TEXTS[i - 3]}?", "document": text, "negative": TEXTS[i - 5] + "."}
        for i, text in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    document: dict[str, Any] = {
        "stage": "contrastive",
        "output": str(tmp_path / "out"),
        "base": str(model_folder("bert")),
        "data": {
            "root": str(tmp_path),
            "sources": [{"files": ["pairs.jsonl"], "columns": ["query", "document", "negative"]}],
        },
        "prompts": {"query": "Q: ", "document": "D: "},
        # An untrained model: what scores high is no false negative.
        "loss": [{"kind": "info_nce", "temperature": 0.1, "mask": None}],
        "matryoshka": [16],
        "batch_size": 8,
        "optim": {"steps": 90, "lr": 1e-2, "save_every": 90, "workers": 0, "precision": "fp32"},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    return tmp_path / "recipe.yaml"


def test_it_finds_what_it_was_shown_at_every_size_and_loads_anywhere(recipe: Path) -> None:
    folder = train(recipe)
    ours, theirs = lusifer.load(folder), SentenceTransformer(str(folder), device="cpu")
    assert theirs.prompts == {"query": "Q: ", "document": "D: "}
    rows = [
        json.loads(line)
        for line in (recipe.parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    queries = ours.encode([r["query"] for r in rows], prompt="query")
    passages = ours.encode([r["document"] for r in rows], prompt="document")
    np.testing.assert_allclose(
        queries,
        theirs.encode_query([r["query"] for r in rows], normalize_embeddings=True),
        atol=1e-5,
    )
    for size in (ours.dim, 16):
        x, y = (
            v[:, :size] / np.linalg.norm(v[:, :size], axis=1, keepdims=True)
            for v in (queries, passages)
        )
        assert ((x @ y.T).argmax(1) == np.arange(len(x))).mean() > 0.9


def test_matryoshka_is_on_and_off_as_the_recipe_says(recipe: Path) -> None:
    parsed = load_recipe(recipe)
    loss = contrastive.make_loss(parsed, lusifer.sentence_transformer(parsed.base))
    assert list(loss.matryoshka_dims) == [32, 16]
    plain = load_recipe(recipe, ["matryoshka=[]"])
    assert isinstance(
        contrastive.make_loss(plain, lusifer.sentence_transformer(plain.base)),
        contrastive.ContrastiveLoss,
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["loss.0.temperature=0"], "temperature must be above 0"),
        (["prompts={passage: x}"], "prompts are for query and document, not passage"),
        (["batch_size=17"], "pairs.jsonl holds 16 rows, fewer than a batch of 17"),
        (["matryoshka=[64]"], "matryoshka names 64; sizes are from 1 to below the model's 32"),
        (["mixing.homogeneous=3"], "mixing.homogeneous is a share"),
        (["mini_batch_tokens=0"], "mini_batch_tokens must be at least 1"),
        (["negatives=-1"], "negatives must be 0 or more"),
        (["loss=[{kind: scores}]"], "needs a column 'scores'"),
        (["loss=[{kind: scores, temperature: 0}]"], "temperatures are above 0"),
        (["loss=[{kind: scores, weight: 0}]"], "a loss's weight is above 0"),
        (["loss=[]"], "each once; not none"),
        (["loss=[{kind: info_nce}, {kind: info_nce}]"], "each once; not info_nce, info_nce"),
        (["loss=[{kind: triplet}]"], "info_nce, cosent, scores"),
        (["negatives=0", "loss=[{kind: scores}]"], "negatives is 0"),
        (["base=null"], "name a base to go on from, or a bridge to make"),
        (["train=queries"], "goes without matryoshka"),
        (["adapter={name: a}"], "adapter wants lora"),
        (["adapter={name: a/b}", "lora={}"], "make a name"),
        (["matryoshka=[]", "matryoshka_layers=1"], "goes with matryoshka"),
    ],
)
def test_a_wrong_recipe_is_one_line(recipe: Path, changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        train(recipe, changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["matryoshka=[64]"], "matryoshka names 64; sizes are from 1 to below the model's 32"),
        (["language=de_DE"], "has no language modules"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would(recipe: Path, changes: list[str], said: str) -> None:
    for refused in (plan, train):
        with pytest.raises(LusiferError, match=said):
            refused(recipe, changes)


def test_what_is_no_pair_is_left_out_and_counted(
    recipe: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = recipe.parent / "pairs.jsonl"
    bad = [
        {"query": "same", "document": "same", "negative": "n"},
        {"query": "q", "document": "d", "negative": "d"},
    ]
    file.write_text(
        file.read_text(encoding="utf-8") + "".join(json.dumps(row) + "\n" for row in bad),
        encoding="utf-8",
    )
    parsed = load_recipe(recipe)
    (rows,) = contrastive.read(parsed, recipe.parent / "prepared")
    assert len(rows) == len(TEXTS)
    assert "2 of 18 rows are left out" in caplog.text


def vectors(model: SentenceTransformer | str, texts: list[str], side: str) -> np.ndarray:
    model = SentenceTransformer(model, device="cpu") if isinstance(model, str) else model
    made = model.encode_query if side == "query" else model.encode_document
    return np.asarray(made(texts, normalize_embeddings=True))


def test_lora_trains_adapters_alone_and_folds_them_in(
    recipe: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    real = contrastive.fold_lora

    def fold(model: Any) -> None:
        seen["trained"] = {name for name, p in model.named_parameters() if p.requires_grad}
        seen["before"] = model.encode(TEXTS, normalize_embeddings=True)
        real(model)
        seen["after"] = model.encode(TEXTS, normalize_embeddings=True)

    monkeypatch.setattr(contrastive, "fold_lora", fold)
    changes = ["lora={rank: 8, alpha: 16, dropout: 0.0}", "matryoshka=[]", "optim.steps=15"]
    folder = train(recipe, changes)
    assert all("lora_" in name for name in seen["trained"])
    np.testing.assert_allclose(seen["before"], seen["after"], atol=1e-5)
    plain = SentenceTransformer(str(folder), device="cpu")
    assert not any("lora_" in name for name, _ in plain.named_parameters())
    np.testing.assert_allclose(
        plain.encode(TEXTS, normalize_embeddings=True), seen["after"], atol=1e-5
    )
    base = SentenceTransformer(str(model_folder("bert")), device="cpu").state_dict()
    same = [name for name, value in plain.state_dict().items() if np.array_equal(value, base[name])]
    assert any("word_embeddings" in name for name in same)  # what has no adapter stays
    assert len(same) < len(base)


def test_a_stopped_lora_run_ends_the_same(recipe: Path) -> None:
    changes = ["lora={rank: 4}", "matryoshka=[]", "optim.steps=8", "optim.save_every=4"]
    whole = SentenceTransformer(
        str(train(recipe, [*changes, f"output={recipe.parent / 'whole'}"])), device="cpu"
    ).encode(TEXTS)

    class Stop(Exception):
        pass

    class Stopper(transformers.TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 6:
                raise Stop

    real = stage.run_phase
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            stage,
            "run_phase",
            lambda trainer, *more: (trainer.add_callback(Stopper()), real(trainer, *more)),
        )
        with pytest.raises(Stop):
            train(recipe, changes)
    again = SentenceTransformer(str(train(recipe, changes)), device="cpu").encode(TEXTS)
    np.testing.assert_array_equal(again, whole)


def test_queries_learn_while_documents_stay_where_the_base_put_them(
    recipe: Path, model_folder: Folder
) -> None:
    folder = train(
        recipe, ["matryoshka=[]", "train=queries", "prompts={query: 'Q: '}", "optim.steps=100"]
    )
    base, tuned = (
        SentenceTransformer(str(model_folder("bert")), device="cpu"),
        SentenceTransformer(str(folder), device="cpu"),
    )
    rows = [
        json.loads(line)
        for line in (recipe.parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    documents = [row["document"] for row in rows]
    old_index = base.encode(documents, normalize_embeddings=True)
    np.testing.assert_allclose(vectors(tuned, documents, "document"), old_index, atol=1e-6)
    ours = lusifer.load(folder)
    np.testing.assert_allclose(ours.encode(documents), old_index, atol=1e-5)
    queries = ours.encode([row["query"] for row in rows], prompt="query")
    np.testing.assert_allclose(
        queries, vectors(tuned, [row["query"] for row in rows], "query"), atol=1e-5
    )
    assert ((queries @ old_index.T).argmax(1) == np.arange(len(rows))).mean() > 0.8
    assert len({weights_hash(folder), weights_hash(model_folder("bert"))}) == 2
    before = base.encode([row["query"] for row in rows], normalize_embeddings=True)
    assert ((before @ old_index.T).argmax(1) == np.arange(len(rows))).mean() < 0.4


def with_scores(recipe: Path, scores: list[list[float]]) -> list[str]:
    file = recipe.parent / "pairs.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    file.write_text(
        "".join(
            json.dumps(row | {"scores": s}) + "\n" for row, s in zip(rows, scores, strict=True)
        ),
        encoding="utf-8",
    )
    document = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    document["data"]["sources"][0]["columns"].append("scores")
    recipe.write_text(yaml.safe_dump(document), encoding="utf-8")
    return ["matryoshka=[]", "batch_size=8"]


def test_a_teacher_s_ranking_is_learnt(recipe: Path) -> None:
    """The teacher likes the given negative of every other row better than its document."""
    changes = with_scores(recipe, [[0.0, 4.0] if i % 2 else [4.0, 0.0] for i in range(16)])
    folder = train(
        recipe,
        [*changes, f"loss={CONTRAST[:-1]}, {{kind: scores, weight: 20, own_temperature: 0.1}}]"],
    )
    model = lusifer.load(folder)
    rows = [
        json.loads(line)
        for line in (recipe.parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    queries = model.encode([r["query"] for r in rows], prompt="query")
    gap = [
        (queries * model.encode([r[side] for r in rows], prompt="document")).sum(1)
        for side in ("document", "negative")
    ]
    assert ((gap[0] > gap[1]) == (np.arange(16) % 2 == 0)).mean() > 0.9


@pytest.mark.parametrize(
    ("scores", "said"),
    [([1.0], "1 scores; a positive and 1 negatives want 2"), ([1.0, float("nan")], "finite")],
)
def test_bad_scores_are_one_line(recipe: Path, scores: list[float], said: str) -> None:
    changes = with_scores(recipe, [scores] + [[1.0, 0.0]] * 15)
    with pytest.raises(DataError, match=said) as error:
        train(recipe, [*changes, "loss=[{kind: scores}]"])
    assert error.value.line == 1


def test_two_dimensional_matryoshka_serves_with_fewer_layers(recipe: Path) -> None:
    folder = train(recipe, ["matryoshka_layers=1"])
    model = SentenceTransformer(str(folder), device="cpu")
    rows = [
        json.loads(line)
        for line in (recipe.parent / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    layers = model[0].auto_model.encoder.layer
    assert len(layers) == 2
    del layers[-1]
    x, y = (
        vectors(model, [r["query"] for r in rows], "query"),
        vectors(model, [r["document"] for r in rows], "document"),
    )
    assert ((x @ y.T).argmax(1) == np.arange(len(x))).mean() > 0.8


def test_language_modules_are_swapped_and_stay_as_they_are(
    recipe: Path, tmp_path: Path, model_folder: Folder
) -> None:
    torch.manual_seed(0)
    shape = transformers.XmodConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, max_position_embeddings=80,
        languages=["en_XX", "de_DE"], default_language="en_XX", pad_token_id=1, adapter_reduction_factor=2,
    )  # fmt: skip
    model = transformers.XmodModel(shape).eval()
    model.save_pretrained(tmp_path / "xmod")
    make_tokenizer(tmp_path / "xmod")
    english, german = (
        lusifer.load(tmp_path / "xmod", language=name).encode(TEXTS) for name in ("en_XX", "de_DE")
    )
    assert np.abs(english - german).max() > 1e-3
    changes = ["matryoshka=[]", "optim.steps=20", f"base={tmp_path / 'xmod'}", "language=en_XX"]
    folder = train(recipe, changes)
    before, after = model.state_dict(), transformers.XmodModel.from_pretrained(folder).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any("adapter_modules" in name or name.startswith("embeddings") for name in changed)
    assert (
        np.abs(
            lusifer.load(folder, language="de_DE").encode(TEXTS)
            - lusifer.load(folder).encode(TEXTS)
        ).max()
        > 1e-3
    )
    with pytest.raises(ModelError, match="its modules: en_XX, de_DE"):
        lusifer.load(folder, language="fr_XX")
    with pytest.raises(ModelError, match="has no language modules"):
        lusifer.load(model_folder("bert"), language="en_XX")


def test_an_adapter_a_task_is_chosen_by_the_prompt(
    recipe: Path, model_folder: Folder, tmp_path: Path
) -> None:
    """Two tasks want two different documents for the same queries; the backbone stays as it was."""
    base = lusifer.load(model_folder("bert"))
    lora = [
        "lora={rank: 16, alpha: 32, dropout: 0.0}",
        "matryoshka=[]",
        "optim.lr=5e-3",
    ]
    first = train(
        recipe,
        [
            *lora,
            "adapter={name: search, prompts: [query, document]}",
            "prompts={}",
            "optim.steps=120",
        ],
    )
    rows = [
        {"query": f"{TEXTS[i - 3]}?", "document": TEXTS[i - 7], "negative": TEXTS[i - 5] + "."}
        for i in range(8)
    ]
    (recipe.parent / "pairs.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    second = train(
        recipe,
        [
            *lora,
            "adapter={name: seven}",
            "optim.steps=300",
            "prompts={}",
            f"base={first}",
            f"output={tmp_path / 'second'}",
        ],
    )
    model = lusifer.load(second)
    assert dict(model.adapters) == {"query": "search", "document": "search", "seven": "seven"}  # type: ignore[attr-defined]
    queries = [f"{TEXTS[i - 3]}?" for i in range(16)]
    np.testing.assert_allclose(model.encode(TEXTS), base.encode(TEXTS), atol=1e-6)
    found = (
        model.encode(queries, prompt="query") @ model.encode(TEXTS, prompt="document").T
    ).argmax(1)
    other = (model.encode(queries, prompt="seven") @ model.encode(TEXTS, prompt="seven").T).argmax(
        1
    )
    assert (found == np.arange(16)).mean() > 0.5
    assert (other == (np.arange(16) - 7) % 16)[:8].mean() > 0.5
    np.testing.assert_allclose(
        model.encode(TEXTS), base.encode(TEXTS), atol=1e-6
    )  # after adapters were on
    np.testing.assert_allclose(
        SentenceTransformer(str(second), device="cpu").encode(TEXTS, normalize_embeddings=True),
        base.encode(TEXTS),
        atol=1e-5,
    )
    assert len({weights_hash(folder) for folder in (first, second, model_folder("bert"))}) == 3
    (second / "adapters" / "seven" / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match="names the adapter 'seven'"):
        lusifer.load(second)


INSTRUCTED = (
    "data.sources=[{files: [pairs.jsonl], columns: [query, document, negative], task: xquad, "
    "prompts: {query: ['Find the answer: ', 'Which passage? ', '']}}, "
    "{files: [pairs.jsonl], columns: [query, document, negative]}]"
)


def test_each_source_has_its_own_instructions_and_the_model_keeps_them(recipe: Path) -> None:
    parsed = load_recipe(recipe, [INSTRUCTED, "matryoshka=[]", "mixing={homogeneous: 0.5}"])
    model = contrastive.starting_model(parsed)
    stores = contrastive.read(parsed, recipe.parent / "stores")
    batches = contrastive.make_batches(parsed, model, stores)
    seen: dict[int, set[str]] = {0: set(), 1: set()}
    for step in range(12):
        texts = model.tokenizer.batch_decode(
            batches(step)["query_input_ids"], skip_special_tokens=True
        )
        for (source, row), text in zip(batches.drawn(step), texts, strict=True):
            query = stores[source][row][0]
            plain = model.tokenizer.decode(
                model.tokenizer(query)["input_ids"], skip_special_tokens=True
            )
            assert text.endswith(plain)
            seen[source].add(text.removesuffix(plain).strip())
    assert len(seen[0]) == 3  # every instruction is drawn
    assert len(seen[1]) == 1  # the recipe's own
    again = contrastive.make_batches(parsed, model, stores)
    assert torch.equal(again(5)["query_input_ids"], batches(5)["query_input_ids"])
    folder = train(recipe, [INSTRUCTED, "matryoshka=[]", "optim.steps=2"])
    prompts = lusifer.load(folder).prompts
    assert prompts["xquad-query"] == "Find the answer: "
    assert prompts["query"] == "Q: "


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            ["{files: [pairs.jsonl], columns: [query, document], prompts: {passage: [a]}}"],
            "not passage",
        ),
        (
            ["{files: [pairs.jsonl], columns: [query, document], prompts: {query: []}}"],
            "one instruction or more",
        ),
        (["{files: [pairs.jsonl], columns: [query, document], task: xquad}"], "has none of"),
    ],
)
def test_wrong_instructions_are_one_line(recipe: Path, changes: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_recipe(recipe, [f"data.sources=[{changes[0]}]", "matryoshka=[]"])


def test_a_model_learns_from_texts_alone(recipe: Path, model_folder: Folder) -> None:
    """Two halves of a text are nearer to each other afterwards than to other texts' halves."""
    (recipe.parent / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    source = "data.sources=[{files: [texts.txt], columns: [text], views: crops}]"
    bare = ["matryoshka=[]", "prompts={}", "negatives=0"]
    made = lusifer.load(train(recipe, [source, *bare, "optim.steps=120"]))
    before = lusifer.load(str(model_folder("bert")))

    def right(model: Any) -> float:
        halves = [t.split() for t in TEXTS]
        first = model.encode([" ".join(w[: len(w) // 2 + 1]) for w in halves])
        second = model.encode([" ".join(w[len(w) // 2 - 1 :]) for w in halves])
        return float(((first @ second.T).argmax(1) == np.arange(16)).mean())

    assert right(made) > max(0.6, right(before))
    same = source.replace("crops", "same")
    assert train(recipe, [same, *bare, "optim.steps=3", f"output={recipe.parent / 's'}"]).is_dir()
    with pytest.raises(ConfigError, match="views: crops wants a column `text`"):
        load_recipe(recipe, ["data.sources.0.views=crops", *bare])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["balance=0.1", "matryoshka=[]"], "has no router"),
        (["reading={echo: true}"], "are for decoders"),
        (["matryoshka=[64]"], "sizes are from 1 to below"),
        (["base=static", "reading={pooling: cls}", "matryoshka=[]"], "reading is for transformers"),
    ],
)
def test_what_the_base_does_not_take_leaves_no_folder(
    recipe: Path, changes: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        train(recipe, changes)
    assert not (recipe.parent / "out").exists()
