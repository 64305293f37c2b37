"""What centring, turning, evening out and cutting a model's vectors does to them, by language.

Each way (`lusifer reshape whiten` writes the same) is fitted on texts of the corpora, the same number a language,
and measured on Tatoeba (foreign sentence -> its English one among up to 1,000), STS17 and SIB-200's topics (a task's first figure). The
model reads each text once: a way is a matrix behind its vectors.

    python benchmarks/whiten.py ../shared/data --model intfloat/multilingual-e5-small
"""

from __future__ import annotations

import argparse
import collections
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

import lusifer
from lusifer.io import write_json
from lusifer.reshaping.linear_map import before_normalizing
from lusifer.reshaping.whiten import Evening, anisotropy, evened
from lusifer.reshaping.whiten_files import unit

CORPORA = ("ud", "common_voice", "udhr")
TASKS = ("tatoeba", "sts17", "sib200")
LANGUAGES = (
    "eng_Latn deu_Latn rus_Cyrl zho_Hans arb_Arab hin_Deva swh_Latn tur_Latn kat_Geor".split()
)
WAYS = {
    "centred": Evening(),
    "whitened .25": Evening(power=0.25),
    "whitened .5": Evening(power=0.5),
    "whitened 1": Evening(power=1.0),
    "without the first axis": Evening(remove=1),
    "without the first three": Evening(remove=3),
    "without 5 axes of languages": Evening(language_axes=5),
    "without 8 axes of languages": Evening(language_axes=8),
    "without outliers": Evening(outliers=True),
    "192 numbers": Evening(dim=192),
    "96 numbers": Evening(dim=96),
    "48 numbers": Evening(dim=48),
    "48 numbers, whitened .5": Evening(dim=48, power=0.5),
}


class Remembered:
    """A model's vectors before they are normalised, each text read once, behind a map."""

    def __init__(self, model: Any) -> None:
        self.model, self.found = model, dict[tuple[str, str], np.ndarray]()
        self.way: tuple[np.ndarray, np.ndarray] | None = None
        self.max_tokens = int(model.max_seq_length or 512)

    @property
    def dim(self) -> int:
        return int(self.way[0].shape[1] if self.way else self.model.get_embedding_dimension())

    @property
    def prompts(self) -> Mapping[str, str]:
        return dict(self.model.prompts)

    def raw(self, texts: Sequence[str], prompt: str | None = None) -> np.ndarray:
        name = prompt or self.model.default_prompt_name or ""
        new = list(dict.fromkeys(t for t in texts if (name, t) not in self.found))
        self.model.default_prompt_name, kept = name or None, self.model.default_prompt_name
        for start in range(0, len(new), 512):
            part = new[start : start + 512]
            for text, vector in zip(part, before_normalizing(self.model, part)[1], strict=True):
                self.found[name, text] = vector
        self.model.default_prompt_name = kept
        return np.stack([self.found[name, text] for text in texts])

    def encode(self, texts: Sequence[str], *, prompt: str | None = None) -> np.ndarray:
        raw = self.raw(texts, prompt)
        return unit(raw @ self.way[0] + self.way[1] if self.way else raw)


def corpus(data: Path, each: int) -> dict[str, list[str]]:
    """Up to `each` texts of each language."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    for name in CORPORA:
        file = data / "monolingual" / f"{name}.tsv.xz"
        with lzma.open(file, "rt", encoding="utf-8") as opened:
            for line in opened:
                code, text = line.rstrip("\n").split("\t")[:2]
                if code in LANGUAGES and len(found[code]) < each and text.strip():
                    found[code].append(text)
    return found


def main(data: Path, name: str, each: int, tasks: list[str], out: Path) -> None:
    model = Remembered(lusifer.sentence_transformer(name, device="cpu"))
    texts = corpus(data, each)
    spoken = [code for code, of in texts.items() for _ in of]
    raw = model.raw([text for of in texts.values() for text in of])
    print(f"{len(raw):,} texts in {len(texts)} languages")
    rows: list[dict[str, Any]] = []
    for way, how in [("as it is", None), *WAYS.items()]:
        model.way = evened(raw, how, spoken) if how else None
        made = unit(raw @ model.way[0] + model.way[1] if model.way else raw)
        row: dict[str, Any] = {"way": way, "mean cosine": round(anisotropy(made), 3)}
        for task in tasks:
            # The languages of STS17 are pairs, and Tatoeba's are those beside English.
            asked = {"sts17": None, "tatoeba": LANGUAGES[1:]}.get(task, LANGUAGES)
            scores = lusifer.evaluate(model, data, [task], asked)
            by = {s.language: s.value for s in scores if s.metric == scores[0].metric}
            row[task] = round(fmean(by.values()), 4)
            row[f"{task}, languages"] = by
        rows.append(row)
        write_json(out, {"model": name, "rows": rows})
        print(" | ".join([way, *(str(row[k]) for k in ("mean cosine", *tasks))]), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="intfloat/multilingual-e5-small")
    parser.add_argument("--each", type=int, default=250, help="texts a language to fit on")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["tatoeba", "sts17"])
    parser.add_argument("-o", "--out", type=Path, default=Path("out/benchmarks/whiten.json"))
    chosen = parser.parse_args()
    main(chosen.data, chosen.model, chosen.each, chosen.tasks, chosen.out)
