"""Why does a model do well in one language and not in another? Figures from parallel sentences,
without labels.

| figure | definition | source |
|---|---|---|
| premium | tokens of a language's sentences, divided by those of their English translations |
Petrov et al., arXiv 2305.15425 |
| tokens a word, a character | fertility; words are what spaces part | Rust et al., arXiv 2012.15613
|
| unknown | share of the tokens that stand for what the tokenizer does not know | |
| MEXA | share of i with cos(x_i, y_i) above every other of its row and column | Kargaran et al.,
arXiv 2410.05873 |
| likeness | mean cosine of a sentence and its English translation (Language Ranker) | Li et al.,
arXiv 2404.11553 |
| csls gain | accuracy to English with CSLS (k = 10), less that by cosine | Conneau et al., arXiv
1710.04087 |
| hubness | skewness of how often each English sentence is among the 10 nearest | Radovanovic et al.
2010 |
| anisotropy | mean cosine of different sentences of the language | Ethayarajh, arXiv 1909.00512 |
| outliers | dimensions whose mean is three standard deviations off the mean of all | Timkey and van
Schijndel, arXiv 2109.04404 |
| a change's likeness | mean cosine of a sentence and its changed self (`perturb`) | |
| drift | English against a reference model: mean cosine, and the share of each sentence's 10
nearest that stay | |

Cost: some 9 vectors a sentence. Not a score: two models' figures compare only with their
distributions beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from lusifer.encoding import Encoder
from lusifer.errors import LusiferError
from lusifer.evaluation.diagnostics.perturb import CHANGES
from lusifer.models import TokenAccess, Vectors
from lusifer.reshaping import anisotropy, outliers
from lusifer.text import ENGLISH

Floats = npt.NDArray[np.float64]
NEAREST = 10


@dataclass(frozen=True)
class Diagnosis:
    """One language's figures; None where a figure does not apply (an endpoint's tokens) or English
    is compared with itself.
    """

    language: str
    sentences: int
    mexa: float | None
    likeness: float | None
    csls_gain: float | None
    hubness: float | None
    anisotropy: float
    outliers: int
    premium: float | None = None
    tokens_per_word: float | None = None
    tokens_per_character: float | None = None
    unknown: float | None = None
    changes: Mapping[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """As a plain dict, for JSON."""
        return asdict(self)


def diagnose_language(
    model: Encoder,
    language: str,
    texts: Sequence[str],
    english: Sequence[str],
    changes: Sequence[str] = tuple(CHANGES),
) -> Diagnosis:
    """The figures of one language, from sentences and their English translations in the same order."""
    y = model(texts)
    across: dict[str, Any] = dict.fromkeys(("mexa", "likeness", "csls_gain", "hubness"))
    if language != ENGLISH:
        across = compared(y, model(english))
    changed = {}
    for name in changes:
        pairs = [
            (text, other)
            for text in texts
            if (other := CHANGES[name](text)) != text and other.strip()
        ]
        if pairs:
            before, after = model([a for a, _ in pairs]), model([b for _, b in pairs])
            changed[name] = float((before * after).sum(1).mean())
    found = Diagnosis(
        language,
        len(texts),
        **across,
        anisotropy=anisotropy(y),
        outliers=len(outliers(y)),
        changes=changed,
    )
    return Diagnosis(**(found.__dict__ | fertility(TokenAccess.of(model.model), texts, english)))


def compared(x: Vectors, y: Vectors) -> dict[str, float]:
    """Figures of unit vectors (n, d) against those of their English translations."""
    cosine = (x @ y.T).astype(np.float64)
    plain = accuracy(cosine)
    return {
        "mexa": mexa(cosine),
        "likeness": float(np.diag(cosine).mean()),
        "csls_gain": accuracy(csls(cosine)) - plain,
        "hubness": hubness(cosine),
    }


def mexa(cosine: Floats) -> float:
    """Share of the pairs whose cosine is above every other in its row and its column."""
    own = np.diag(cosine)
    others = cosine - np.diag(np.full(len(cosine), np.inf))
    return float((own > np.maximum(others.max(0), others.max(1))).mean())


def accuracy(scores: Floats) -> float:
    """Share of the rows whose highest score is on the diagonal."""
    return float((scores.argmax(1) == np.arange(len(scores))).mean())


def csls(cosine: Floats, k: int = NEAREST) -> Floats:
    """Twice the cosine, less each side's mean cosine to its k nearest on the other."""
    k = min(k, len(cosine))
    rows, columns = np.sort(cosine, 1)[:, -k:].mean(1), np.sort(cosine, 0)[-k:].mean(0)
    result: Floats = 2 * cosine - rows[:, None] - columns[None, :]
    return result


def hubness(cosine: Floats, k: int = NEAREST) -> float:
    """Skewness of how often each column is among a row's k highest; 0 where all are so equally
    often.
    """
    k = min(k, cosine.shape[1])
    nearest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
    counts = np.bincount(nearest.ravel(), minlength=cosine.shape[1]).astype(np.float64)
    spread = counts.std()
    return float(((counts - counts.mean()) ** 3).mean() / spread**3) if spread else 0.0


def fertility(
    tokens: TokenAccess | None, texts: Sequence[str], english: Sequence[str]
) -> dict[str, float]:
    """How many tokens a language takes; nothing where the tokenizer is not known."""
    if tokens is None:
        return {}
    count, unknown = tokens.count(texts)
    words, characters = sum(len(t.split()) for t in texts), sum(map(len, texts))
    return {
        "premium": count / max(1, tokens.count(english)[0]),
        "tokens_per_word": count / max(1, words),
        "tokens_per_character": count / max(1, characters),
        "unknown": unknown / max(1, count),
    }


def drift(model: Vectors, reference: Vectors, k: int = NEAREST) -> dict[str, float]:
    """Of the same English sentences: mean cosine to the reference's vectors (where sizes agree),
    and the nearest that stay.
    """
    if len(model) < 2:
        raise LusiferError("drift is told by neighbours; two English sentences or more are needed")
    k = min(k, len(model) - 1)
    stayed = [
        len(set(a) & set(b)) / k for a, b in zip(_near(model, k), _near(reference, k), strict=True)
    ]
    found = {"neighbours kept": float(np.mean(stayed))}
    if model.shape == reference.shape:
        found["cosine"] = float((model * reference).sum(1).mean())
    return found


def _near(x: Vectors, k: int) -> list[list[int]]:
    cosine = x @ x.T
    np.fill_diagonal(cosine, -np.inf)
    nearest: list[list[int]] = np.argsort(-cosine, axis=1, kind="stable")[:, :k].tolist()
    return nearest


def flat(x: Vectors) -> Floats:
    """(n, d) vectors → (n, 2): their first two principal axes, signs fixed."""
    centred = x.astype(np.float64) - x.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2] * np.where(axes[:2, np.abs(axes[:2]).argmax(1)].diagonal() < 0, -1, 1)[:, None]
    result: Floats = centred @ axes.T
    return result
