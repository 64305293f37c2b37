"""Rows for new pieces as weighted mixes of the rows that are there: one matrix, many ways to fill it.

`mean`: of the old pieces that a new one is made of. `script`: of all pieces of its script. `random`:
drawn by the mean and spread of all rows, the baseline. `focus` (Dobler and de Melo, arXiv
2305.14481): by likeness in a space of the corpus alone, where old and new pieces both stand; the weights
are sparsemax of the cosines, so that few rows count. Its space here is the singular vectors of positive
pointwise mutual information within a window (Levy and Goldberg, 2014), where FOCUS takes fastText.
`translations` (Trans-tokenization, arXiv 2408.04303): of the pieces of English sentences that stand
where the new piece does in their translations, by IBM's first model (Brown et al., 1993). Cost: seconds
to minutes for a few thousand pieces. A piece that a way says nothing of gets `mean`, or `script` where it
is made of nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from lusifer.reshaping.new_pieces import NewPiece
from lusifer.text import script_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Rows = Literal["mean", "script", "random", "focus", "translations"]
WAYS: tuple[Rows, ...] = get_args(Rows)
WINDOW, SIZE = 5, 100  # of the space of the corpus: pieces on each side, numbers of a vector
SEEN = 3  # how often a piece must stand to have a place in it
ROUNDS = 5  # of IBM's first model
NEAREST = 10  # translations that count
NO_SCRIPT = "Zyyy"  # of digits and signs
Floats = npt.NDArray[np.float32]
Decode = Callable[[str], str]  # a piece as it is read
Weights = dict[str, dict[int, float]]  # of a new piece, those of the old ones' numbers


def mixed(table: Floats, new: Sequence[NewPiece], weights: Weights, seed: int = 0) -> Floats:
    """The new rows, (new, dim): a weighted mean each; drawn at random where there is no weight.

    Args:
        table: the old rows, (pieces, dim).
        new: the pieces.
        weights: of each by its name, summing to 1.
        seed: of what is drawn.

    Returns:
        The rows.
    """
    rng = np.random.default_rng(seed)
    mean, spread = table.mean(0), table.std(0)
    made = np.empty((len(new), table.shape[1]), dtype=np.float32)
    for number, one in enumerate(new):
        own = weights.get(one.piece)
        if own:
            made[number] = np.array(list(own.values()), dtype=np.float32) @ table[list(own)]
        else:
            made[number] = rng.normal(mean, spread)
    return made


def by_parts(new: Sequence[NewPiece], numbers: dict[str, int]) -> Weights:
    """Even weights of the old pieces that each is made of, down to these; none for a new character."""
    made: Weights = {}
    for one in new:
        if one.parts is None:
            continue
        own: dict[int, float] = defaultdict(float)
        known = [part for part in one.parts if part in numbers or part in made]
        for part in known:
            for number, weight in (made.get(part) or {numbers[part]: 1.0}).items():
                own[number] += weight / len(known)
        if own:
            made[one.piece] = dict(own)
    return made


def by_script(new: Sequence[NewPiece], numbers: dict[str, int], decode: Decode) -> Weights:
    """Even weights of all old pieces of a new one's script; none where there is no such piece."""
    of: dict[str, list[int]] = defaultdict(list)
    for piece, number in numbers.items():
        of[script_of(decode(piece))].append(number)
    found = {}
    for one in new:
        script = script_of(decode(one.piece))
        alike = of.get(script, []) if script != NO_SCRIPT else []
        if alike:
            found[one.piece] = dict.fromkeys(alike, 1 / len(alike))
    return found


def by_likeness(
    new: Sequence[NewPiece], numbers: dict[str, int], tokenizer: Tokenizer, texts: Iterable[str]
) -> Weights:
    """FOCUS: sparsemax of the cosines to the old pieces in the corpus's own space.

    Args:
        new: the pieces.
        numbers: of the old ones.
        tokenizer: which has both.
        texts: the corpus.

    Returns:
        Weights of those new pieces that stand often enough.
    """
    vectors = corpus_space(tokenizer, texts)
    old = [piece for piece in vectors if piece in numbers]
    if not old:
        return {}
    space = np.stack([vectors[piece] for piece in old])
    found: Weights = {}
    for one in new:
        if one.piece in vectors:
            weights = sparsemax(space @ vectors[one.piece])
            found[one.piece] = {numbers[old[i]]: float(weights[i]) for i in np.flatnonzero(weights)}
    return found


