"""Several models of one shape → one, without training them: their weights are combined.

`linear`: Σ w_i θ_i (model soups, arXiv 2203.05482). `slerp`: along the arc between two models'
weights, tensor by tensor. `task-arithmetic` (arXiv 2212.04089): θ_0 + scale · Σ w_i (θ_i - θ_0),
what each learnt over their common base. `branches` puts bridges of one encoder and one target side by
side, their vectors added (`models/bridge/branches.py`). `self-positioning` (arXiv
2410.15035): θ_0 + λ · Σ softmax(a)_i (θ_i - θ_0), where λ and a are learnt by gradient on a small
probe set of pairs. Cost: all models in memory; self-positioning `steps` passes over a batch of
pairs too. Only for models fine-tuned from one base: others' weights do not correspond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lusifer.config import refuse_nan
from lusifer.errors import LusiferError, ModelError
from lusifer.io import replacing_folder, write_text
from lusifer.reshaping.side_by_side import side_by_side

if TYPE_CHECKING:
    import torch

Method = Literal["linear", "slerp", "task-arithmetic", "self-positioning", "branches"]
METHODS: tuple[Method, ...] = (
    "linear",
    "slerp",
    "task-arithmetic",
    "self-positioning",
    "branches",
)
State = dict[str, Any]
PARALLEL = 0.9995  # cosine above which an arc is a line


@dataclass(frozen=True)
class Combining:
    """`weights` of the models (even without; of slerp the second's share), `scale` of what was
    learnt.

    The rest is self-positioning's: pairs a step, steps, learning rate, temperature.
    """

    method: Method = "linear"
    weights: tuple[float, ...] = ()
    scale: float = 1.0
    batch_size: int = 64
    steps: int = 50
    lr: float = 0.05
    temperature: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        refuse_nan(self)
        if self.method not in METHODS:
            raise LusiferError(f"method is {self.method!r}; it must be one of {', '.join(METHODS)}")
        if self.steps < 1 or self.batch_size < 2 or self.temperature <= 0 or self.lr <= 0:
            raise LusiferError(
                "steps must be 1 or more, batch_size 2 or more, temperature and lr above 0"
            )


def combine(
    models: Sequence[str | Path],
    into: str | Path,
    settings: Combining | None = None,
    *,
    base: str | Path | None = None,
    probe: Sequence[tuple[str, str]] = (),
    tell: Callable[[int, float], None] = lambda step, loss: None,
    encoder: str | None = None,
    target: str | None = None,
) -> dict[str, Any]:
    """Write the combination of several models into a new folder, in the first one's format.

    Args:
        models: two models or more of one shape and tokenizer.
        into: a new folder.
        settings: the method and its numbers.
        base: the model that all were fine-tuned from, where the method needs it.
        probe: pairs of a query and its document, for self-positioning.
        tell: gets each step and its loss.
        encoder: of bridges, where their encoder is, if it has moved.
        target: of bridges, where their target is, if it has moved.

    Returns:
        What was chosen or learnt.

    Raises:
        ModelError: where the models are not of one shape and tokenizer.
        LusiferError: for settings that do not go together, or a folder that is there already.
    """
    import yaml

    from lusifer.models import locate, sentence_transformer, write_as

    settings, into = settings or Combining(), Path(into)
    if into.exists():
        raise LusiferError(f"{into}: exists already; name a new folder")
    _check(models, settings, base, probe)
    loaded = [
        sentence_transformer(name, device="cpu", encoder=encoder, target=target) for name in models
    ]
    if settings.method == "branches":
        return side_by_side(models, loaded, into, settings.weights)
    origin = sentence_transformer(base, device="cpu") if base else None
    for name, model in zip(models[1:], loaded[1:], strict=True):
        _same_shape(models[0], loaded[0], name, model)
    if base and origin:
        _same_shape(models[0], loaded[0], base, origin)
    states = [dict(model.state_dict()) for model in loaded]
    weights = settings.weights or (
        (0.5,) if settings.method == "slerp" else (1 / len(models),) * len(models)
    )
    chosen: dict[str, Any] = {"weights": [round(w, 6) for w in weights]}
    if settings.method == "linear" and abs(sum(weights) - 1) > 1e-3:
        raise LusiferError(
            f"the weights of linear sum to {sum(weights):g}; they must sum to 1, or the model is a scaled one"
        )
    if settings.method == "linear":
        made = linear(states, weights)
    elif settings.method == "slerp":
        made = slerp(states[0], states[1], weights[0])
    else:
        assert origin is not None
        start = dict(origin.state_dict())
        scale = settings.scale
        if settings.method == "self-positioning":
            weights, scale, losses = learn(origin, states, probe, settings, tell)
            chosen = {
                "weights": [round(w, 6) for w in weights],
                "scale": round(scale, 6),
                "loss": [round(losses[0], 4), round(losses[-1], 4)],
            }
        made = arithmetic(start, states, weights, scale)
    loaded[0].load_state_dict(made)
    with replacing_folder(into) as aside:
        write_as(loaded[0], locate(str(models[0])), aside)
        about = {
            "models": [str(m) for m in models],
            "base": str(base) if base else None,
            **asdict(settings),
            **chosen,
        }
        write_text(aside / "merge.yaml", yaml.safe_dump(_plain(about), sort_keys=False))
    return chosen


def linear(states: Sequence[State], weights: Sequence[float]) -> State:
    """Σ w_i θ_i of floating tensors; others are the first's."""
    return {
        k: _as(v, sum(w * s[k].double() for w, s in zip(weights, states, strict=True)))
        for k, v in states[0].items()
    }


def arithmetic(
    start: State, states: Sequence[State], weights: Sequence[float], scale: float
) -> State:
    """θ_0 + scale · Σ w_i (θ_i - θ_0)."""
    return {
        k: _as(
            v,
            v.double()
            + scale
            * sum(w * (s[k].double() - v.double()) for w, s in zip(weights, states, strict=True)),
        )
        for k, v in start.items()
    }


def slerp(first: State, second: State, share: float) -> State:
    """The point at `share` of the arc from the first model's weights to the second's, tensor by
    tensor.
    """
    import torch

    made = {}
    for name, value in first.items():
        a, b = value.double(), second[name].double()
        cosine = torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), dim=0).clamp(-1, 1)
        if abs(float(cosine)) > PARALLEL:
            mixed = (1 - share) * a + share * b
        else:
            angle = torch.arccos(cosine)
            mixed = (torch.sin((1 - share) * angle) * a + torch.sin(share * angle) * b) / torch.sin(
                angle
            )
        made[name] = _as(value, mixed)
    return made


