"""Data sets of the hub."""

from __future__ import annotations

import pytest

from lusifer.data.rows import read_rows


def test_hub_data_sets_are_streamed_and_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[object] = []

    def fake(path: str, config: str | None, *, split: str, streaming: bool) -> list[dict[str, str]]:
        asked.append((path, config, split, streaming))
        return [{"text": f"t{i}"} for i in range(9)]

    monkeypatch.setattr(datasets, "load_dataset", fake)
    rows = list(read_rows("hf://owner/data/part:train[:4]", ["text"]))
    assert [r.values["text"] for r in rows] == ["t0", "t1", "t2", "t3"]
    assert asked == [("owner/data", "part", "train", True)]
