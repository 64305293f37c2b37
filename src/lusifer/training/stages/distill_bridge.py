"""Distill: teach a bridge to give the target's own vectors of English texts, so that the target's
space is kept.

Method: each English text is embedded by the target itself (teacher); the bridge reads the same text
through its encoder (student) and is pulled to the teacher's vector (cosine, MSE, ranking,
similarity-distribution KL). An index of the target's vectors stays valid. English alone lets the
connector learn features of English pieces that other languages' pieces lack; against that:
`code_switch` (a lexicon's words put into the input), `token_dropout`, `noise`, and `hold`
(translation ranking on parallel text, a mode that the recipe must name: it is no longer
English-only). Cost: one student and (once a text) one teacher pass. Not where the target is to get
better than it is: `contrastive`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from sentence_transformers import SentenceTransformer

from lusifer.data import CodeSwitch, Source, Switcher, read_source, require
from lusifer.errors import ConfigError, ModelError
from lusifer.models import Bridge, BridgeConfig, masked_mean, tokenise
from lusifer.reshaping import fit
from lusifer.training.assemble import assemble, plan_bridge, ready, save_model
from lusifer.training.device import has_bf16
from lusifer.training.inputs import InputLoss, mean_inputs
from lusifer.training.losses.cached import ColumnLoss, Loss, check_mini_batch
from lusifer.training.losses.distances import Cosine
from lusifer.training.losses.distillation import Term, distillation, distinct
from lusifer.training.losses.in_batch import TeacherRanking
from lusifer.training.losses.margin import margin_ranking, same_texts
from lusifer.training.optim import Optim
from lusifer.training.processes import Batch
from lusifer.training.stage import Logger, Run, Save, Stage
from lusifer.training.teacher_vectors import teacher_vectors
from lusifer.training.texts import Epochs, TextData, locate_root, read_texts, text_keys
from lusifer.training.trainers import BridgeSentenceTrainer, BridgeTrainer
from lusifer.training.validation import Held, Validation, for_held, held_out

RESIDUAL_SAMPLE = 20_000


@dataclass(frozen=True)
class Hold:
    """Way to keep the languages together while the encoder is trained: ranking on parallel text
    beside the distillation.

    `at` encoder ranks the encoder's mean states; `at` output pulls the translation's vector to the
    teacher's of its English.
    """

    parallel: tuple[Source, ...] = ()
    weight: float = 1.0
    at: Literal["encoder", "output"] = "encoder"
    batch_size: int = 256
    temperature: float = 0.05


@dataclass(frozen=True)
class DistillRecipe:
    """Everything that `lusifer train` needs to distill a bridge.

    `start` is a bridge to go on from; `mini_batch_tokens` caches gradients (GradCache); `inputs` is a
    first phase without the target (see `training/inputs.py`); `cache` a folder where the target's
    vectors are kept for several runs on the same texts.
    """

    stage: Literal["distill"]
    output: str
    bridge: BridgeConfig
    data: TextData
    method: Literal["bridge"] = "bridge"
    seed: int = 0
    loss: tuple[Term, ...] = (Cosine(), TeacherRanking())
    code_switch: CodeSwitch | None = None
    hold: Hold | None = None
    token_dropout: float = 0.0
    batch_size: int = 256
    mini_batch_tokens: int | None = None
    start: str | None = None
    cache: str | None = None
    inputs: Optim | None = None
    optim: Optim = field(default_factory=Optim)
    validation: Validation | None = None
    log: Logger | None = None

    def __post_init__(self) -> None:
        distinct(self.loss)
        check_mini_batch(self.mini_batch_tokens)
        if self.mini_batch_tokens and self.hold and self.hold.at == "encoder":
            raise ValueError(
                "mini_batch_tokens caches the gradients of vectors: hold.at must be output"
            )
        if self.bridge.english == "target" and self.bridge.target.train != "frozen":
            raise ValueError(
                "bridge.english is target, which takes bridge.target.train=frozen: a target that is trained leaves its own vectors"
            )


def start_residual(
    bridge: Bridge, texts: list[str], teacher: npt.NDArray[np.float16], roles: Sequence[str]
) -> None:
    """Start the residual as the rotation from the encoder's mean states to the teacher's vectors,
    on a sample of the texts.
    """
    rows = np.random.default_rng(0).permutation(len(texts))[:RESIDUAL_SAMPLE]
    rows = rows[np.argsort([len(texts[i]) for i in rows])]
    sample = [bridge.config.prompts.get(roles[i], "") + texts[i] for i in rows]
    means = []
    bridge.eval()
    with (
        torch.no_grad(),
        torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bf16("cpu")),
    ):
        for i in range(0, len(sample), 256):
            batch = bridge.preprocess(sample[i : i + 256])
            states, mask = bridge.encode_tokens(batch["input_ids"], batch["attention_mask"])
            means.append(masked_mean(states.float(), mask).numpy())
    matrix, bias = fit("rotation", np.concatenate(means), teacher[rows].astype(np.float32))
    assert bridge.residual is not None
    with torch.no_grad():
        bridge.residual.weight.copy_(torch.from_numpy(matrix.T.copy()))
        bridge.residual.bias.copy_(torch.from_numpy(bias))


class DistillBatches:
    """Step → student inputs (switched, dropped), teacher vectors, and a batch of translations where
    `hold` asks for one.
    """

    def __init__(
        self,
        recipe: DistillRecipe,
        texts: list[str],
        teacher: npt.NDArray[np.float16],
        bridge: Bridge,
        root: Path,
        rows: Sequence[int],
    ) -> None:
        """`rows` of the texts, and of the teacher's vectors, are trained on."""
        self.recipe, self.texts, self.teacher = recipe, texts, teacher
        self.tokenizer, self.max_tokens = (
            bridge.tokenizer,
            min(recipe.data.max_tokens, recipe.bridge.max_tokens),
        )
        self.prompts = bridge.config.prompts
        if recipe.token_dropout and self.tokenizer.mask_token_id is None:
            raise ModelError(
                f"{recipe.bridge.encoder.base}: its tokenizer has no mask token; set token_dropout=0"
            )
        self.trained = np.array(rows, dtype=np.int64)
        self.epochs = Epochs([texts[i] for i in rows], recipe.batch_size, recipe.seed)
        self.switcher = Switcher.read(recipe.code_switch, root) if recipe.code_switch else None
        self.pairs: list[tuple[str, str]] = []
        if recipe.hold:
            for source in recipe.hold.parallel:
                require(source, ("english", "text"), "hold.parallel")
            read = (r.values for s in recipe.hold.parallel for r in read_source(s, root))
            self.pairs = [(v["english"], v["text"]) for v in read]
            unseen = set(texts) - {
                texts[i] for i in rows
            }  # their translations are not taught either
            self.pairs = [pair for pair in self.pairs if pair[0] not in unseen]
            if recipe.hold.at == "output":
                known = {texts[i]: i for i in rows}
                self.pairs = [p for p in self.pairs if p[0] in known]
                self.known = known
            if not self.pairs:
                raise ConfigError(
                    "hold.parallel: no pairs (at: output needs pairs whose English is among the texts)"
                )
            self.hold_epochs = Epochs(
                [a + b for a, b in self.pairs], recipe.hold.batch_size, recipe.seed + 1
            )

    def __call__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.recipe.seed, 13, step])
        rows = self.trained[self.epochs(step)]
        texts = [self.texts[i] for i in rows]
        if self.switcher:
            texts = [self.switcher(t, rng) for t in texts]
        texts = [
            self.prompts.get(role(int(i), self.prompts), "") + t
            for i, t in zip(rows, texts, strict=True)
        ]
        batch = self._tokens("student", texts, rng)
        labels = {"teacher": torch.from_numpy(self.teacher[rows].astype(np.float32))}
        if self.recipe.hold:
            chosen = self.hold_epochs(step)
            english, other = zip(*(self.pairs[i] for i in chosen), strict=True)
            batch |= self._tokens("other", list(other), None)
            if self.recipe.hold.at == "encoder":
                batch |= self._tokens("english", list(english), None)
                labels |= {"english_key": text_keys(english), "other_key": text_keys(other)}
            else:
                held = self.teacher[[self.known[e] for e in english]]
                labels["held"] = torch.from_numpy(held.astype(np.float32))
        return batch | {"label": labels}

    def _tokens(self, name: str, texts: list[str], rng: np.random.Generator | None) -> Batch:
        ids, mask = tokenise(self.tokenizer, texts, self.max_tokens).values()
        if rng is not None and self.recipe.token_dropout:
            drop = torch.from_numpy(rng.random(tuple(ids.shape)) < self.recipe.token_dropout) & (
                mask == 1
            )
            drop[:, 0] = False
            ids = torch.where(drop, torch.tensor(self.tokenizer.mask_token_id), ids)
        return {f"{name}_input_ids": ids, f"{name}_attention_mask": mask}