def learn(
    origin: Any,
    states: Sequence[State],
    probe: Sequence[tuple[str, str]],
    settings: Combining,
    tell: Callable[[int, float], None],
) -> tuple[tuple[float, ...], float, list[float]]:
    """(weights, scale, losses): the position that ranks the probe's documents best, by gradient on
    in-batch InfoNCE.
    """
    import torch

    names = [name for name, value in origin.state_dict().items() if value.is_floating_point()]
    start = {name: origin.state_dict()[name] for name in names}
    deltas = [{name: state[name] - start[name] for name in names} for state in states]
    logits = torch.zeros(len(states), requires_grad=True)
    scale = torch.tensor(float(settings.scale), requires_grad=True)
    optimiser = torch.optim.Adam([logits, scale], lr=settings.lr)
    order = torch.Generator().manual_seed(settings.seed)
    losses = []
    for step in range(settings.steps):
        rows = torch.randperm(len(probe), generator=order)[: settings.batch_size].tolist()
        shares = logits.softmax(0)
        weights = {
            n: start[n] + scale * sum(w * d[n] for w, d in zip(shares, deltas, strict=True))
            for n in names
        }
        vectors = [
            _embed(origin, weights, [probe[i][side] for i in rows], ("query", "document")[side])
            for side in (0, 1)
        ]
        scores = vectors[0] @ vectors[1].T / settings.temperature
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(rows)))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
        tell(step + 1, losses[-1])
    return tuple(float(w) for w in logits.detach().softmax(0)), float(scale.detach()), losses


def _embed(
    model: Any, weights: Mapping[str, torch.Tensor], texts: list[str], side: str
) -> torch.Tensor:
    import torch

    prompt = model.prompts.get(side) or ""
    features = model.preprocess([prompt + text for text in texts])
    made = torch.func.functional_call(model, dict(weights), (features,))["sentence_embedding"]
    return torch.nn.functional.normalize(made.float(), dim=-1)


def _check(
    models: Sequence[str | Path],
    settings: Combining,
    base: str | Path | None,
    probe: Sequence[tuple[str, str]],
) -> None:
    """Raise LusiferError for what does not go together."""
    method = settings.method
    if len(models) < 2 and method in ("linear", "slerp", "branches"):
        raise LusiferError(f"{method} takes two models or more")
    if method == "slerp" and len(models) != 2:
        raise LusiferError(f"slerp goes from one model to one other; {len(models)} are named")
    if settings.weights and len(settings.weights) != (1 if method == "slerp" else len(models)):
        due = (
            "one weight, the second's share"
            if method == "slerp"
            else f"{len(models)} weights, one a model"
        )
        raise LusiferError(f"{method} takes {due}; {len(settings.weights)} are given")
    if method in ("task-arithmetic", "self-positioning") and base is None:
        raise LusiferError(f"{method} wants the base that the models were fine-tuned from")
    if method == "self-positioning" and len(probe) < 2:
        raise LusiferError("self-positioning wants a probe set of pairs")


def _same_shape(first: str | Path, model: Any, name: str | Path, other: Any) -> None:
    shapes, others = (
        {k: tuple(v.shape) for k, v in m.state_dict().items()} for m in (model, other)
    )
    if shapes != others:
        odd = next(k for k in {**shapes, **others} if shapes.get(k) != others.get(k))
        raise ModelError(
            f"{name}: is not of {first}'s shape ({odd} is {others.get(odd)} there, {shapes.get(odd)} here)"
        )
    if model.tokenizer.get_vocab() != other.tokenizer.get_vocab():
        raise ModelError(f"{name}: has another vocabulary than {first}")


def _as(like: Any, value: Any) -> Any:
    return value.to(like.dtype) if like.is_floating_point() else like


def _plain(about: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in about.items()}
