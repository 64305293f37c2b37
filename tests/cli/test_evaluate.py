"""`lusifer evaluate`, `diagnose` and `report` as a user starts them: what they print, and one line
for bad input.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lusifer.cli.app import app
from lusifer.errors import LusiferError
from tests.cli.command import run

LANGUAGES = ("eng_Latn", "deu_Latn", "spa_Latn")
THINGS = (
    "bread",
    "rain",
    "trains",
    "music",
    "money",
    "doctors",
    "winter",
    "letters",
    "cats",
    "rivers",
    "books",
    "shoes",
)
WORDS = {
    "eng_Latn": ("I often think about {}", THINGS),
    "deu_Latn": ("Ich denke oft an {}", ("Brot", "Regen", "Züge", "Musik", "Geld", "Ärzte", "Winter", "Briefe", "Katzen", "Flüsse", "Bücher", "Schuhe")),
    "spa_Latn": ("Pienso a menudo en {}", ("pan", "lluvia", "trenes", "música", "dinero", "médicos", "invierno", "cartas", "gatos", "ríos", "libros", "zapatos")),
}  # fmt: skip


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """SIB-200's and Tatoeba's files, with sentences of ours."""
    sib = [
        f"{language}\t{split}\t{12 * k + i}\t{'nature' if i % 2 else 'home'}\t{form.format(word)} {k}"
        for language, (form, words) in WORDS.items()
        for k, split in enumerate(("train", "test"))
        for i, word in enumerate(words)
    ]
    tatoeba = [
        f"deu_Latn\tdeu\t{WORDS['eng_Latn'][0].format(e)}\t{WORDS['deu_Latn'][0].format(g)}"
        for e, g in zip(THINGS, WORDS["deu_Latn"][1], strict=True)
    ]
    for name, lines in (("classification/sib200", sib), ("bitext_eval/tatoeba", tatoeba)):
        (tmp_path / "suite" / name).parent.mkdir(parents=True)
        (tmp_path / "suite" / f"{name}.tsv.xz").write_bytes(
            lzma.compress(("\n".join(lines) + "\n").encode())
        )
    return tmp_path / "suite"


def told(*arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_model_is_scored_diagnosed_and_shown(suite: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    results, report = str(tmp_path / "results"), str(tmp_path / "report")
    said = told(
        "evaluate",
        "static",
        "--suite",
        str(suite),
        "--tasks",
        "tatoeba,sib200,sib200-bitext",
        "-o",
        results,
    )
    assert "to English" in said
    assert "accuracy English" in said
    assert "†" not in said, "the table's recipe names none of these files"
    again = told(
        "evaluate",
        "static",
        "--suite",
        str(suite),
        "--tasks",
        "tatoeba",
        "--by-language",
        "-o",
        results,
    )
    assert "deu_Latn" in again
    assert "1 of 1 results were there already" in again
    said = told(
        "diagnose",
        "static",
        "--suite",
        str(suite),
        "--languages",
        "de,es",
        "--sentences",
        "24",
        "--sticky",
        "-o",
        results,
    )
    assert "mexa" in said
    assert "sticky" in said
    said = told("report", results, "-o", report)
    assert "report.html" in said
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000


@pytest.mark.filterwarnings("ignore")  # mteb's own
def test_without_a_network_a_benchmark_ends_soon_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mteb = pytest.importorskip("mteb")
    tried: list[str] = []

    def load(self: object, *args: object, **settings: object) -> None:
        tried.append(type(self).__name__)
        raise ConnectionError("no network here")

    real = mteb.get_task

    def get(name: str) -> object:
        task = real(name)
        monkeypatch.setattr(type(task), "load_data", load)
        return task

    monkeypatch.setattr(mteb, "get_task", get)
    with pytest.raises(
        LusiferError, match="the first 3 data sets could not be fetched; is there a network"
    ):
        CliRunner().invoke(
            app,
            ["evaluate", "default", "--benchmark", "lusifer", "-o", str(tmp_path)],
            catch_exceptions=False,
        )
    assert len(tried) == 3


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["evaluate", "default"], "name --suite FOLDER"),
        (["evaluate", "default", "--suite", "x", "--benchmark", "lusifer"], "name --suite FOLDER"),
        (["evaluate", "--benchmark", "beir"], "no benchmark 'beir'; near it are: BEIR"),
        (
            ["evaluate", "--benchmark", "lusifer", "--languages", "de"],
            "the benchmark has no language 'de'",
        ),
        (["evaluate", "--benchmark", "lusifer"], "name a model"),
        (["evaluate", "default", "default", "--suite", "x"], "a model is named twice"),
        (["evaluate", "default", "--suite", "x", "--dry-run"], "--dry-run goes with --benchmark"),
        (["evaluate", "default", "--suite", "x", "--tasks", "tatoba"], "no local task 'tatoba'"),
        (["evaluate", "default", "--suite", "nowhere", "--tasks", "tatoeba"], "no such file"),
        (
            ["evaluate", "default", "--suite", "x", "--languages", "klingon"],
            "no language is called 'klingon'",
        ),
        (["diagnose", "default", "--suite", "x", "--sentences", "3"], "at least 20"),
        (["report", "nowhere"], "no such folder"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LusiferError) as told_:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert what in str(told_.value)
    assert "\n" not in str(told_.value)


@pytest.mark.parametrize("wrong", ["hin_Deva", "ja", "zho_Hans"])
def test_a_language_that_is_not_there_is_told_before_anything_is_measured(
    wrong: str, suite: Path, tmp_path: Path
) -> None:
    asked = ("--suite", str(suite), "--tasks", "tatoeba,sib200-bitext", "-o", "results")
    done = run("evaluate", "static", *asked, "--languages", f"de,{wrong}", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no task asked for has the language" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "results").exists()


def test_a_reranker_sorts_what_a_model_finds(
    tmp_path: Path, model_folder: Callable[[str], Path]
) -> None:
    """A cross-encoder with a random head sorts, and its results do not take the model's own place."""
    from lusifer.models import cross_encoder
    from tests.evaluation.oracle import write_suite

    judge = tmp_path / "judge"
    cross_encoder(str(model_folder("bert")), seed=1).save_pretrained(str(judge))
    suite, results = write_suite(tmp_path / "suite"), tmp_path / "results"
    common = ("evaluate", "static", "--suite", str(suite), "-o", str(results))
    told(*common, "--tasks", "xquad,trecqa")
    told(*common, "--rerank", str(judge), "--rerank-top", "3", "--tasks", "xquad,trecqa")
    again = told(*common, "--rerank", str(judge), "--rerank-top", "3", "--tasks", "xquad,trecqa")
    assert "2 of 2 results were there already" in again
    folders = sorted(folder.name for folder in results.iterdir())
    assert len(folders) == 2
    assert "rerank3" in folders[1]
    wrong = run(*common, "--rerank", str(judge), "--tasks", "tatoeba")
    assert wrong.returncode == 2
    assert "--rerank sorts searches; tatoeba is BitextMining" in wrong.stderr
    wrong = run(*common, "--rerank", str(model_folder("bert")), "--tasks", "xquad")
    assert wrong.returncode == 2
    assert "is an encoder and no reranker" in wrong.stderr
