"""The stages on tiny models: each learns, resumes to the bit, trains what it says and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

import lusifer
from lusifer.errors import ConfigError, DataError, LusiferError, ModelError
from lusifer.io.files import sha256
from lusifer.models import families
from lusifer.models.bridge import Bridge, BridgeConfig, Part
from lusifer.training import loop, output as run_output, stage as runner
from lusifer.training.distributed import frozen_in_blocks, shard_frozen
from lusifer.training.run import load_recipe, plan, stage_names, train
from lusifer.training.stages import align, contrastive
from tests.conftest import TEXTS, make_table
from tests.reshaping.test_trim import unigram
from tests.training.processes import command, together

Folder = Callable[[str], Path]
OPTIM = {"steps": 6, "lr": 1e-2, "save_every": 3, "log_every": 1, "workers": 0, "precision": "fp32"}


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Texts, pairs with negatives, and a lexicon."""
    (tmp_path / "texts.tsv").write_text(
        "".join(f"eng_Latn\t{t}\n" for t in TEXTS), encoding="utf-8"
    )
    pairs = [
        {
            "query": f"who {t[4:12]}?",
            "document": t,
            "negative": f"No, {TEXTS[i - 3]} {i}",
            "negative_2": f"Never, {TEXTS[i - 5]} {i}",
        }
        for i, t in enumerate(TEXTS)
    ]
    (tmp_path / "pairs.jsonl").write_text(
        "".join(json.dumps(p) + "\n" for p in pairs), encoding="utf-8"
    )
    (tmp_path / "lexicon.tsv").write_text(
        "deu_Latn\tstation\tBahnhof\nfra_Latn\twater\teau\n", encoding="utf-8"
    )
    foreign = "".join(f"deu_Latn\t{t}\t{t[::-1]}\n" for t in TEXTS)
    (tmp_path / "parallel.tsv").write_text(foreign, encoding="utf-8")
    return tmp_path


def stage_and_method(stage: str) -> dict[str, str]:
    """`distill map` as a recipe says it."""
    name, _, method = stage.partition(" ")
    return {"stage": name} | ({"method": method} if method in stage_names()[name] else {})