def held_batches(
    recipe: DistillRecipe,
    texts: list[str],
    teacher: npt.NDArray[np.float16],
    bridge: Bridge,
    root: Path,
    rows: Sequence[int],
) -> Held | None:
    """Held-out texts as they are, none switched or dropped; None where none is held out."""
    few = for_held(recipe, len(rows))
    if few is None:
        return None
    plain = dataclasses.replace(few, code_switch=None, token_dropout=0.0, hold=None)
    batches = DistillBatches(plain, texts, teacher, bridge, root, rows)
    return Held(batches.epochs.per_epoch, batches)


class DistillLoss(ColumnLoss):
    """Teacher's vectors as labels; the features are the student's texts, then the held translations
    (and their English).
    """

    def __init__(self, model: SentenceTransformer, recipe: DistillRecipe) -> None:
        super().__init__(model, recipe.mini_batch_tokens)
        self.terms, self.hold = recipe.loss, recipe.hold

    def forward(
        self, sentence_features: Iterable[dict[str, torch.Tensor]], labels: Any = None
    ) -> Loss:
        """The terms of the texts and, where the encoder's states are held, the ranking of these."""
        features = list(sentence_features)
        if not self.hold or self.hold.at == "output" or len(features) == 1:
            return super().forward(features, labels)
        terms = super().forward(features[:1], labels)
        assert isinstance(terms, dict)  # such a recipe caches no gradients
        bridge = self.model.module[0] if hasattr(self.model, "module") else self.model[0]
        x, y = (
            masked_mean(*bridge.encode_tokens(f["input_ids"], f["attention_mask"]))
            for f in features[1:3]
        )
        same = same_texts(labels["other_key"], labels["english_key"])
        ranked = margin_ranking(x, y, self.hold.temperature, same=same)
        return terms | {"hold": self.hold.weight * ranked}

    def of(self, columns: list[torch.Tensor], labels: Any) -> Loss:
        terms = distillation(columns[0], labels["teacher"], self.terms)
        if self.hold and len(columns) > 1:  # held-out texts come without translations
            held = distillation(columns[1], labels["held"], self.terms)
            terms |= {f"hold_{name}": self.hold.weight * term for name, term in held.items()}
        return terms


