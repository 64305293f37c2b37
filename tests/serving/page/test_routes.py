"""The page works without a script, is safe with any text, and, in a browser, with one: in four scripts,
by keys, with filters, when nothing is found and when the server fails.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from lusifer.search.index import Index
from lusifer.serving.app import create_app
from lusifer.serving.page.routes import Asked, counted, language_name
from tests.conftest import TEXTS
from tests.serving.test_run import running

CHROMIUM = (
    os.environ.get("CHROMIUM")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
    or shutil.which("google-chrome")
)
SCRIPTS = ["où est la gare ?", "जहाज़ नदी पार करते हैं", "أين المحطة القديمة؟", "古い市場の裏の駅"]
NASTY = '<script>alert(1)</script> <img src=x onerror=alert(2)> & "quoted" \u202e turned'


@pytest.fixture(scope="module")
def nasty_index(tmp_path_factory: pytest.TempPathFactory, table: Path) -> Path:
    folder = tmp_path_factory.mktemp("nasty")
    (folder / "notes").mkdir()
    for i in range(8):
        text = f"{TEXTS[2 * i]} {NASTY if i == 0 else ''}\n\n{TEXTS[2 * i + 1]}\n"
        (folder / "notes" / f"note {i} <b>&'.txt").write_text(text, encoding="utf-8")
    (folder / "notes" / "scripts.txt").write_text("\n\n".join(SCRIPTS), encoding="utf-8")
    Index.create(folder / "index", str(table)).update(folder / "notes")
    return folder / "index"


@pytest.fixture
def page(table: Path, nasty_index: Path, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(str(table), index=nasty_index, uploads=tmp_path / "up")
    with TestClient(app, base_url="http://localhost") as made:
        yield made


def test_texts_are_no_markup_and_nothing_comes_from_elsewhere(page: TestClient) -> None:
    for address in ("/", f"/?q={TEXTS[0]}", "/?q=<script>", "/map", "/?mode=text&q=quoted"):
        answer = page.get(address)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "<img src=x" not in answer.text
        assert "<b>&" not in answer.text
        assert not re.search(r'(?:src|href|action)="(?!/|#)', answer.text)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    for file in ("page.css", "page.js", "icon.svg"):
        assert "http" not in page.get(f"/page/{file}").text.replace(
            "http://www.w3.org/2000/svg", ""
        )


@pytest.mark.parametrize("question", SCRIPTS)
def test_a_question_in_any_script(page: TestClient, question: str) -> None:
    text = page.get("/", params={"q": question}).text
    assert f"<mark>{question}</mark>" in text.replace("&#39;", "'")
    assert f'value="{question}"' in text


def test_filters_similar_and_context(page: TestClient) -> None:
    found = page.get("/", params={"q": TEXTS[2], "path": "note 1*"}).text
    names = re.findall(r"<bdi>([^<]+)</bdi></span>", found)
    assert names
    assert all(name.startswith("note 1") for name in names)
    similar = re.search(r'href="(/\?like=[^"]+)"', found)
    context = re.search(r'href="(/passage\?[^"]+)"', found)
    assert similar
    assert context
    like = page.get(similar[1].replace("&amp;", "&")).text
    assert "Like this passage" in like
    around = page.get(context[1].replace("&amp;", "&")).text
    assert TEXTS[2] in around
    assert TEXTS[3] in around


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/?q=a&since=yesterday", 400, "is no day"), ("/?like=none&number=3", 400, "has no passage"), ("/?q=x&path=nowhere", 200, "Nothing found"),
        ("/passage?path=none&number=0", 404, "has no passage"), ("/?q=a&language=nolang", 400, "nolang"), ("/?q=%20", 200, "A question in one language"),
        ("/?q=a&top=99999999999", 200, "passages"), ("/?q=a&top=" + "9" * 5000, 200, "passages"), ("/?q=a&mode=nonsense&unknown=1", 200, "passages"), ("/passage?path=none&number=x", 404, "has no"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_on_the_page(
    page: TestClient, address: str, status: int, said: str
) -> None:
    answer = page.get(address)
    assert answer.status_code == status
    assert said in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_uploads(page: TestClient, table: Path, nasty_index: Path) -> None:
    files = [("files", ("../new.txt", b"A lighthouse stands on the rock.", "text/plain"))]
    answer = page.post("/upload", files=files, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for _ in range(200):
        if not page.get("/upload/state").json()["busy"]:
            break
        page.portal.call(__import__("asyncio").sleep, 0.05)
    assert "1 file added" in page.get("/upload/state").json()["said"]
    assert "A lighthouse stands" in page.get("/?q=A lighthouse stands on the rock.").text
    assert page.post("/upload", files=[("files", ("", b""))]).status_code == 400
    with TestClient(
        create_app(str(table), index=nasty_index), base_url="http://localhost"
    ) as closed:
        assert closed.post("/upload", files=files).status_code == 404
        assert "Add files" not in closed.get("/").text


def test_templates_are_not_served(page: TestClient) -> None:
    assert page.get("/page/base.html").status_code == 404
    assert page.get("/page/page.css").status_code == 200


def test_addresses_and_words() -> None:
    asked = Asked.of({"q": "a b", "mode": "hybrid", "other": "x", "language": "de"})
    assert asked.filtered
    assert asked.address(top=20) == "q=a+b&language=de&top=20"
    assert [counted(1, "file"), counted(2000, "file")] == ["1 file", "2,000 files"]
    assert [language_name(code) for code in ("de", "swh", "und", "qqq")] == [
        "German",
        "Swahili",
        "not told",
        "qqq",
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM:
        pytest.skip("needs Chromium, which is not installed")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def test_in_a_browser(browser: Any, nasty_index: Path, table: Path, tmp_path: Path) -> None:
    options = ("-m", str(table), "--index", str(nasty_index), "--uploads", str(tmp_path / "up"))
    with running(*options) as (url, process, _):
        context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme="dark")
        tab = context.new_page()
        wrong: list[str] = []
        tab.on(
            "console",
            lambda message: wrong.append(message.text) if message.type == "error" else None,
        )
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.on("dialog", lambda dialog: (wrong.append("dialog"), dialog.dismiss()))
        tab.on(
            "request", lambda asked: None if asked.url.startswith(url) else wrong.append(asked.url)
        )
        tab.goto(url)
        tab.evaluate("window.mine = true")  # it goes where the whole page is loaded again
        for question in (*SCRIPTS, TEXTS[0]):
            tab.fill("#q", question)
            tab.keyboard.press("Enter")
            tab.wait_for_function(
                "q => [...document.querySelectorAll('mark')].some(m => m.textContent.includes(q))",
                arg=question,
            )
            assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                "nothing is wider than a phone"
            )
        tab.keyboard.press("Escape")
        tab.keyboard.press("j")
        assert tab.locator(".hit.at").count() == 1
        tab.keyboard.press("s")
        tab.wait_for_selector("blockquote")
        assert tab.evaluate("window.mine === true")
        tab.keyboard.press("/")
        assert tab.evaluate("document.activeElement.id") == "q"
        tab.fill("#q", "x")
        tab.locator("summary").click()
        tab.fill("#path", "nowhere")
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".empty")
        assert "filters" in tab.inner_text(".empty")
        tab.go_back()
        tab.wait_for_selector("blockquote")
        new = {
            "name": "new.txt",
            "mimeType": "text/plain",
            "buffer": b"A heron stands in the reeds.",
        }
        tab.evaluate("window.mine = true")
        tab.set_input_files("#files", new)  # type: ignore[arg-type]
        tab.click(".upload button")
        tab.get_by_text("1 file added").wait_for()
        assert tab.evaluate("window.mine === true")
        assert wrong == []
        process.kill()
        process.wait()
        tab.fill("#q", "after the end")
        tab.keyboard.press("Enter")
        tab.wait_for_selector("[role=alert]")
        assert "does not answer" in tab.inner_text("#results")
        context.close()


def test_accessible(browser: Any, nasty_index: Path, table: Path, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_core_python.sync_playwright")
    with running("-m", str(table), "--index", str(nasty_index), "--uploads", str(tmp_path)) as (
        url,
        _,
        _,
    ):
        for scheme in ("light", "dark"):
            # axe puts its own script into the page, which the page's policy forbids.
            context = browser.new_context(color_scheme=scheme, bypass_csp=True)
            tab = context.new_page()
            for address in (
                "/",
                f"/?q={TEXTS[0]}&path=note*",
                "/?q=x&path=nowhere",
                "/map",
                "/passage?path=none",
            ):
                tab.goto(url + address)
                found = axe.Axe().run(tab)
                told = [
                    (one["id"], [node["html"][:120] for node in one["nodes"][:2]])
                    for one in found["violations"]
                ]
                assert told == [], (scheme, address)
            context.close()