def recipe(stage: str, folder: Path, model_folder: Folder, **changes: Any) -> Path:
    """A recipe file for the stage."""
    target = "bert" if stage in ("distill bridge", "distill map") else "llama"
    bridge = {
        "encoder": {"base": str(model_folder("xlm-roberta")), "train": "lora"},
        "target": {"base": str(model_folder(target))},
        "connector": {"kind": "mlp", "tokens": 1},
        "max_tokens": 64,
    }
    texts = {
        "root": str(folder),
        "sources": [{"files": ["texts.tsv"], "columns": ["language", "text"]}],
    }
    document: dict[str, Any] = {
        **stage_and_method(stage),
        "output": str(folder / "out"),
        "batch_size": 4,
        "optim": OPTIM,
    }
    if stage == "distill bridge":
        lexicon = {
            "lexicon": [{"files": ["lexicon.tsv"], "columns": ["language", "english", "text"]}]
        }
        document |= {
            "bridge": bridge,
            "data": texts,
            "code_switch": lexicon,
            "token_dropout": 0.1,
            "loss": {"kl": 0.5},
        }
    elif stage == "align":
        document |= {
            "bridge": bridge,
            "data": {"root": str(folder), "reconstruct": texts["sources"], "complete": [PAIRS]},
        }
    elif stage == "contrastive of a bridge":
        document |= {
            "bridge": bridge | {"prompts": {"query": "Q: ", "document": "D: "}},
            "data": {"root": str(folder), "sources": [PAIRS], "english_only": True},
            "loss": [{"kind": "info_nce", "temperature": 0.05, "mask": None}],
        }
    elif stage == "contrastive":
        document |= {
            "base": str(model_folder("bert")),
            "data": {
                "root": str(folder),
                "sources": [
                    PAIRS,
                    PAIRS | {"columns": ["query", "document", "negative", "_"], "weight": 2},
                ],
            },
            "prompts": {"query": "Q: ", "document": "D: "},
            "loss": [
                {
                    "kind": "info_nce",
                    "directions": ["query_to_doc", "query_to_query", "doc_to_doc"],
                    "chunk": 3,
                }
            ],
            "mixing": {"homogeneous": 0.5},
            "matryoshka": [16, 8],
            "mini_batch_tokens": 40,
        }
    elif stage == "distill parallel":
        parallel = {
            "files": ["pairs.jsonl"],
            "columns": ["query", "document", "_", "_"],
            "rename": {"query": "english", "document": "text"},
        }
        document |= {
            "base": str(model_folder("modernbert")),
            "teacher": str(model_folder("bert")),
            "ranking": 0.5,
        }
        document |= {"data": {"root": str(folder), "sources": [parallel]}}
    elif stage == "distill vectors":
        del document["batch_size"]
        base = unigram(folder / "unigram")
        if not (folder / "vectors").exists():
            lusifer.encode(
                str(folder / "texts.tsv"),
                folder / "vectors",
                model=base,
                columns=["language", "text"],
                keep=["text"],
                shard_rows=6,
            )
        document |= {
            "start": {
                "base": str(base),
                "layers": [0, 2],
                "pieces": 120,
                "four_bits": True,
                "head": True,
            },
            "batch_tokens": 60,
        }
        document |= {"data": {"vectors": str(folder / "vectors")}}
    elif stage == "distill map":
        document |= {
            "encoder": str(model_folder("xlm-roberta")),
            "target": str(model_folder("bert")),
            "data": texts,
            "kind": "mlp",
        }
    elif stage == "pretrain causal":
        shape = {"hidden": 32, "layers": 2, "heads": 4, "intermediate": 48, "max_tokens": 64}
        document |= {
            "data": texts,
            "vocabulary": {"size": 310, "characters": 10_000},
            "shape": shape,
        }
    elif stage == "pretrain masked":
        del document["batch_size"], document["optim"]
        source = [{"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}]
        document |= {
            "data": {"root": str(folder), "parallel": source, "lexicon": source, "max_tokens": 24},
            "vocabulary": {"size": 330, "characters": 10_000},
            "shape": {"hidden": 32, "layers": 2, "heads": 4, "intermediate": 48, "max_tokens": 64},
            "warm": {"optim": OPTIM, "batch_tokens": 512},
            "masking": {"optim": OPTIM, "batch_tokens": 512},
            "ranking": {"optim": OPTIM, "batch_tokens": 512},
        }
    elif stage == "static table":
        del document["batch_size"], document["optim"]
        source = [{"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}]
        asked = [{"files": ["pairs.jsonl"], "columns": ["query", "document"]}]
        document |= {
            "data": {
                "root": str(folder),
                "parallel": source,
                "lexicon": source,
                "retrieval": asked,
                "max_tokens": 24,
            },
            "vocabulary": {"size": 330, "characters": 10_000},
            "dim": 16,
            "nested": [8],
            "few": 4,
            "substrings": 2,
            "whiten": 0.5,
            "ranking": {
                "optim": OPTIM,
                "batch_tokens": 512,
                "bundle": 3,
                "kinds": {"parallel": 0.5, "lexicon": 0.2, "retrieval": 0.3},
            },
            "teacher": {"base": str(model_folder("bert")), "kinds": ["parallel", "retrieval"]},
        }
    elif stage == "static context":
        del document["batch_size"], document["optim"]
        source = [{"files": ["parallel.tsv"], "columns": ["language", "english", "text"]}]
        document |= {
            "data": {"root": str(folder), "parallel": source, "lexicon": source, "max_tokens": 24},
            "table": str(make_table(folder / "table")),
            "shape": {"layers": 2, "heads": 4, "intermediate": 24},
            "nested": [8],
            "few": 4,
            "ranking": {
                "optim": OPTIM,
                "batch_tokens": 512,
                "bundle": 3,
                "kinds": {"parallel": 0.8, "lexicon": 0.2},
            },
            "teacher": {"base": str(model_folder("bert")), "kinds": ["parallel"]},
        }
    document |= changes
    file = folder / f"{stage.replace(' ', '-')}.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


PAIRS = {"files": ["pairs.jsonl"], "columns": ["query", "document", "negative", "negative_2"]}
STAGES = [
    "distill bridge",
    "align",
    "contrastive of a bridge",
    "distill map",
    "pretrain masked",
    "pretrain causal",
    "static table",
    "static context",
    "contrastive",
    "distill parallel",
    "distill vectors",
]


def test_every_stage_is_tried() -> None:
    known = {" ".join(filter(None, (n, m))) for n, ms in stage_names().items() for m in ms or [""]}
    assert set(STAGES) == known | {"contrastive of a bridge"}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    whole = {
        str(f.relative_to(folder)): torch.frombuffer(bytearray(f.read_bytes()), dtype=torch.uint8)
        for f in folder.rglob("*.onnx")
    }
    return whole | {
        f"{f.relative_to(folder)}:{k}": v
        for f in sorted(folder.rglob("*.safetensors"))
        for k, v in load_file(f).items()
    }


class Stop(Exception):
    """Stands for a kill between two steps."""


@pytest.mark.parametrize("stage", STAGES)
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(
    stage: str, texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 5: auto-resume dropped the optimiser's state."""
    file = recipe(stage, texts, model_folder)
    whole = train(file, [f"output={texts / 'whole'}"])
    steps = 0
    original = loop.Progress.on_step_end

    def stop_at(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        nonlocal steps
        steps += 1
        original(self, args, state, control, **kwargs)
        if steps == 5 and stop:
            raise Stop

    monkeypatch.setattr(loop.Progress, "on_step_end", stop_at)
    stop = True
    with pytest.raises(Stop):
        train(file, [f"output={texts / 'parts'}"])
    stop = False
    parts = train(file, [f"output={texts / 'parts'}"])
    first, second = weights(whole), weights(parts)
    assert first.keys() == second.keys()
    assert first
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    saved = yaml.safe_load((texts / "parts" / "recipe.yaml").read_text(encoding="utf-8"))
    assert saved["stage"] == stage.split()[0]
    assert "torch" in json.loads((texts / "parts" / "versions.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", ["distill bridge", "align", "contrastive of a bridge"])
def test_the_bases_do_not_move_and_the_adapters_do(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    """Stage 1's target is frozen: its weights, on disk and in memory, stay as they were."""
    file = recipe(stage, texts, model_folder)
    before = {
        f: sha256(model_folder(f) / "model.safetensors") for f in ("xlm-roberta", "bert", "llama")
    }
    seen: dict[str, Any] = {}
    original = loop.run_phase

    def watch(trainer: Any, name: str) -> None:
        bridge = trainer.model.bridge if hasattr(trainer.model, "bridge") else trainer.model[0]
        start = {k: v.detach().clone() for k, v in bridge.named_parameters()}
        original(trainer, name)
        seen.update(
            {k: not torch.equal(v, start[k]) for k, v in bridge.named_parameters()},
            __bridge__=bridge,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_phase", watch)
        folder = train(file)
    bridge = seen.pop("__bridge__")
    moved = {k for k, changed in seen.items() if changed}
    assert not [k for k in moved if k.startswith("target.")]
    assert moved <= set(bridge.trained_names())
    assert any("lora_" in k for k in moved)
    assert any(k.startswith("connector.") for k in moved)
    assert before == {f: sha256(model_folder(f) / "model.safetensors") for f in before}
    assert lusifer.load(folder).encode(TEXTS).shape == (16, 32)


def test_an_encoder_may_be_its_table_alone(texts: Path, model_folder: Folder) -> None:
    """Where no phase trains the layers they stay the identity: a text is the mean of its pieces, in
    any order.
    """
    model = lusifer.load(
        train(recipe("pretrain masked", texts, model_folder), ["ranking=null", "masking=null"])
    )
    a, b = model.encode(["market the behind", "the market behind"])
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_decoder_made_here_is_aligned_to_and_finetuned(texts: Path, model_folder: Folder) -> None:
    """The paper's whole path, with a target that the project made itself."""
    made = train(recipe("pretrain causal", texts, model_folder, output=str(texts / "decoder")))
    changes = [f"bridge.target.base={made}"]
    first = train(recipe("align", texts, model_folder, output=str(texts / "one")), changes)
    last = train(
        recipe(
            "contrastive of a bridge",
            texts,
            model_folder,
            output=str(texts / "two"),
            base=str(first),
        ),
        changes,
    )
    assert lusifer.load(last).encode(TEXTS).shape == (16, 32)


def test_teacher_vectors_are_kept_block_by_block(
    tmp_path: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted run keeps the blocks it finished; a changed text costs its own block alone."""
    from lusifer.training import teacher_vectors

    monkeypatch.setattr(teacher_vectors, "BLOCK", 4)
    base = str(model_folder("bert"))
    whole = teacher_vectors.teacher_vectors(base, TEXTS, tmp_path / "a", 64)
    first = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "a").iterdir()}
    assert whole.shape == (16, 32)
    assert len(first) == 4
    changed = [*TEXTS[:-1], "Another sentence at the end."]
    again = teacher_vectors.teacher_vectors(base, changed, tmp_path / "a", 64)
    second = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "a").iterdir()}
    assert len(second) == 5
    assert first.items() <= second.items()
    assert np.array_equal(whole[:-1], again[:-1])
    expected = lusifer.sentence_transformer(base).encode(TEXTS, normalize_embeddings=True)
    assert (
        np.abs(whole - expected).max() < 0.02
    )  # bf16 where the machine has it, and float16 on disk


@pytest.mark.parametrize("stage", ["distill bridge", "align", "contrastive of a bridge"])
def test_the_loss_falls(stage: str, texts: Path, model_folder: Folder) -> None:
    file = recipe(stage, texts, model_folder)
    train(file, ["optim.steps=40", "optim.save_every=40"])
    state = next((texts / "out").rglob("checkpoint-40/trainer_state.json"))
    losses = [
        e["loss"]
        for e in json.loads(state.read_text(encoding="utf-8"))["log_history"]
        if "loss" in e
    ]
    assert np.mean(losses[-5:]) < 0.97 * np.mean(losses[:5])


def test_the_mask_is_on_what_the_encoder_reads_and_the_next_token_is_hidden(
    texts: Path, model_folder: Folder
) -> None:
    """Fault 1: the mask stood on the decoder's input, and the LM loss saw the next token."""
    parsed = load_recipe(recipe("align", texts, model_folder))
    bridge = align.Bridge.new(parsed.bridge)
    head = align.load_lm(parsed.bridge, bridge)
    rows = [(t, t, True) for t in TEXTS]
    batch = align.AlignBatches(
        parsed, rows, bridge, align.families.load_tokenizer(model_folder("llama"))
    )(0)
    mask_id = bridge.tokenizer.mask_token_id
    share = (
        (batch["input_ids"] == mask_id).sum()
        / (batch["attention_mask"].sum() - 2 * len(batch["input_ids"]))
    ).item()
    assert 0.3 < share < 0.7
    assert (batch["target_ids"] != mask_id).all()
    assert batch["attention_mask"].bool().any(1).all()
    model = align.Aligner(bridge, head).eval()
    taken: list[torch.Tensor] = []
    head.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0].detach().clone()))
    one = {k: v[:1] for k, v in batch.items()}
    last = int(one["target_mask"].sum()) - 1
    changed = {k: v.clone() for k, v in one.items()}
    changed["target_ids"][0, last] = 5
    with torch.no_grad():
        model(**one)
        model(**changed)
    assert torch.equal(*taken), "what predicts a token must not see it"
    other = {k: v.clone() for k, v in one.items()}
    other["input_ids"][0, 2] = 7
    with torch.no_grad():
        model(**other)
    assert not torch.equal(taken[0], taken[2]), "what the encoder reads must matter"


def test_the_alignment_loss_is_the_language_models_own(texts: Path, model_folder: Folder) -> None:
    """Against a plain loop: states, then tokens, through transformers' causal LM."""
    import transformers

    parsed = load_recipe(recipe("align", texts, model_folder, mask_ratio=0.0))
    bridge = align.Bridge.new(parsed.bridge)
    model = align.Aligner(bridge, align.load_lm(parsed.bridge, bridge)).eval()
    rows = [(t, t, True) for t in TEXTS]
    batch = align.AlignBatches(
        parsed, rows, bridge, align.families.load_tokenizer(model_folder("llama"))
    )(0)
    whole = transformers.AutoModelForCausalLM.from_pretrained(model_folder("llama"))
    losses, n = torch.zeros(()), 0
    with torch.no_grad():
        got = model(**batch)["loss"]
        for i in range(len(batch["input_ids"])):
            keep, wanted = (
                batch["attention_mask"][i].bool(),
                batch["target_ids"][i][batch["target_mask"][i].bool()],
            )
            states, _ = bridge.join(
                *bridge.encode_tokens(
                    batch["input_ids"][i][keep][None],
                    torch.ones(1, int(keep.sum()), dtype=torch.long),
                )
            )
            joined = torch.cat([states, whole.get_input_embeddings()(wanted)[None]], 1)
            logits = whole(inputs_embeds=joined).logits[0, states.shape[1] - 1 : -1]
            losses += torch.nn.functional.cross_entropy(logits, wanted, reduction="sum")
            n += len(wanted)
    torch.testing.assert_close(got, losses / n, atol=1e-5, rtol=1e-5)


def test_in_batch_and_hard_negatives_count_on_one_process(
    texts: Path, model_folder: Folder
) -> None:
    """Fault 5: on one GPU in-batch negatives vanished silently."""
    parsed = load_recipe(recipe("contrastive of a bridge", texts, model_folder))
    model = contrastive.starting_model(parsed)
    batches = contrastive.make_batches(parsed, model, contrastive.read(parsed, texts / "rows"))
    rows = batches.rows(0)
    assert all(len(r[2]) == 2 for r in rows)
    batch = batches(0)
    names = [n for n in batch if n.endswith("input_ids")]
    assert names == [
        "query_input_ids",
        "document_input_ids",
        "negative_0_input_ids",
        "negative_1_input_ids",
    ]
    loss_fn, temperature = contrastive.make_loss(parsed, model), parsed.loss[0].temperature
    features = [
        {
            k.removeprefix(n.removesuffix("input_ids")): v
            for k, v in batch.items()
            if k.startswith(n.removesuffix("input_ids"))
        }
        for n in names
    ]
    model.eval()
    with torch.no_grad():
        loss = loss_fn([dict(f) for f in features], None)
        q, *docs = (model(dict(f))["sentence_embedding"] for f in features)
        scores = q @ torch.cat(docs).T / temperature
    assert scores.shape == (4, 12)
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(scores, torch.arange(4)))
    wanted = model[0].preprocess([f"Q: {rows[0][0]}"])["input_ids"][0]
    assert (
        batch["query_input_ids"][0][batch["query_attention_mask"][0] == 1].tolist()
        == wanted.tolist()
    )


def test_a_bridge_learns_nested_sizes_with_cached_gradients(
    texts: Path, model_folder: Folder
) -> None:
    """The same weights as without the cache; dropout apart, which each pass draws anew."""
    file = recipe("contrastive of a bridge", texts, model_folder)
    still = ["bridge.encoder.lora.dropout=0", "matryoshka=[16]", "optim.lr=1e-4"]
    still.append(f"bridge.encoder.base={model_folder('modernbert')}")
    plain, cached = (
        lusifer.load(train(file, [*still, *changes, f"output={texts / name}"])).encode(TEXTS)
        for name, changes in (("plain", []), ("cached", ["mini_batch_tokens=40"]))
    )
    np.testing.assert_allclose(cached, plain, atol=1e-4)


def test_a_row_with_too_few_negatives_is_dropped_and_the_rest_keep_theirs(
    texts: Path, model_folder: Folder
) -> None:
    pairs = [
        json.loads(line)
        for line in (texts / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    pairs[3]["negative"] = pairs[3]["document"]
    (texts / "pairs.jsonl").write_text(
        "".join(json.dumps(p) + "\n" for p in pairs), encoding="utf-8"
    )
    parsed = load_recipe(recipe("contrastive of a bridge", texts, model_folder))
    (rows,) = contrastive.read(parsed, texts / "rows")
    assert len(rows) == 15
    assert rows.columns == 4


def test_prompts_are_taught_as_they_are_used(texts: Path, model_folder: Folder) -> None:
    from lusifer.training.stages import distill_bridge as distill

    prompts = {"query": "Q: ", "document": "D: "}
    parsed = load_recipe(
        recipe("distill bridge", texts, model_folder, code_switch=None, token_dropout=0.0),
        ["bridge.prompts={query: 'Q: ', document: 'D: '}"],
    )
    bridge = distill.Bridge.new(parsed.bridge)
    batches = distill.DistillBatches(parsed, TEXTS, np.zeros((16, 32), np.float16), bridge, texts)
    seen = {
        tuple(row[row != 1].tolist())
        for step in range(4)
        for row in batches(step)["student_input_ids"]
    }
    wanted = [
        bridge.preprocess([t], prompt=prompts[distill.role(i, prompts)])["input_ids"][0]
        for i, t in enumerate(TEXTS)
    ]
    assert seen == {tuple(w[w != 1].tolist()) for w in wanted}
    assert {distill.role(i, prompts) for i in range(2)} == {"query", "document"}
    assert {distill.role(i, {}) for i in range(2)} == {"document"}


def test_stage_two_goes_on_from_stage_one_and_refuses_to_lose_it(
    texts: Path, model_folder: Folder
) -> None:
    first = train(recipe("align", texts, model_folder, output=str(texts / "one")))
    file = recipe(
        "contrastive of a bridge", texts, model_folder, output=str(texts / "two"), base=str(first)
    )
    model = contrastive.starting_model(load_recipe(file))
    learnt = load_file(first / "trained.safetensors")
    for name, parameter in model[0].named_parameters():
        if name in learnt:
            assert torch.equal(parameter, learnt[name])
    assert lusifer.load(train(file)).prompts == {"query": "Q: ", "document": "D: "}
    with pytest.raises(ModelError, match="would lose"):
        contrastive.starting_model(load_recipe(file, ["bridge.encoder.train=frozen"]))


def test_stage_two_refuses_what_another_connector_learnt(texts: Path, model_folder: Folder) -> None:
    start = train(recipe("align", texts, model_folder), [f"output={texts / 'a'}"])
    with pytest.raises(ModelError, match="connector is 'mlp', this recipe's 'words'"):
        train(
            recipe("contrastive of a bridge", texts, model_folder),
            [f"base={start}", "bridge.connector.kind=words", f"output={texts / 'b'}"],
        )


def test_words_are_taught_resumed_and_shared_by_two_processes(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("distill bridge", texts, model_folder)
    still = [
        f"bridge.encoder.base={model_folder('modernbert')}",
        "bridge.encoder.lora.dropout=0",
        "token_dropout=0",
        "optim.lr=1e-4",
    ]
    changes = [*still, "bridge.connector.kind=words", "bridge.connector.nearest=4"]
    one = lusifer.load(train(file, [*changes, f"output={texts / 'one'}"])).encode(TEXTS)
    shutil.rmtree(texts / "one" / "model")
    shutil.rmtree(texts / "one" / "distill" / "checkpoint-6")
    np.testing.assert_array_equal(
        lusifer.load(train(file, [*changes, f"output={texts / 'one'}"])).encode(TEXTS), one
    )
    two_processes(file, [*changes, f"output={texts / 'two'}"])
    np.testing.assert_allclose(lusifer.load(texts / "two" / "model").encode(TEXTS), one, atol=1e-3)


def test_another_recipe_in_the_same_folder_is_refused(texts: Path, model_folder: Folder) -> None:
    file = recipe("distill map", texts, model_folder, kind="ridge")
    train(file)
    with pytest.raises(LusiferError, match="another recipe"):
        train(file, ["penalty=0.5"])
    train(file, ["penalty=0.5"], restart=True)


def test_another_language_is_refused_with_file_and_line(texts: Path, model_folder: Folder) -> None:
    (texts / "texts.tsv").write_text(
        "eng_Latn\tThe weather was fine this morning, and we went out.\n"
        "eng_Latn\tDer alte Bahnhof liegt hinter dem Markt, und niemand weiß, wer die Apfelbäume gepflanzt hat.\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match=r"texts.tsv:2: .*english_only.*'de'"):
        train(recipe("distill bridge", texts, model_folder))


@pytest.mark.parametrize(
    ("stage", "changes", "what"),
    [
        ("distill bridge", ["bridge.encoder.base=/nowhere"], "no such model folder"),
        ("distill bridge", ["data.root=/nowhere"], "data.root"),
        ("distill bridge", ["method=pooled"], "has the methods bridge, map, parallel, vectors"),
        ("align", ["method=bridge"], "unknown key 'method'"),
        ("distill bridge", ["bridge.conector.kind=mlp"], "did you mean 'connector'"),
        (
            "distill bridge",
            ["bridge.connector.kind=mpl"],
            "linear, mlp, resampler, vocabulary, words",
        ),
        ("align", ["bridge.target.train=lora"], "must be frozen"),
        ("contrastive of a bridge", ["loss.0.temperature=0"], "temperature must be above 0"),
        (
            "contrastive of a bridge",
            ["stage=contrastiv"],
            "one of align, contrastive, distill, pretrain, static",
        ),
        ("pretrain causal", ["shape.hidden=30"], "multiple of shape.heads"),
        ("pretrain causal", ["vocabulary.size=60000"], "vocabulary.size"),
        ("distill bridge", ["batch_size=0"], "batch_size must be at least 1"),
        ("contrastive of a bridge", ["batch_size=0"], "batch_size must be at least 1"),
        ("distill bridge", ["optim.warmup=500"], "from 0 to 1"),
        (
            "distill bridge",
            ["data.sources=[{files: [texts.tsv], columns: [language, sentence]}]"],
            "needs a column named",
        ),
        ("distill bridge", ["optim.steps=0"], "steps must be at least 1"),
        ("distill bridge", ["code_switch={texts: 0.5}"], "lexicon must name"),
        ("distill bridge", ["bridge.max_tokens=4000"], "max_tokens"),
        ("pretrain masked", ["ranking.kinds={paralel: 1.0}"], "not paralel"),
        ("pretrain masked", ["ranking.bundle=0"], "bundle is 0"),
        ("static table", ["substrings=-1"], "substrings is -1"),
        ("static table", ["teacher.kinds=[lexicon]"], "the teacher has no vector of these"),
        ("static table", ["teacher.kinds=[paralel]"], "not paralel"),
        ("static table", ["few=0"], "few is 0"),
        ("static table", ["whiten=2"], "whiten is 2"),
        ("pretrain masked", ["ranking=null", "masking=null", "warm=null"], "nothing to train"),
        (
            "pretrain masked",
            ["data.lexicon=[{files: [parallel.tsv], columns: [language, text]}]"],
            "needs a column 'english'",
        ),
        ("pretrain masked", ["vocabulary.size=60000"], "vocabulary.size"),
    ],
)
def test_wrong_recipes_are_told_in_one_line(
    stage: str, changes: list[str], what: str, texts: Path, model_folder: Folder
) -> None:
    with pytest.raises(LusiferError, match=what) as caught:
        train(recipe(stage, texts, model_folder), changes)
    assert "\n" not in str(caught.value)


def test_restart_deletes_what_runs_make_and_nothing_else(tmp_path: Path) -> None:
    """A user's own folder with a recipe.yaml in it is no run of ours, even where the recipe's
    output names it.
    """
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "recipe.yaml").write_text("stage: distill\n", encoding="utf-8")
    (tmp_path / "mine" / "texts.txt").write_text("One text.\n", encoding="utf-8")
    for restart in (True, False):
        with pytest.raises(LusiferError, match="no run of ours"):
            run_output.claim(tmp_path / "mine", loop.Optim(), restart=restart)
    run = run_output.claim(tmp_path / "run", loop.Optim())
    (run / "distill" / "checkpoint-3").mkdir(parents=True)
    (run / "model").mkdir()
    (run / "empty").mkdir()
    (run / "notes.txt").write_text("my notes", encoding="utf-8")
    run_output.claim(run, loop.Optim(steps=7), restart=True)
    assert sorted(p.name for p in run.iterdir()) == [
        *("empty", "notes.txt", "recipe.yaml", "versions.json")
    ]
    assert (tmp_path / "mine" / "texts.txt").exists()


def test_held_translations_of_one_sentence_are_no_negatives_of_each_other(
    texts: Path, model_folder: Folder
) -> None:
    from lusifer.training.stages import distill_bridge as distill

    parallel = "".join(f"{TEXTS[0]}\t{t[::-1]}\n" for t in TEXTS[:8])
    (texts / "held.tsv").write_text(parallel, encoding="utf-8")
    hold = {"parallel": [{"files": ["held.tsv"], "columns": ["english", "text"]}], "batch_size": 4}
    parsed = load_recipe(
        recipe("distill bridge", texts, model_folder, hold=hold, token_dropout=0.0)
    )
    model = distill.assemble(distill.Bridge.new(parsed.bridge)).eval()
    batch = distill.DistillBatches(parsed, TEXTS, np.zeros((16, 32), np.float16), model[0], texts)(
        0
    )
    features = [
        {k.removeprefix(f"{side}_"): v for k, v in batch.items() if k.startswith(f"{side}_")}
        for side in ("student", "other", "english")
    ]
    with torch.no_grad():
        terms = distill.DistillLoss(model, parsed)(features, batch["label"])
    assert float(terms["hold"]) == pytest.approx(0.0, abs=1e-6), (
        "one English text: no negatives are left, so nothing to push apart"
    )


def test_align_refuses_a_backbone_without_its_head(
    texts: Path, model_folder: Folder, tmp_path: Path
) -> None:
    """transformers would give it a random head, and say so only in a warning."""
    import shutil

    import transformers

    shutil.copytree(model_folder("llama"), tmp_path / "backbone")
    config = transformers.AutoConfig.from_pretrained(tmp_path / "backbone")
    config.tie_word_embeddings = False
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path / "backbone")
    with pytest.raises(ModelError, match="no LM head"):
        train(recipe("align", texts, model_folder), [f"bridge.target.base={tmp_path / 'backbone'}"])


def test_short_texts_are_identified_together(texts: Path, model_folder: Folder) -> None:
    lines = [f"Wo ist das Haus Nummer {i} bitte?" for i in range(300)]
    (texts / "texts.tsv").write_text("".join(f"eng_Latn\t{t}\n" for t in lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"texts.tsv:1: .*'de'"):
        train(recipe("distill bridge", texts, model_folder))
    (texts / "texts.tsv").write_text(
        "".join(f"eng_Latn\tWhere is house {i}, please?\n" for i in range(300)), encoding="utf-8"
    )
    assert plan(recipe("distill bridge", texts, model_folder))["rows"] == {"texts": 300}


def test_align_needs_a_target_that_writes(texts: Path, model_folder: Folder) -> None:
    with pytest.raises(ModelError, match="decoder target"):
        train(recipe("align", texts, model_folder), [f"bridge.target.base={model_folder('bert')}"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_dry_run_counts_and_trains_nothing(stage: str, texts: Path, model_folder: Folder) -> None:
    figures = plan(recipe(stage, texts, model_folder))
    assert figures["memory_bytes"] > 0
    assert figures["parameters"]["trained"] > 0
    assert sum(figures["rows"].values()) > 0
    assert not (texts / "out").exists()


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_that_is_refused_leaves_no_folder_behind(
    stage: str, texts: Path, model_folder: Folder
) -> None:
    file = recipe(stage, texts, model_folder)
    (texts / "kept").mkdir()
    for output in ("deep/er/out", "kept"):
        wrong = [f"output={texts / output}", "data.root=nowhere"]
        with pytest.raises((LusiferError, OSError)):
            train(file, wrong)
    assert not (texts / "deep").exists()
    assert list((texts / "kept").iterdir()) == []


def test_an_interrupt_in_the_middle_of_a_save_leaves_the_last_good_checkpoint(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = recipe("distill bridge", texts, model_folder)
    import transformers

    original = transformers.Trainer._save_rng_state
    saves = 0

    def cut(self: Any, output_dir: str) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise KeyboardInterrupt
        original(self, output_dir)

    monkeypatch.setattr(transformers.Trainer, "_save_rng_state", cut)
    with pytest.raises(KeyboardInterrupt):
        train(file)
    found = loop.checkpoints(texts / "out" / "distill")
    assert [p.name for p in found] == ["checkpoint-3"]
    assert lusifer.load(train(file)).dim == 32


def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    import transformers

    original = transformers.Trainer._save_optimizer_and_scheduler
    saves = 0

    def full(self: Any, output_dir: str) -> None:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, output_dir)

    monkeypatch.setattr(transformers.Trainer, "_save_optimizer_and_scheduler", full)
    with pytest.raises(LusiferError, match="disk is full"):
        train(recipe("distill bridge", texts, model_folder))
    assert [p.name for p in loop.checkpoints(texts / "out" / "distill")] == ["checkpoint-3"]


def two_processes(file: Path, changes: list[str], **environment: str) -> str:
    """`lusifer train` in two CPU processes; returns what they wrote to stderr."""
    return together(command, "train", str(file), *changes, errors=file.parent, **environment)


def test_processes_wait_for_each_other_before_anything_is_set_up(tmp_path: Path) -> None:
    """What the first process prepares, the others find: a barrier that holds on CPUs too."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\nfrom lusifer.training import loop\n"
        "file, first = Path(sys.argv[1]), loop.rank_and_world()[0] == 0\n"
        "if first:\n    time.sleep(3)\n    file.touch()\n"
        "loop.wait_for_all()\nassert file.exists()\nloop.leave_together()\n",
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        str(script),
        str(tmp_path / "made"),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]


FSDP = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_VERSION": "2",
}  # as accelerate's launcher sets


@pytest.mark.parametrize(
    ("stage", "way"),
    [
        *(
            (stage, way)
            for stage in ("distill bridge", "contrastive of a bridge", "align")
            for way in ("DDP", "FSDP")
        ),
        ("pretrain masked", "DDP"),
        ("static table", "DDP"),
        ("static context", "DDP"),
        ("contrastive", "DDP"),
        ("distill parallel", "DDP"),
    ],
)
def test_two_processes_train_the_model_of_one(
    stage: str, way: str, texts: Path, model_folder: Folder
) -> None:
    """The same recipe, the same global batch, the same model to rounding, whether frozen weights
    are spread or not.
    """
    # no dropout: its masks differ from process to process
    still = f"bridge.encoder.base={model_folder('modernbert')}"
    changes = {
        "pretrain masked": [],
        "static table": [],
        "static context": [],
        "distill parallel": ["optim.lr=1e-4"],
        "contrastive": [f"base={model_folder('modernbert')}", "optim.lr=1e-4"],
        "distill bridge": [
            still,
            "optim.lr=1e-4",
            "bridge.encoder.lora.dropout=0",
            "token_dropout=0",
        ],
    }.get(stage, [still, "optim.lr=1e-4", "bridge.encoder.lora.dropout=0"])
    file = recipe(stage, texts, model_folder)
    one = train(file, [*changes, f"output={texts / 'one'}"])
    said = two_processes(
        file, [*changes, f"output={texts / 'two'}"], **(FSDP if way == "FSDP" else {})
    )
    assert ("each process keeps" in said) == (way == "FSDP")
    logs: dict[str, list[list[tuple[float, float]]]] = {"one": [], "two": []}
    for run, phases in logs.items():
        for state in sorted((texts / run).rglob("checkpoint-6/trainer_state.json")):
            history = json.loads(state.read_text(encoding="utf-8"))["log_history"]
            phases.append([(e["loss"], e["grad_norm"]) for e in history if "loss" in e])
    assert logs["one"]
    assert all(len(phase) == 6 for phase in logs["one"])
    np.testing.assert_allclose(logs["two"], logs["one"], rtol=2e-3)
    vectors = [lusifer.load(texts / run / one.name).encode(TEXTS) for run in ("one", "two")]
    # A pretrained table is saved in bfloat16: a sum on the edge between two values falls to either
    # side, one step away.
    # So does an int8 table, with a longer step.
    np.testing.assert_allclose(
        vectors[1],
        vectors[0],
        atol=4e-3 if stage == "static table" else 1e-3,
        rtol=2**-7 if stage == "pretrain masked" else 0,
    )


def test_a_run_with_frozen_weights_spread_goes_on_where_it_was(
    texts: Path, model_folder: Folder
) -> None:
    """With recomputed activations, and the same model as in one go; on one process too."""
    file = recipe("contrastive of a bridge", texts, model_folder)
    still = f"bridge.encoder.base={model_folder('modernbert')}"
    changes = [
        still,
        "optim.gradient_checkpointing=true",
        "optim.lr=1e-4",
        "bridge.encoder.lora.dropout=0",
    ]
    said = two_processes(file, changes, **FSDP)
    kept, whole = re.search(r"each process keeps (\d+) of (\d+) frozen weights", said).groups()  # type: ignore[union-attr]
    assert int(kept) == pytest.approx(int(whole) / 2, rel=0.02)
    before = lusifer.load(texts / "out" / "model").encode(TEXTS)
    for go_on, near in (
        (lambda: two_processes(file, changes, **FSDP), 1e-6),
        (lambda: train(file, changes), 1e-3),
    ):
        shutil.rmtree(texts / "out" / "model")
        shutil.rmtree(texts / "out" / "contrastive" / "checkpoint-6")
        go_on()
        np.testing.assert_allclose(
            lusifer.load(texts / "out" / "model").encode(TEXTS), before, atol=near
        )


def spread_and_run(encoder: str, target: str) -> None:
    torch.distributed.init_process_group("gloo")
    bridge = Bridge.new(BridgeConfig(Part(encoder, "lora"), Part(target), max_tokens=64))
    shard_frozen(bridge)
    ids = torch.randint(5, 60, (2, 9))
    bridge({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    frozen = [
        parameter
        for model in (bridge.encoder, bridge.target)
        for block in families.blocks(model)
        for name, parameter in block.named_parameters()
        if "lora_" not in name
    ]
    assert frozen
    assert all(hasattr(parameter, "to_local") for parameter in frozen)
    torch.distributed.barrier()  # a process that ends first may abort the other
    torch.distributed.destroy_process_group()


def test_a_spread_block_is_whole_only_while_it_works(tmp_path: Path, model_folder: Folder) -> None:
    together(
        spread_and_run,
        str(model_folder("modernbert")),
        str(model_folder("llama")),
        errors=tmp_path,
        LUSIFER_USE_FSDP="true",
    )


def test_fsdp_is_refused_where_nothing_is_frozen(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LUSIFER_USE_FSDP", "true")
    config = load_recipe(
        recipe("contrastive of a bridge", texts, model_folder),
        ["bridge.encoder.train=full", "bridge.target.train=full"],
    ).bridge
    with pytest.raises(LusiferError, match="trains both models whole"):
        shard_frozen(Bridge.new(config))


@pytest.mark.parametrize("do", [train, plan])
def test_a_batch_that_processes_cannot_share_evenly_is_refused_with_those_that_fit(
    do: Callable[..., object], texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match=r"batch_size is 10, which 4 .* take 8 or 12$"):
        do(recipe("contrastive", texts, model_folder), ["batch_size=10"])
    with pytest.raises(ConfigError, match=r"batch_size is 3, .* take 4$"):
        do(recipe("align", texts, model_folder), ["batch_size=3"])
    assert not (texts / "out").exists()


@pytest.mark.parametrize("rows", [4, 5, 6, 7, 9, 31])
def test_every_row_of_a_batch_is_some_process_s(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    monkeypatch.setenv("WORLD_SIZE", "4")
    for rank in range(4):
        monkeypatch.setenv("RANK", str(rank))
        part = loop.own_slice([{"ids": torch.arange(rows), "more": {"label": torch.arange(rows)}}])
        assert torch.equal(part["ids"], part["more"]["label"])
        parts.append(part["ids"])
    assert torch.equal(torch.cat(parts), torch.arange(rows))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_dry_run_counts_the_frozen_weights_that_other_processes_keep(
    texts: Path, model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = recipe("align", texts, model_folder)
    monkeypatch.setenv("WORLD_SIZE", "2")
    alone = plan(file)["memory_bytes"]
    monkeypatch.setenv("LUSIFER_USE_FSDP", "true")
    spread = plan(file)["memory_bytes"]
    bridge = Bridge.new(load_recipe(file).bridge)
    assert alone - spread == pytest.approx(
        2 * (frozen_in_blocks(bridge.encoder) + frozen_in_blocks(bridge.target)), abs=4
    )


def test_a_student_without_its_teachers_vectors_is_told_and_leaves_nothing(
    texts: Path, model_folder: Folder
) -> None:
    file = recipe("distill vectors", texts, model_folder)
    for vectors, what in (
        ("nowhere", "holds no shard-00000.parquet; make it with: lusifer encode"),
        ("vectors", "keeps no column 'text'"),
    ):
        if vectors == "vectors":
            shutil.rmtree(texts / "vectors")
            lusifer.encode(
                str(texts / "texts.tsv"),
                texts / "vectors",
                model=make_table(texts / "t"),
                columns=["_", "text"],
            )
        with pytest.raises(LusiferError, match=what):
            train(file, [f"data.vectors={texts / vectors}"])
        assert not (texts / "out").exists()
        assert not (texts / "nowhere").exists()
