"""A bulk run loses nothing and doubles nothing: killed anywhere, on one process or several, it
writes the same bytes.
"""

from __future__ import annotations

import json
import lzma
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

import lusifer
from lusifer.encoding import bulk
from lusifer.encoding.bulk import read_vectors
from lusifer.encoding.rows import Corpus
from lusifer.encoding.stream import encode_stream
from lusifer.errors import ConfigError, DataError, LusiferError
from tests.conftest import TEXTS, make_table

ROWS = [f"{TEXTS[i % 16]} {i}" for i in range(1000)]


def content(folder: Path) -> dict[str, bytes]:
    """All files of a run, but the lock."""
    return {
        file.name: file.read_bytes() for file in folder.iterdir() if file.name != ".lusifer-lock"
    }


def test_every_row_has_its_vector_whatever_the_format(
    corpus: Path, table: Path, tmp_path: Path
) -> None:
    expected = lusifer.load(table).encode(ROWS)
    told, embedded = list[int](), list[int]()
    done = lusifer.encode(
        str(corpus),
        tmp_path / "a",
        model=table,
        keep=["id"],
        shard_rows=300,
        tell=lambda rows, tokens: (told.append(rows), embedded.append(tokens)),
    )
    assert (done.rows, done.dim, len(done.shards), sum(told)) == (1000, 16, 4, 1000)
    tokenizer = lusifer.load(table).tokenizer  # type: ignore[attr-defined]
    assert sum(embedded) == sum(
        len(e.ids) for e in tokenizer.encode_batch_fast(ROWS, add_special_tokens=False)
    )
    lusifer.encode(str(corpus), tmp_path / "b", model=table, shard_rows=300, format="safetensors")
    for folder in ("a", "b"):
        rows, vectors = zip(*read_vectors(tmp_path / folder), strict=True)
        np.testing.assert_array_equal(np.concatenate(rows), np.arange(1000))
        np.testing.assert_allclose(np.concatenate(vectors), expected, atol=1e-6)
    kept = parquet.read_table(tmp_path / "a" / "shard-00001.parquet")["id"].to_pylist()
    assert kept == [f"d{i}" for i in range(300, 600)]
    before = content(tmp_path / "a")
    lusifer.encode(str(corpus), tmp_path / "a", model=table, keep=["id"], shard_rows=300)
    assert content(tmp_path / "a") == before, "a finished run is left alone"


def test_files_of_all_kinds_are_one_corpus(table: Path, tmp_path: Path) -> None:
    """And are counted, for the end to be estimated."""
    (tmp_path / "1.txt").write_text("\n".join(ROWS[:5]) + "\n", encoding="utf-8")
    parquet.write_table(pa.table({"text": ROWS[5:9]}), tmp_path / "2.parquet")
    (tmp_path / "3.tsv").write_text(
        "".join(f"x\t{text}\n" for text in ROWS[9:12]), encoding="utf-8"
    )
    assert (
        Corpus(tuple(str(tmp_path / name) for name in ("1.txt", "2.parquet", "3.tsv"))).count()
        == 12
    )
    lusifer.encode([str(tmp_path / "[12].*")], tmp_path / "a", model=table, shard_rows=2)
    lusifer.encode(str(tmp_path / "*.tsv"), tmp_path / "b", model=table, columns=["_", "text"])
    found = np.concatenate(
        [vectors for folder in ("a", "b") for _, vectors in read_vectors(tmp_path / folder)]
    )
    np.testing.assert_allclose(found, lusifer.load(table).encode(ROWS[:12]), atol=1e-6)


KILLED = """
import os, signal, sys, threading, time
import lusifer
from lusifer.encoding import bulk
settings = dict(model=sys.argv[2], keep=["id"], shard_rows=20)
after = float(sys.argv[4])
if after:
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL)).start()
begun = time.perf_counter()
lusifer.encode(sys.argv[1], sys.argv[3], **settings)
print(time.perf_counter() - begun)
os._exit(0)
"""


