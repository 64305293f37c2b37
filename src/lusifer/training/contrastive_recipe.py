"""The recipe of contrastive learning, and which of its settings go together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from lusifer.data import Mixing
from lusifer.models import ENGLISH_IS_DISTILLED, BridgeConfig, Lora
from lusifer.training.dynamic_negatives import Dynamic, check_candidates
from lusifer.training.losses.cached import check_mini_batch
from lusifer.training.losses.cosent import CoSENT
from lusifer.training.losses.distillation import distinct
from lusifer.training.losses.hybrid import check_hybrid
from lusifer.training.losses.info_nce import InfoNCE
from lusifer.training.losses.pair_terms import PairTerm
from lusifer.training.losses.teacher_scores import TeacherScores
from lusifer.training.optim import Optim
from lusifer.training.pairs import PairData, given
from lusifer.training.reading import Reading
from lusifer.training.stage import Logger
from lusifer.training.validation import Validation

TERMS = (InfoNCE, TeacherScores, CoSENT)  # so that both are choices where a recipe is read
# Parts that a bridge does without: it has adapters of its own, and trains both sides.
NOT_FOR_BRIDGES = (
    "reading",
    "balance",
    "lora",
    "adapter",
    "heads",
    "language",
    "matryoshka_layers",
)


@dataclass(frozen=True)
class Adapter:
    """An adapter that is kept beside the backbone, as `name`, and taken for `prompts` (its own name
    without).
    """

    name: str
    prompts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.name):
            raise ValueError(f"adapter.name is {self.name!r}; letters, digits, _ and - make a name")


@dataclass(frozen=True)
class Hybrid:
    """Sparse and multi-vector heads beside the dense vector, of `dim` numbers a token; `distill`:
    each learns from the sum of all.
    """

    dim: int = 128
    distill: bool = True


@dataclass(frozen=True)
class ContrastiveRecipe:
    """Everything that `lusifer train` needs for contrastive learning. `base` is an encoder, a
    sentence-transformers model, a bridge or a table; `bridge` one to make, or, where `base` is a
    bridge, what of it is trained. `reading` changes how `base` makes a vector of a text.

    `matryoshka` are further sizes at which the first numbers of a vector are to serve alone,
    `matryoshka_layers` how many earlier layers a step trains beside the last (2D Matryoshka).
    `mini_batch_tokens` caches gradients. `balance` weighs a loss that keeps the experts of a
    mixture evenly loaded. `dynamic` chooses each row's negatives anew as the model learns. `heads`
    adds sparse and multi-vector scores. `lora` trains adapters, which are folded in at the end, or
    kept beside the backbone for some prompts alone (`adapter`). `train: queries` leaves documents as
    `base` embeds them: an index that it made stays valid. `language` names an X-MOD model's language
    module, which stays as it is. A bridge's prompts are its own.
    """

    stage: Literal["contrastive"]
    output: str
    data: PairData
    base: str | None = None
    bridge: BridgeConfig | None = None
    reading: Reading | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    seed: int = 0
    batch_size: int = 256
    negatives: int = 7
    loss: tuple[PairTerm, ...] = (InfoNCE(),)
    mixing: Mixing = field(default_factory=Mixing)
    matryoshka: tuple[int, ...] = ()
    matryoshka_layers: int = 0
    mini_batch_tokens: int | None = None
    dynamic: Dynamic | None = None
    balance: float = 0.0
    heads: Hybrid | None = None
    lora: Lora | None = None
    adapter: Adapter | None = None
    train: Literal["both", "queries"] = "both"
    language: str | None = None
    optim: Optim = field(default_factory=lambda: Optim(lr=2e-5))
    validation: Validation | None = None
    log: Logger | None = None

    @property
    def scored(self) -> bool:
        """Whether a term wants a teacher's scores."""
        return any(term.scored for term in self.loss)

    def __post_init__(self) -> None:
        distinct(self.loss)
        if self.base is None and self.bridge is None:
            raise ValueError("name a base to go on from, or a bridge to make")
        if self.bridge is not None and self.bridge.english == "target":
            raise ValueError(ENGLISH_IS_DISTILLED)
        if self.negatives < 0:
            raise ValueError("negatives must be 0 or more")
        if unknown := sorted(set(self.prompts) - {"query", "document"}):
            raise ValueError(f"prompts are for query and document, not {', '.join(unknown)}")
        check_mini_batch(self.mini_batch_tokens)
        if self.balance < 0 or (
            self.balance and (self.mini_batch_tokens or self.lora or self.heads)
        ):
            raise ValueError(
                "balance is a weight, 0 or more; it goes without mini_batch_tokens, lora and heads"
            )
        if self.matryoshka_layers < 0:
            raise ValueError("matryoshka_layers must be 0 or more")
        if self.matryoshka_layers and (not self.matryoshka or self.mini_batch_tokens):
            raise ValueError(
                "matryoshka_layers goes with matryoshka, and without mini_batch_tokens"
            )
        queries = self.train == "queries"
        if self.adapter and (not self.lora or queries):
            raise ValueError("adapter wants lora, and goes without train: queries")
        more = self.matryoshka or self.mini_batch_tokens or self.scored
        if self.heads and (
            more or self.lora or queries or [t.kind for t in self.loss] != ["info_nce"]
        ):
            raise ValueError(
                "heads go with the term info_nce alone, and without matryoshka, mini_batch_tokens, lora and train: queries"
            )
        if self.heads and isinstance(self.loss[0], InfoNCE):  # its only term, as was checked
            check_hybrid(self.loss[0])
        named = [source for source in self.data.sources if source.prompts]
        if named and (queries or self.adapter):
            raise ValueError(
                "a source's prompts go without train: queries, whose documents stay as they are, and without adapter"
            )
        if self.validation and self.validation.tasks and (queries or self.heads):
            raise ValueError(
                "validation.tasks measure one dense model: with heads, or train: queries, hold out validation.rows"
            )
        if queries and more:
            raise ValueError(
                "train: queries goes without matryoshka, mini_batch_tokens and the term scores"
            )
        if any(term.ranks for term in self.loss) and not self.negatives:
            raise ValueError("a teacher ranks a positive and its negatives; negatives is 0")
        if self.dynamic:
            if self.heads or self.scored or queries:
                raise ValueError(
                    "dynamic goes without heads, train: queries, and terms that want the column scores"
                )
            check_candidates(self.dynamic, self.negatives, [given(s) for s in self.data.sources])
        if self.reading and (queries or self.adapter):
            raise ValueError(
                "reading changes the base, which train: queries and adapter leave as it is"
            )
        if self.bridge is not None:
            without_bridge(self)


def without_bridge(recipe: ContrastiveRecipe) -> None:
    """Raise ValueError for what a bridge does without."""
    named = [name for name in NOT_FOR_BRIDGES if getattr(recipe, name)]
    named += ["prompts (name them as bridge.prompts)"] if recipe.prompts else []
    named += ["train: queries"] if recipe.train == "queries" else []
    if named:
        raise ValueError(f"a bridge takes no {', no '.join(named)}")
