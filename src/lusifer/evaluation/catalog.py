"""The local sets: which files, what their columns are, and what is asked. Their texts are never
trained on.

`TASKS` are all tasks by name; `chosen_tasks` turns what a user names, tasks or kinds, into them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from lusifer.data import read_rows
from lusifer.errors import DataError, LusiferError
from lusifer.evaluation.tasks.kinds import (
    Bitext,
    ByLanguage,
    Classification,
    Clustering,
    Drift,
    PairClassification,
    Questions,
    Read,
    Reranking,
    Retrieval,
    Similarity,
    Task,
)
from lusifer.text import ENGLISH

SIB = "classification/sib200.tsv.xz"


def rows(root: Path, file: str, columns: str, *, split: str | None = None) -> ByLanguage:
    """A file's rows by language; `columns` are names, `_` for one that is not used. Without a
    language column all is English.
    """
    groups: ByLanguage = defaultdict(list)
    for row in read_rows(str(root / file), columns.split()):
        if split is None or row.values["split"] == split:
            groups[row.values.get("language", ENGLISH)].append(row.values)
    return dict(groups)


def table(file: str, columns: str, *, split: str | None = None) -> Read:
    """A reader of one file."""
    return lambda root: rows(root, file, columns, split=split)


def in_english(groups: ByLanguage, file: Path) -> list[dict[str, str]]:
    """The English rows of a file. Raises DataError where there are none."""
    if not groups.get(ENGLISH):
        raise DataError(file, None, f"has no rows of {ENGLISH}, which the others are asked with")
    return groups[ENGLISH]


def sib_bitext(root: Path) -> ByLanguage:
    """SIB-200's sentences of all splits, joined with the English of the same number: translations
    in 204 languages.
    """
    groups = rows(root, SIB, "language _ id _ text")
    english = {row["id"]: row["text"] for row in in_english(groups, root / SIB)}
    joined: ByLanguage = {}
    for language, found in groups.items():
        numbered = {row["id"]: row["text"] for row in found if row["id"] in english}
        joined[language] = [
            {"english": english[i], "text": numbered[i]}
            for i in sorted(numbered, key=lambda i: (int(i) if i.isdecimal() else -1, i))
        ]
    return joined


def labelled_pairs(file: str, columns: str, positive: str) -> Read:
    """Pairs of two texts with label 1 where the file says `positive`."""

    def read(root: Path) -> ByLanguage:
        groups = rows(root, file, columns)
        return {
            k: [r | {"label": str(int(r["label"] == positive))} for r in found]
            for k, found in groups.items()
        }

    return read


def questions(
    queries: str, columns: str, passages: str, corpus_columns: str
) -> Callable[[Path], Questions]:
    """A reader of two files: questions, whose `id` is one in all languages, with the id of their
    passage; and passages.
    """

    def read(root: Path) -> Questions:
        asked = rows(root, queries, columns)
        relevant = {
            language: {row["id"]: [row["passage"]] for row in found}
            for language, found in asked.items()
        }
        return Questions(asked, rows(root, passages, corpus_columns), relevant)

    return read


def _grade(text: str, file: Path) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(file, None, f"the grade {text[:40]!r} is no whole number") from None


def judged(
    queries: str, columns: str, passages: str, corpus_columns: str, judgements: str
) -> Callable[[Path], Questions]:
    """A reader of three files: English questions, passages, and judgements, relevant from grade 1
    on. Empty passages are none.
    """

    def read(root: Path) -> Questions:
        found = [
            row
            for row in in_english(rows(root, passages, corpus_columns), root / passages)
            if row["text"].strip()
        ]
        there = {row["id"] for row in found}
        relevant: dict[str, list[str]] = defaultdict(list)
        for row in in_english(rows(root, judgements, "id passage grade"), root / judgements):
            if _grade(row["grade"], root / judgements) >= 1 and row["passage"] in there:
                relevant[row["id"]].append(row["passage"])
        return Questions(rows(root, queries, columns), {ENGLISH: found}, {ENGLISH: relevant})

    return read


TATOEBA, NTREX, MGSM = (f"bitext_eval/{name}.tsv.xz" for name in ("tatoeba", "ntrex_dev", "mgsm"))
XQUAD, XQUAD_R = (
    (f"retrieval/{queries}.tsv.xz", f"retrieval/{passages}.tsv.xz")
    for queries, passages in (
        ("xquad_queries", "xquad_corpus"),
        ("xquad_r_queries", "xquad_r_candidates"),
    )
)
SQUAD = ("retrieval/squad11_dev_queries_en.tsv.xz", "retrieval/squad11_dev_corpus_en.tsv.xz")
CRANFIELD = tuple(
    f"retrieval/cranfield_{name}.tsv.xz" for name in ("queries_en", "corpus_en", "qrels")
)
STSB_TEST, STSB_DEV, SICK_TEST, SICK_DEV, STS12_16 = (
    f"similarity/{name}.tsv.xz"
    for name in ("stsb_test", "stsb_dev", "sick_test_en", "sick_dev_en", "sts12_16_en")
)
NUSAX, MASAKHA, BANKING, CLINC = (
    f"classification/{name}.tsv.xz"
    for name in ("nusax_sentiment", "masakhanews", "banking77_en", "clinc150_en")
)
TITLES = "clustering/stackoverflow_titles_en.tsv.xz"
TREC_TEST, TREC_DEV = (f"reranking/trecqa_{split}_en.tsv.xz" for split in ("test", "dev"))
SICK_COLUMNS, TREC_COLUMNS = "language score label a b", "language label query text"


def sentences(root: Path) -> ByLanguage:
    """The distinct English sentences of STS benchmark's test."""
    pairs = rows(root, STSB_TEST, "language _ a b")
    return {
        ENGLISH: [
            {"text": row[side]} for row in in_english(pairs, root / STSB_TEST) for side in "ab"
        ]
    }