def role(row: int, prompts: Mapping[str, str]) -> str:
    """Where a bridge has prompts, every other text is taught as a query, the rest as documents."""
    return "query" if row % 2 and prompts.get("query") else "document"


class Distill(Stage[DistillRecipe]):
    """The bridge's folder, a standard sentence-transformers model in the target's space."""

    name = "distill"
    method = "bridge"
    usual = True
    holds_out = True
    recipe = DistillRecipe

    def train(self, recipe: DistillRecipe, run: Run) -> Save:
        root, texts = locate_root(recipe.data.root), read_texts(recipe.data)
        cache = Path(recipe.cache) if recipe.cache else run.prepared
        bridge = (
            Bridge.going_on(recipe.bridge, Bridge.load(recipe.start))
            if recipe.start
            else Bridge.new(recipe.bridge)
        )
        roles = [role(i, bridge.config.prompts) for i in range(len(texts))]
        trained, aside = held_out(texts, run.held_rows)
        cut = min(recipe.data.max_tokens, recipe.bridge.max_tokens)
        teacher = teacher_vectors(recipe.bridge.target.base, texts, cache, cut, roles)
        if bridge.residual is not None and not recipe.start:
            start_residual(
                bridge, [texts[i] for i in trained], teacher[trained], [roles[i] for i in trained]
            )
        ready(bridge, recipe.optim)
        model = assemble(bridge)
        if recipe.inputs:
            means = mean_inputs(bridge, texts, cache, cut)
            plain = dataclasses.replace(recipe, hold=None, seed=recipe.seed + 1000)
            run.phase(
                "inputs-phase",
                InputLoss(bridge, means),
                DistillBatches(plain, texts, means, bridge, root, trained),
                recipe.inputs,
                trainer=BridgeTrainer,
                title="target's inputs",
            )
        run.phase(
            "distill",
            model,
            DistillBatches(recipe, texts, teacher, bridge, root, trained),
            recipe.optim,
            trainer=BridgeSentenceTrainer,
            loss=DistillLoss(model, recipe),
            validated=True,
            held=held_batches(recipe, texts, teacher, bridge, root, aside),
        )
        return partial(save_model, model)

    def plan(self, recipe: DistillRecipe) -> dict[str, Any]:
        """What a run would do: texts, parameters by part, memory. Trains nothing."""
        return {
            "rows": {"texts": len(read_texts(recipe.data))},
            **plan_bridge(
                recipe.bridge,
                recipe.batch_size * recipe.data.max_tokens,
                recipe.data.max_tokens,
                recipe.optim,
                recipe.mini_batch_tokens,
            ),
        }
