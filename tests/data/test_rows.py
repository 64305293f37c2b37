"""Readers: every format and compression gives the same rows; every fault names file and line."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from lusifer.data.rows import read_rows
from lusifer.errors import DataError, LusiferError
from lusifer.io.paths import expand

ROWS = [
    ("deu_Latn", "Good morning.", "Guten Morgen."),
    ("fra_Latn", "Thank you.", "Merci."),
    ("jpn_Jpan", "Good night.", "おやすみ。"),
]


COLUMNS = ["language", "english", "text"]


def write(folder: Path, name: str) -> Path:
    file = folder / name
    tsv = "".join("\t".join(r) + "\n" for r in ROWS).encode()
    jsonl = "".join(
        json.dumps(dict(zip(COLUMNS, r, strict=True)), ensure_ascii=False) + "\n" for r in ROWS
    ).encode()
    raw = jsonl if ".jsonl" in name else tsv
    if name.endswith(".parquet"):
        pq.write_table(pa.table({c: [r[i] for r in ROWS] for i, c in enumerate(COLUMNS)}), file)
    elif name.endswith(".xz"):
        file.write_bytes(lzma.compress(raw))
    elif name.endswith(".gz"):
        file.write_bytes(gzip.compress(raw))
    elif name.endswith(".zst"):
        file.write_bytes(zstandard.compress(raw))
    else:
        file.write_bytes(raw)
    return file


@pytest.mark.parametrize(
    "name",
    [
        "a.tsv",
        "a.tsv.xz",
        "a.tsv.gz",
        "a.tsv.zst",
        "a.jsonl",
        "a.jsonl.gz",
        "a.jsonl.zst",
        "a.parquet",
    ],
)
def test_all_formats_give_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = list(read_rows(str(write(tmp_path, name)), COLUMNS))
    assert [tuple(r.values[c] for c in COLUMNS) for r in rows] == ROWS
    assert [r.line for r in rows] == [1, 2, 3]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"\xef\xbb\xbfeng\tone\r\neng\ttwo\r\n")
    assert [r.values["t"] for r in read_rows(str(tmp_path / "a.tsv"), ["l", "t"])] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "line", "what"),
    [
        ("a.tsv", b"eng\tone\neng\n", 2, "1 columns, expected 2"),
        ("a.tsv", b"eng\tone\neng\t\xff\xfe\n", 2, "not UTF-8"),
        ("a.tsv", b"eng\tone\n\x00\x01\n", 2, "binary"),
        ("a.tsv", b"", None, "empty"),
        ("a.jsonl", b'{"l": "a", "t": "b"}\n{"l": \n', 2, "not JSON"),
        ("a.jsonl", b'{"l": "a"}\n', 1, "no key 't'"),
        ("a.jsonl", b'{"l": "a", "t": 3}\n', 1, "int, expected text"),
        ("a.jsonl", b"[1]\n", 1, "expected a JSON object"),
        (
            "a.tsv.gz",
            gzip.compress(b"eng\tone\n" * 500, mtime=0)[:-20],
            None,
            "damaged or cut short",
        ),
        ("a.tsv.xz", lzma.compress(b"eng\tone\n" * 500)[:-20], None, "damaged or cut short"),
        ("a.tsv.zst", b"not zstd at all", 1, "damaged or cut short"),
        ("a.parquet", b"PAR1nonsense", None, "Parquet"),
        ("a.doc", b"x", None, "unknown format"),
    ],
)
def test_faults_name_file_and_line(
    tmp_path: Path, name: str, content: bytes, line: int | None, what: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(DataError, match=what) as caught:
        list(read_rows(str(file), ["l", "t"]))
    assert str(file) in str(caught.value)
    if line is not None:
        assert caught.value.line == line


def test_a_missing_file_a_folder_and_a_pattern_without_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        list(read_rows(str(tmp_path / "none.tsv"), ["t"]))
    (tmp_path / "d.tsv").mkdir()
    with pytest.raises(DataError, match="folder"):
        list(read_rows(str(tmp_path / "d.tsv"), ["t"]))
    with pytest.raises(DataError, match="no such file"):
        expand(["*.nothing"], tmp_path)
    write(tmp_path, "a.tsv")
    with pytest.raises(LusiferError, match="name its columns"):
        list(read_rows(str(tmp_path / "a.tsv")))


def test_a_cut_zst_is_told_and_frames_one_after_the_other_are_one_file(tmp_path: Path) -> None:
    """The library's own stream reader takes a cut file for a whole one."""
    lines = "".join(
        f"deu_Latn\tline {i}\tZeile {i} {i * 7919 % 1000}\n" for i in range(20_000)
    ).encode()
    half = len(lines) // 2
    whole = b"".join(zstandard.compress(part) for part in (lines[:half], lines[half:]))
    (tmp_path / "whole.tsv.zst").write_bytes(whole)
    (tmp_path / "cut.tsv.zst").write_bytes(whole[: len(whole) - 500])
    assert len(list(read_rows(str(tmp_path / "whole.tsv.zst"), COLUMNS))) == 20_000
    with pytest.raises(DataError, match="cut short"):
        list(read_rows(str(tmp_path / "cut.tsv.zst"), COLUMNS))


def test_columns_that_nobody_asked_for_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"query": "q", "id": 7, "title": null, "scores": [0.5, -1]}\n', encoding="utf-8"
    )
    assert [row.values for row in read_rows(str(tmp_path / "a.jsonl"))] == [
        {"query": "q", "scores": "0.5 -1"}
    ]