# Training sets, by their names without owners and in small letters, that share texts or a source with
# several tasks.
SQUAD_SETS = ("squad", "squad_v2", "xquad", "xquadretrieval")
STSB_SETS = ("stsb", "stsbenchmark", "stsb_multi_mt", "stsb_train")
SICK_SETS = ("sick", "sick_train_en")
FLORES_SETS = ("flores", "sib200", "xp3")

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Drift("english", (STSB_TEST,), sentences, overlaps=STSB_SETS),
        Bitext(
            "tatoeba",
            (TATOEBA,),
            table(TATOEBA, "language _ english text"),
            overlaps=("tatoeba", "opus-100", "xp3"),
        ),
        Bitext("ntrex", (NTREX,), table(NTREX, "language _ _ english text"), overlaps=("ntrex",)),
        Bitext("sib200-bitext", (SIB,), sib_bitext, pool=1004, overlaps=FLORES_SETS),
        Bitext("mgsm", (MGSM,), table(MGSM, "language english text"), overlaps=("mgsm", "gsm8k")),
        Retrieval(
            "xquad",
            XQUAD,
            questions(XQUAD[0], "language id passage text _", XQUAD[1], "language id _ text"),
            overlaps=SQUAD_SETS,
        ),
        Retrieval(
            "xquad-r",
            XQUAD_R,
            questions(XQUAD_R[0], "language id passage text", XQUAD_R[1], "language id text"),
            everywhere=True,
            overlaps=SQUAD_SETS,
        ),
        Retrieval(
            "squad",
            SQUAD,
            questions(SQUAD[0], "language id passage text", SQUAD[1], "language id _ text"),
            overlaps=SQUAD_SETS,
        ),
        Retrieval(
            "cranfield",
            CRANFIELD,
            judged(
                CRANFIELD[0], "language id text", CRANFIELD[1], "language id _ text", CRANFIELD[2]
            ),
            overlaps=("cranfield",),
        ),
        Similarity(
            "sts17",
            ("similarity/sts17.tsv.xz",),
            table("similarity/sts17.tsv.xz", "_ language score a b"),
            overlaps=STSB_SETS,
        ),
        Similarity(
            "stsb", (STSB_TEST,), table(STSB_TEST, "language score a b"), overlaps=STSB_SETS
        ),
        Similarity(
            "stsb-dev", (STSB_DEV,), table(STSB_DEV, "language score a b"), overlaps=STSB_SETS
        ),
        Similarity("sick", (SICK_TEST,), table(SICK_TEST, SICK_COLUMNS), overlaps=SICK_SETS),
        Similarity("sick-dev", (SICK_DEV,), table(SICK_DEV, SICK_COLUMNS), overlaps=SICK_SETS),
        Similarity(
            "sts12-16",
            (STS12_16,),
            table(STS12_16, "part _ split score a b", split="test"),
            overlaps=(*STSB_SETS, "mrpc_train_en"),
        ),
        PairClassification(
            "sick-pairs",
            (SICK_TEST,),
            labelled_pairs(SICK_TEST, SICK_COLUMNS, "ENTAILMENT"),
            overlaps=SICK_SETS,
        ),
        Classification(
            "sib200", (SIB,), table(SIB, "language split _ label text"), overlaps=FLORES_SETS
        ),
        Classification(
            "nusax",
            (NUSAX,),
            table(NUSAX, "language split _ label text"),
            overlaps=("nusax_senti",),
        ),
        Classification(
            "masakhanews",
            (MASAKHA,),
            table(MASAKHA, "language split label _ text"),
            overlaps=("masakhanews",),
        ),
        Classification(
            "banking77",
            (BANKING,),
            table(BANKING, "language split label text"),
            overlaps=("banking77", "banking77_en"),
        ),
        Classification(
            "clinc150",
            (CLINC,),
            table(CLINC, "language split label text"),
            overlaps=("clinc_oos", "clinc150_en"),
        ),
        Clustering(
            "sib200-clusters",
            (SIB,),
            table(SIB, "language split _ label text"),
            overlaps=FLORES_SETS,
        ),
        Clustering(
            "titles",
            (TITLES,),
            table(TITLES, "language label text"),
            overlaps=("stackexchange", "stackexchange_xml"),
        ),
        Reranking("trecqa", (TREC_TEST,), table(TREC_TEST, TREC_COLUMNS), overlaps=("trecqa",)),
        Reranking("trecqa-dev", (TREC_DEV,), table(TREC_DEV, TREC_COLUMNS), overlaps=("trecqa",)),
    )
}


def chosen_tasks(names: Iterable[str | Task] | None) -> list[Task]:
    """The tasks of these names, or of these kinds (`bitext`, `retrieval`, ...), and tasks that are
    given as they are; all without. Raises LusiferError for any other.
    """
    if names is None:
        return list(TASKS.values())
    found: list[Task] = []
    for name in names:
        if not isinstance(name, str):
            found += [name] if name not in found else []
            continue
        of_kind = [
            task
            for task in TASKS.values()
            if name.lower() in (task.kind.lower(), task.kind.removesuffix("Mining").lower())
        ]
        if name not in TASKS and not of_kind:
            kinds = dict.fromkeys(
                task.kind.removesuffix("Mining").lower() for task in TASKS.values()
            )
            raise LusiferError(
                f"no local task {name!r}; there are: {', '.join(TASKS)}; or all of a kind: {', '.join(kinds)}"
            )
        found += [
            task for task in ([TASKS[name]] if name in TASKS else of_kind) if task not in found
        ]
    return found
