"""Rows of files are labelled in order, with the bad ones told."""

from __future__ import annotations

import json
from pathlib import Path

from lusifer.insight.classify_files import classify_files
from lusifer.insight.teach import train_classifier
from lusifer.models.load import LoadedModel
from tests.insight.conftest import labelled


def test_rows_and_their_labels(model: LoadedModel, tmp_path: Path) -> None:
    made = train_classifier(labelled(), model)
    texts = labelled(2000, seed=9).texts
    lines = [json.dumps({"text": text}) for text in texts]
    lines.insert(1, "{broken")
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    skipped: list[str] = []
    rows = list(classify_files(made, [str(tmp_path / "a.jsonl")], skipped=skipped))
    assert [row["text"] for row in rows] == texts
    assert [row["line"] for row in rows[:3]] == [1, 3, 4]
    assert [row["label"] for row in rows] == [p.label for p in made.predict(texts)]
    assert len(skipped) == 1
    assert ":2:" in skipped[0]
