"""Readers: every format and compression gives the same rows; every fault names file and line."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from lusifer.data.rows import read_rows
from lusifer.data.sources import Join, Source, read_source
from lusifer.data.validate import validate
from lusifer.errors import DataError, LusiferError, MissingExtra
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
        ("a.docx", b"x", None, "unknown format"),
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


def test_errors_travel_between_processes() -> None:
    """A loader's worker hands its error on as it was: file and line included."""
    for error in (DataError("texts.tsv", 7, "a column too few"), MissingExtra("pyarrow", "train")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)


def test_validate_names_every_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_bytes(b"who\tme\nwho\t\nsame\tsame\nonly\n\xff\t.\nwhy\tbecause\n")
    report = validate(file, ["query", "document"])
    assert (report.rows, report.bad, report.ok) == (2, 4, False)
    assert [p.line for p in report.problems] == [2, 3, 4, 5]
    assert "'document' is empty" in report.problems[0].what
    assert "own document" in report.problems[1].what
    assert validate(write(tmp_path, "good.jsonl")).ok
    assert not validate(tmp_path / "none.tsv", ["t"]).ok


def test_columns_that_nobody_asked_for_may_be_anything(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"query": "q", "id": 7, "title": null, "scores": [0.5, -1]}\n', encoding="utf-8"
    )
    assert [row.values for row in read_rows(str(tmp_path / "a.jsonl"))] == [
        {"query": "q", "scores": "0.5 -1"}
    ]
