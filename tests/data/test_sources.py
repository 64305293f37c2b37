"""Sources of training texts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lusifer.data.sources import Join, Source, read_source


def test_sources_join_cap_filter_and_rename(tmp_path: Path) -> None:
    (tmp_path / "verses.tsv").write_text(
        "deu\tv1\tAm Anfang\nfra\tv2\tMerci bien\ndeu\tv9\tohne Paar\n", encoding="utf-8"
    )
    (tmp_path / "eng.tsv").write_text("v1\tIn the beginning\nv2\tMany thanks\n", encoding="utf-8")
    joined = Source(
        files=("verses.tsv",),
        columns=("language", "key", "text"),
        join=Join("eng.tsv", ("key", "english")),
    )
    assert [(r.values["english"], r.values["text"]) for r in read_source(joined, tmp_path)] == [
        ("In the beginning", "Am Anfang"),
        ("Many thanks", "Merci bien"),
    ]
    (tmp_path / "many.tsv").write_text(
        "".join(f"{'deu' if i % 2 else 'fra'}\ttext {i}\n" for i in range(40)), encoding="utf-8"
    )
    capped = Source(
        files=("many.tsv",),
        columns=("language", "body"),
        rename={"body": "text"},
        limit_per_language=5,
    )
    first, second = list(read_source(capped, tmp_path)), list(read_source(capped, tmp_path))
    assert first == second
    assert sorted(r.values["language"] for r in first) == ["deu"] * 5 + ["fra"] * 5
    only = Source(
        files=("many.tsv",), columns=("language", "text"), languages=("fra",), min_chars=7
    )
    kept = list(read_source(only, tmp_path))
    assert kept
    assert all(r.values["language"] == "fra" and len(r.values["text"]) >= 7 for r in kept)


def test_the_cap_keeps_the_rows_of_the_smallest_hashes_in_file_order(tmp_path: Path) -> None:
    (tmp_path / "many.tsv").write_text(
        "".join(f"{'deu' if i % 3 else 'fra'}_Latn\tline {i}\n" for i in range(300)),
        encoding="utf-8",
    )
    source = Source(("many.tsv",), ("language", "text"))
    rows = list(read_source(source, tmp_path))
    capped = list(
        read_source(Source(("many.tsv",), ("language", "text"), limit_per_language=17), tmp_path)
    )
    digest = {
        r.line: hashlib.blake2b("\t".join(r.values.values()).encode(), digest_size=8).digest()
        for r in rows
    }
    for language in ("deu_Latn", "fra_Latn"):
        mine = sorted(
            (r.line for r in rows if r.values["language"] == language),
            key=lambda line: digest[line],
        )[:17]
        assert [r.line for r in capped if r.values["language"] == language] == sorted(mine)
    with pytest.raises(ValueError, match="at least 1"):
        Source(("many.tsv",), limit_per_language=0)
    with pytest.raises(ValueError, match=r"its columns are \[text\]"):
        Source(("a.txt",), ("english",))
