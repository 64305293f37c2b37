"""Files become clusters with names and a page; a run that is started again goes on and says the
same; bad rows are counted.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.insight.cluster import ClusterSettings
from lusifer.insight.cluster_files import cluster_files
from tests.insight.conftest import labelled

NASTY = "<script>alert(1)</script> & \u202e"


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    made = labelled(120)
    lines = [
        json.dumps({"text": t, "lang": code})
        for t, code in zip(made.texts, made.languages, strict=True)
    ]
    lines.insert(3, "{broken")
    lines.append(json.dumps({"text": f"{made.texts[0]} {NASTY}", "lang": "eng_Latn"}))
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_clusters_of_files(rows: Path, table: Path) -> None:
    settings = ClusterSettings(clusters=3)
    told: set[str] = set()
    how = {"model": str(table), "clustering": settings, "language": "lang"}
    report = cluster_files(
        str(rows / "rows.jsonl"), rows / "out", tell=lambda what, done, total: told.add(what), **how
    )
    assert (report.texts, report.skipped, len(report.clusters)) == (121, 1, 3)
    assert sum(cluster.size for cluster in report.clusters) + report.alone == 121
    assert all(cluster.words and cluster.examples for cluster in report.clusters)
    assert all(set(cluster.languages) <= {"eng_Latn", "deu_Latn"} for cluster in report.clusters)
    assert "encoding" in told
    texts = [
        json.loads(line)
        for line in (rows / "out" / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(texts) == 121
    assert texts[3]["line"] == 5, "after the broken line"
    for cluster in report.clusters:
        assert sum(row["cluster"] == cluster.number for row in texts) == cluster.size
    written = json.loads((rows / "out" / "clusters.json").read_text(encoding="utf-8"))
    assert written["settings"]["clusters"] == 3
    page = (rows / "out" / "clusters.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in page
    before = {
        file: (rows / "out" / file).read_bytes()
        for file in ("texts.jsonl", "clusters.json", "clusters.html")
    }
    again = cluster_files(str(rows / "rows.jsonl"), rows / "out", **how)
    assert again == report
    assert before == {file: (rows / "out" / file).read_bytes() for file in before}


def test_lines_of_text_whose_language_is_told_from_them(tmp_path: Path, table: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(labelled(60).texts) + "\n", encoding="utf-8")
    report = cluster_files([str(tmp_path / "a.txt")], tmp_path / "out", model=str(table))
    assert report.texts == 60
    same = cluster_files(
        [str(tmp_path / "a.txt")],
        tmp_path / "out",
        model=str(table),
        clustering=ClusterSettings(method="same"),
    )
    assert same.texts == 60


def test_what_is_refused(tmp_path: Path, table: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": " "}\n', encoding="utf-8")
    with pytest.raises(LusiferError):
        cluster_files([str(tmp_path / "a.jsonl")], tmp_path / "out", model=str(table))
    with pytest.raises(LusiferError, match="no such file"):
        cluster_files([str(tmp_path / "none.jsonl")], tmp_path / "out", model=str(table))


def test_what_is_not_installed_is_told_before_anything_is_encoded(
    rows: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("lusifer.insight.cluster")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(LusiferError, match="igraph"):
        cluster_files(str(rows / "rows.jsonl"), rows / "out", model=str(table))
    assert not (rows / "out").exists()
