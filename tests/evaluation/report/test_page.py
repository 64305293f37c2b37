"""The report is one page without network, with its figures and tables; a browser opens it and
clicks through it.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lusifer.errors import LusiferError
from lusifer.evaluation import run as runs
from lusifer.evaluation.catalog import chosen_tasks
from lusifer.evaluation.report.page import gather_results, write_page
from lusifer.models.load import LoadedModel
from tests.evaluation.oracle import Oracle, write_suite

CHROMIUM = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)


class Worse(Oracle):
    """Sees the letters through noise."""

    def encode(self, texts: list[str], *, prompt: str | None = None) -> np.ndarray:
        made = super().encode(texts, prompt=prompt)
        made = made + 0.5 * np.random.default_rng(len(texts)).normal(size=made.shape).astype(
            np.float32
        )
        return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    suite = write_suite(tmp_path / "suite")
    for name, model in (("good", Oracle()), ("<b>worse</b>", Worse())):
        runs.run(
            LoadedModel(name, name[1] * 64, model),
            suite,
            tmp_path / "results",
            chosen_tasks(["bitext", "xquad", "sts17", "sib200"]),
        )
    (folder,) = (tmp_path / "results").glob("good-*")
    languages = [{"language": "deu_Latn", "premium": 1.5}, {"language": "cor_Latn", "premium": 2.5}]
    shown = {
        "languages": ["eng_Latn", "deu_Latn"] * 3,
        "numbers": [0, 0, 1, 1, 2, 2],
        "points": [[i, -i] for i in range(6)],
    }
    (folder / "diagnosis.json").write_text(json.dumps({"languages": languages, "map": shown}))
    return tmp_path / "results"


def test_the_page_needs_no_network_and_figures_and_tables_lie_beside_it(
    results: Path, tmp_path: Path
) -> None:
    files = {file.name: file for file in write_page(gather_results([results]), tmp_path / "report")}
    text = files["report.html"].read_text(encoding="utf-8")
    assert "__DATA__" not in text
    assert not any(mark in text for mark in ("http://", "https://", "src=", "@import", "<link"))
    assert "<b>worse" not in text, "names are data, not markup"
    assert any(name.startswith("languages-") for name in files)
    assert any(name.startswith("map-good") for name in files)
    for name, file in files.items():
        if name.endswith(".png"):
            assert file.read_bytes().startswith(b"\x89PNG")
    tables = files["tables.md"].read_text(encoding="utf-8")
    assert "| tatoeba | to English |" in tables


def test_what_cannot_be_shown_is_told(results: Path, tmp_path: Path) -> None:
    with pytest.raises(LusiferError, match="no such folder"):
        gather_results([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(LusiferError, match="holds no results"):
        gather_results([tmp_path / "empty"])
    runs.run(
        LoadedModel("other", "9" * 64, Oracle()),
        tmp_path / "suite",
        tmp_path / "more",
        chosen_tasks(["mgsm"]),
    )
    runs.run(
        LoadedModel("another", "8" * 64, Oracle()),
        tmp_path / "suite",
        tmp_path / "more",
        chosen_tasks(["titles"]),
    )
    with pytest.raises(LusiferError, match="no task was asked of all of"):
        write_page(gather_results([tmp_path / "more"]), tmp_path / "report")
    broken = next(results.glob("good-*")) / "diagnosis.json"
    whole = broken.read_text()
    broken.write_text(whole[:20])
    with pytest.raises(LusiferError, match=r"diagnosis\.json: not valid JSON"):
        gather_results([results])
    broken.write_text(whole)
    (one,) = gather_results([next(results.glob("good-*"))])
    assert one.name.startswith("good-")


@pytest.mark.filterwarnings("ignore")  # the driver's own
def test_a_browser_clicks_through_it(results: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium here; name one with CHROMIUM=")
    write_page(gather_results([results]), tmp_path / "report")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "report" / "report.html").as_uri())
        assert page.locator("#means tbody tr").count() > 5
        first = page.locator("#means tbody tr td").first.inner_text()
        page.locator("#means th").first.click()
        page.locator("#means th").first.click()
        assert page.locator("#means tbody tr td").first.inner_text() != first, "a head sorts"
        page.locator("#side button").nth(2).click()
        assert page.locator("#side circle").count() == 2
        page.locator("#heat button").nth(1).click()
        assert page.locator("#heat tbody tr").count() >= 2
        before = page.locator("#map circle").count()
        page.locator("#map .languages button").first.click()
        assert page.locator("#map circle").count() == before / 2, "a language is hidden"
        page.locator("#map circle").first.hover()
        assert "sentence" in page.locator("#said").inner_text()
        assert page.locator("#fertility circle").count() == 2
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing but tables scrolls sideways"
        browser.close()
    assert said == []