def test_killed_at_twenty_moments_it_ends_as_an_uninterrupted_run(
    corpus: Path, table: Path, tmp_path: Path
) -> None:
    def run(into: str, after: float) -> subprocess.CompletedProcess[str]:
        command = [
            sys.executable,
            "-c",
            KILLED,
            str(corpus),
            str(table),
            str(tmp_path / into),
            str(after),
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    usual = float(run("whole", 0).stdout)
    rng, kills, folder = random.Random(7), 0, 0
    for _ in range(60):  # some end before they are killed: the next one then begins anew
        done = run(f"killed-{folder}", rng.uniform(0.001, 0.6 * usual))
        if done.returncode == -signal.SIGKILL:
            kills += 1
        else:
            assert done.returncode == 0, done.stderr
            assert content(tmp_path / f"killed-{folder}") == content(tmp_path / "whole")
            folder += 1
        if kills == 20:
            break
    assert kills == 20
    assert run(f"killed-{folder}", 0).returncode == 0
    assert content(tmp_path / f"killed-{folder}") == content(tmp_path / "whole")


def test_any_part_of_what_was_written_is_gone_on_from(
    corpus: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lusifer.encode(str(corpus), tmp_path / "whole", model=table, shard_rows=100)
    wanted, write = content(tmp_path / "whole"), bulk.StoreFolder.write
    for last in range(12):  # run.json, ten shards, the manifest
        count = 0

        def stopped(self: bulk.StoreFolder, file: str, data: bytes, last: int = last) -> None:
            nonlocal count
            if count == last:
                (Path(self.name) / f".{file}.half").write_bytes(
                    data[: len(data) // 2]
                )  # as a kill leaves it
                raise KeyboardInterrupt
            count += 1
            write(self, file, data)

        into = tmp_path / f"stopped-{last}"
        with monkeypatch.context() as patch:
            patch.setattr(bulk.StoreFolder, "write", stopped)
            with pytest.raises(KeyboardInterrupt):
                lusifer.encode(str(corpus), into, model=table, shard_rows=100)
        lusifer.encode(str(corpus), into, model=table, shard_rows=100)
        found = {
            name: data
            for name, data in content(into).items()
            if not name.endswith(".half") or name.startswith(".shard")
        }
        assert found == wanted, last


def test_a_bad_row_stops_the_run_with_its_place_or_is_set_aside(
    table: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bad.jsonl"
    lines = [json.dumps({"text": text}) for text in ROWS[:10]]
    lines[0:0] = ["{broken"]
    lines[5:5] = ['{"text": "  "}', '{"other": "x"}']
    file.write_text("\n".join(lines) + "\nnot json\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"bad.jsonl:1: not JSON"):
        lusifer.encode(str(file), tmp_path / "strict", model=table)
    done = lusifer.encode(str(file), tmp_path / "kind", model=table, skip_bad=True, shard_rows=3)
    assert (done.rows, done.rejected) == (10, 4)
    rejects = [
        json.loads(line)
        for line in (tmp_path / "kind" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [(r["line"], r["what"][:14]) for r in rejects] == [
        (1, "not JSON (Expe"),
        (6, "a row without "),
        (7, "no key 'text';"),
        (14, "not JSON (Expe"),
    ]
    np.testing.assert_allclose(
        np.concatenate([v for _, v in read_vectors(tmp_path / "kind")]),
        lusifer.load(table).encode(ROWS[:10]),
        atol=1e-6,
    )


def test_another_run_in_the_folder_and_other_mistakes_are_told(
    corpus: Path, table: Path, tmp_path: Path
) -> None:
    lusifer.encode(str(corpus), tmp_path / "a", model=table, shard_rows=600)
    for change, message in (
        ({"shard_rows": 500}, "holds a run with another shard_rows"),
        ({"model": make_table(tmp_path / "other", seed=1)}, "holds a run with another model"),
        ({"format": "json"}, "must be parquet or safetensors"),
        ({"keep": ["id"], "format": "safetensors"}, "takes no columns to keep"),
        ({"prompt": "query"}, "has no prompt 'query'"),
        ({"engine": "spark"}, "must be local or ray"),
        ({"columns": ["a", "b"]}, "the column 'text' is none of"),
        ({"columns": ["id", "text"], "keep": ["title"]}, "the column 'title' is none of"),
        ({"keep": ["row"]}, "cannot be kept"),
    ):
        into = tmp_path / ("b" if "engine" in change else "a")
        with pytest.raises((LusiferError, ConfigError), match=message):
            lusifer.encode(str(corpus), into, **{"model": table, "shard_rows": 600, **change})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no such file"):
        lusifer.encode(str(tmp_path / "none.txt"), tmp_path / "c", model=table)
    (tmp_path / "a.tsv").write_text("x\ty\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="a TSV has no header"):
        lusifer.encode(str(tmp_path / "a.tsv"), tmp_path / "c", model=table)
    with pytest.raises(LusiferError, match="is a file; a run writes into a folder"):
        lusifer.encode(str(corpus), tmp_path / "a.tsv", model=table)
    with pytest.raises(LusiferError, match="no finished run"):
        list(read_vectors(tmp_path / "b"))
    with corpus.open("a") as stream:
        stream.write('{"text": "more"}\n')
    with pytest.raises(LusiferError, match="holds a run of other content of"):
        lusifer.encode(str(corpus), tmp_path / "a", model=table, shard_rows=600)


def test_a_strict_run_may_go_on_more_kindly_and_a_mistake_before_the_first_shard_is_no_run(
    table: Path, tmp_path: Path
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in ROWS[:10]) + "{\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match="no key 'body'"):
        lusifer.encode(str(file), tmp_path / "a", model=table, column="body")
    with pytest.raises(DataError, match=r"bad\.jsonl:11"):
        lusifer.encode(str(file), tmp_path / "a", model=table, shard_rows=4)
    assert (tmp_path / "a" / "shard-00001.parquet").exists()
    assert (
        lusifer.encode(str(file), tmp_path / "a", model=table, shard_rows=4, skip_bad=True).rejected
        == 1
    )
    lusifer.encode(str(file), tmp_path / "b", model=table, shard_rows=4, skip_bad=True)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_what_is_no_text_is_told_and_numbers_may_be_kept(table: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    rows = [
        {"id": 7, "text": "one"},
        {"id": None, "text": "half \ud83d"},
        {"id": 1.5, "text": "two"},
        {"id": True, "text": "three"},
    ]
    file.write_text(
        "".join(json.dumps(row) + "\n" for row in rows) + '{"id": 1, "text": ' + "9" * 5000 + "}\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match=r"odd\.jsonl:2: half a character"):
        lusifer.encode(str(file), tmp_path / "a", model=table)
    done = lusifer.encode(str(file), tmp_path / "b", model=table, keep=["id"], skip_bad=True)
    assert (done.rows, done.rejected) == (3, 2)
    assert parquet.read_table(tmp_path / "b" / "shard-00000.parquet")["id"].to_pylist() == [
        "7",
        "1.5",
        "true",
    ]
    with pytest.raises(LusiferError, match="text 0 holds half a character"):
        lusifer.load(table).encode(["half \ud83d"])
    with pytest.raises(LusiferError, match="takes texts, not one text"):
        list(encode_stream(lusifer.load(table), "abc"))


def test_nothing_good_is_an_empty_run_and_a_damaged_file_is_never_skipped(
    table: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl").write_text("{\n{\n", encoding="utf-8")
    done = lusifer.encode(str(tmp_path / "bad.jsonl"), tmp_path / "a", model=table, skip_bad=True)
    assert (done.rows, done.rejected) == (0, 2)
    assert sum(len(vectors) for _, vectors in read_vectors(tmp_path / "a")) == 0
    (tmp_path / "none.txt").write_text("", encoding="utf-8")
    assert (
        lusifer.encode(str(tmp_path / "none.txt"), tmp_path / "b", model=table, skip_bad=True).rows
        == 0
    )
    whole = lzma.compress("".join(f"{text}\n" for text in ROWS).encode())
    (tmp_path / "cut.txt.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="damaged or cut short"):
        lusifer.encode(str(tmp_path / "cut.txt.xz"), tmp_path / "c", model=table, skip_bad=True)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(DataError, match="not a readable Parquet file"):
        lusifer.encode(str(tmp_path / "bad.parquet"), tmp_path / "d", model=table, skip_bad=True)


def test_rejects_that_a_kill_left_behind_are_swept(table: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"text": "a"}\n{\n', encoding="utf-8")
    lusifer.encode(str(tmp_path / "bad.jsonl"), tmp_path / "a", model=table, skip_bad=True)
    before = content(tmp_path / "a")
    (tmp_path / "a" / "shard-00000.rejects.jsonl").write_text("left\n", encoding="utf-8")
    (tmp_path / "a" / ".manifest.json.x1").write_text("left\n", encoding="utf-8")
    lusifer.encode(str(tmp_path / "bad.jsonl"), tmp_path / "a", model=table, skip_bad=True)
    assert content(tmp_path / "a") == before


def test_an_object_store_is_read_and_written(corpus: Path, table: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    store = fsspec.filesystem("memory")
    store.pipe_file("/in/corpus-1.jsonl", corpus.read_bytes())
    done = lusifer.encode("memory://in/*.jsonl", "memory://out", model=table, shard_rows=400)
    assert done.rows == 1000
    found = np.concatenate([vectors for _, vectors in read_vectors("memory://out")])
    np.testing.assert_allclose(found, lusifer.load(table).encode(ROWS), atol=1e-6)
    with pytest.raises(DataError, match="no such file"):
        lusifer.encode("memory://in/none.jsonl", "memory://elsewhere", model=table)
    with pytest.raises(LusiferError, match="cannot be opened"):
        lusifer.encode("nonsense://in/none.jsonl", "memory://elsewhere", model=table)


def test_a_name_that_is_there_is_that_file(table: Path, tmp_path: Path) -> None:
    for name in ("data[1].txt", "run [v2]/what?.txt", "*.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("A text.\n", encoding="utf-8")
        assert lusifer.encode(str(file), tmp_path / f"to-{len(name)}", model=table).rows == 1


def test_a_corpus_is_known_by_its_content(table: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "s.txt", tmp_path / "v"
    file.write_text("".join(f"{i} aaaa\n" for i in range(50)))

    def run() -> None:
        lusifer.encode(str(file), out, model=table, shard_rows=10)

    run()
    (out / "manifest.json").unlink()
    file.touch()  # as a copy or a fresh download would
    run()
    stamp = file.stat().st_mtime_ns
    file.write_text("".join(f"{i} bbbb\n" for i in range(50)))
    os.utime(file, ns=(stamp, stamp))
    with pytest.raises(LusiferError, match=r"holds a run of other content of .*s\.txt"):
        run()


def test_a_run_that_knew_its_files_by_size_and_time_goes_on(table: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "s.txt", tmp_path / "v"
    file.write_text("".join(f"{i} aaaa\n" for i in range(50)))
    lusifer.encode(str(file), out, model=table, shard_rows=10)
    about = json.loads((out / "run.json").read_text())
    about["files"][0]["state"] = [file.stat().st_size, file.stat().st_mtime_ns]
    (out / "run.json").write_text(json.dumps(about))
    (out / "manifest.json").unlink()
    assert lusifer.encode(str(file), out, model=table, shard_rows=10).rows == 50
    about["files"][0]["state"][1] += 1
    (out / "run.json").write_text(json.dumps(about))
    with pytest.raises(LusiferError, match="holds a run of other content"):
        lusifer.encode(str(file), out, model=table, shard_rows=10)
