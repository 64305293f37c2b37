"""Every bad line has its name."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from lusifer.data.validate import validate

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
