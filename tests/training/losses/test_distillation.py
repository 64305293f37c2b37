"""Losses: equal to their plain definitions; two processes give the gradients of one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from lusifer.training.losses.distances import Cosine, RawError, SquaredError
from lusifer.training.losses.distillation import distillation
from lusifer.training.losses.in_batch import Similarities, TeacherRanking
from lusifer.training.losses.margin import margin_ranking
from tests.training.processes import together


def test_distillation_terms_are_their_definitions_and_vanish_at_the_teacher() -> None:
    torch.manual_seed(0)
    s, t = torch.randn(5, 7), torch.randn(5, 7)
    near = (Cosine(), SquaredError(weight=2.0), Similarities(temperature=0.2))
    terms = distillation(s, t, (*near, RawError(), TeacherRanking(weight=0.5, temperature=0.2)))
    torch.testing.assert_close(terms["error"], ((s - t) ** 2).sum(1).mean())
    cos = F.cosine_similarity(s, t)
    torch.testing.assert_close(terms["cosine"], (1 - cos).mean())
    torch.testing.assert_close(terms["mse"], 2 * (2 - 2 * cos).mean())
    u, v = F.normalize(s, dim=-1), F.normalize(t, dim=-1)
    torch.testing.assert_close(
        terms["ranking"], 0.5 * F.cross_entropy(u @ v.T / 0.2, torch.arange(5))
    )
    at_home = distillation(t, t, (*near, RawError()))
    assert max(float(v) for v in at_home.values()) < 1e-5
    assert set(at_home) == {"cosine", "mse", "kl", "error"}


TERMS = (
    *(Cosine(), SquaredError(), RawError()),
    *(TeacherRanking(temperature=0.1), Similarities(temperature=0.1)),
)


class Tiny(torch.nn.Module):
    """Stands for a SentenceTransformer: features in, `sentence_embedding` out."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = torch.nn.Linear(6, 4)

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"sentence_embedding": self.layer(features["x"])}


def gradients(
    kind: str, data: dict[str, torch.Tensor], rows: slice, gather: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    model = Tiny()
    parts = {k: v[rows] for k, v in data.items()}
    if kind == "contrastive":
        loss_fn = MultipleNegativesRankingLoss(model, scale=20.0, gather_across_devices=gather)  # type: ignore[arg-type]
        loss = loss_fn([{"x": parts[k]} for k in ("query", "document", "negative")], None)
    elif kind == "margin":
        same = torch.zeros(len(parts["query"]), len(data["query"]), dtype=torch.bool)
        x, y = (model({"x": parts[k]})["sentence_embedding"] for k in ("query", "document"))
        loss = margin_ranking(x, y, 0.05, 0.2, same)
    else:
        student = model({"x": parts["query"]})["sentence_embedding"]
        loss = torch.stack(list(distillation(student, parts["teacher"], TERMS).values())).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach(), model.layer.weight.grad.clone()  # type: ignore[union-attr]


def worker(kind: str, data: dict[str, torch.Tensor], folder: str) -> None:
    import warnings

    warnings.simplefilter("ignore")
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    loss, gradient = gradients(kind, data, slice(rank * 4, rank * 4 + 4), gather=True)
    for tensor in (loss, gradient):  # what DDP does with gradients
        torch.distributed.all_reduce(tensor)
        tensor /= 2
    if rank == 0:
        torch.save((loss, gradient), f"{folder}/result.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("kind", ["contrastive", "margin", "distillation"])
def test_two_processes_give_the_gradients_of_one(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(5)
    data = {k: torch.randn(8, 6) for k in ("query", "document", "negative")} | {
        "teacher": torch.randn(8, 4)
    }
    loss, gradient = gradients(kind, data, slice(0, 8), gather=False)
    together(worker, kind, data, str(tmp_path), errors=tmp_path)
    other_loss, other_gradient = torch.load(tmp_path / "result.pt")
    torch.testing.assert_close(other_loss, loss)
    torch.testing.assert_close(other_gradient, gradient, atol=1e-6, rtol=1e-5)