def corpus_space(tokenizer: Tokenizer, texts: Iterable[str]) -> dict[str, Floats]:
    """Unit vectors of the pieces that stand `SEEN` times or more in some texts: the singular vectors of
    positive pointwise mutual information within `WINDOW` pieces.

    Args:
        tokenizer: how texts are spelt.
        texts: the corpus.

    Returns:
        A vector of `SIZE` numbers, or fewer, a piece.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import svds

    lines = [one.tokens for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
    often = Counter(token for line in lines for token in line)
    names = [token for token, count in often.items() if count >= SEEN]
    place = {token: i for i, token in enumerate(names)}
    beside: Counter[tuple[int, int]] = Counter()
    for line in lines:
        ids = [place[token] for token in line if token in place]
        for i, first in enumerate(ids):
            for second in ids[i + 1 : i + 1 + WINDOW]:
                beside[first, second] += 1
                beside[second, first] += 1
    if len(names) < 4 or not beside:
        return {}
    rows, columns = np.array(list(beside), dtype=np.int64).T
    counts = np.array(list(beside.values()), dtype=np.float64)
    sums = np.bincount(rows, counts, len(names))
    mutual = np.log(counts * counts.sum() / (sums[rows] * sums[columns]))
    good = mutual > 0
    matrix = csr_matrix((mutual[good], (rows[good], columns[good])), (len(names), len(names)))
    size = min(SIZE, len(names) - 2)
    start = np.random.default_rng(0).normal(size=len(names))
    left, values, _ = svds(matrix, size, v0=start)
    vectors = (left * np.sqrt(values)).astype(np.float32)
    lengths = np.linalg.norm(vectors, axis=1)
    return {n: vectors[i] / lengths[i] for i, n in enumerate(names) if lengths[i] > 1e-9}


def sparsemax(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The nearest point of the simplex (Martins and Astudillo, arXiv 1602.02068): few weights above 0."""
    ranked = np.sort(scores.astype(np.float64))[::-1]
    sums = np.cumsum(ranked)
    kept = 1 + int(np.flatnonzero(1 + np.arange(1, len(ranked) + 1) * ranked > sums).max())
    threshold = (sums[kept - 1] - 1) / kept
    weights: npt.NDArray[np.float64] = np.maximum(scores.astype(np.float64) - threshold, 0)
    weights /= weights.sum()
    return weights


def by_translations(
    new: Sequence[NewPiece],
    numbers: dict[str, int],
    tokenizer: Tokenizer,
    pairs: Sequence[tuple[str, str]],
) -> Weights:
    """The English pieces that a new one is a translation of, by IBM's first model.

    Args:
        new: the pieces.
        numbers: of the old ones.
        tokenizer: which has both.
        pairs: (English, foreign) sentences.

    Returns:
        Of each new piece that stands in them its `NEAREST` likeliest English pieces, softened to
        weights by their probabilities.
    """
    asked = {one.piece for one in new}
    sides = [
        [list(dict.fromkeys(e.tokens)) for e in tokenizer.encode_batch([pair[i] for pair in pairs], add_special_tokens=False)]
        for i in (0, 1)
    ]  # fmt: skip
    lines = [(e, f) for e, f in zip(*sides, strict=True) if e and f]
    chance: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    for _ in range(ROUNDS):
        counted: dict[tuple[str, str], float] = defaultdict(float)
        totals: dict[str, float] = defaultdict(float)
        for english, foreign in lines:
            for word in english:  # each English piece is spread over the foreign ones
                shares = [chance[word, other] for other in foreign]
                whole = sum(shares)
                for other, share in zip(foreign, shares, strict=True):
                    counted[word, other] += share / whole
                    totals[other] += share / whole
        chance = defaultdict(float, {key: value / totals[key[1]] for key, value in counted.items()})
    likely: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for (word, other), value in chance.items():
        if other in asked and word in numbers:
            likely[other].append((value, word))
    found: Weights = {}
    for piece, words in likely.items():
        best = sorted(words, reverse=True)[:NEAREST]
        whole = sum(value for value, _ in best)
        if whole > 0:
            found[piece] = {numbers[word]: value / whole for value, word in best}
    return found
