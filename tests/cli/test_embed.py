"""`lusifer embed`, `similar` and `neighbours`: the texts of a file, in order, whatever its format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lusifer
from lusifer.cli.embed import read_texts
from lusifer.errors import LusiferError
from tests.cli.command import refused, run
from tests.conftest import TEXTS

Folder = Callable[[str], Path]
MANY = ["Où est la gare ?", "駅はどこですか。", "محطة القطار", "रेलवे स्टेशन", "стадион", TEXTS[0]]


def test_embed_similar_and_neighbours(tmp_path: Path, model_folder: Folder) -> None:
    from lusifer.models.bridge import Bridge, BridgeConfig, Part
    from lusifer.training.assemble import assemble, save_model

    config = BridgeConfig(
        Part(str(model_folder("bert"))), Part(str(model_folder("bert"))), max_tokens=64
    )
    model = assemble(Bridge.new(config))
    save_model(model, tmp_path / "m")
    (tmp_path / "t.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    done = run("embed", "t.txt", "-m", "m", "-o", "v.npy", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), model.encode(TEXTS), atol=1e-5)
    assert run("similar", TEXTS[0], TEXTS[0], "-m", "m", cwd=tmp_path).stdout.strip() == "1.0000"
    assert (
        run("neighbours", TEXTS[3], "t.txt", "-m", "m", "-k", "1", cwd=tmp_path)
        .stdout.strip()
        .endswith(TEXTS[3])
    )
    (tmp_path / "gaps.txt").write_text("tea\n\nbread\n", encoding="utf-8")
    done = run("embed", "gaps.txt", "-m", "m", "-o", "g.npy", cwd=tmp_path)
    assert "gaps.txt: 1 of 3 texts are blank; their vectors mean nothing" in done.stderr
    assert len(np.load(tmp_path / "g.npy")) == 3
    assert (
        len(run("neighbours", "tea", "gaps.txt", "-m", "m", cwd=tmp_path).stdout.splitlines()) == 2
    )
    assert "expected 'str'" not in refused(
        "embed", "none.txt", "-m", "m", "-o", "w.npy", cwd=tmp_path
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The same texts in every format."""
    rows = [{"id": str(i), "text": text} for i, text in enumerate(MANY)]
    made = {
        name: tmp_path / name for name in ("a.txt", "a.txt.gz", "a.tsv", "a.jsonl", "a.parquet")
    }
    made["a.txt"].write_text("\n".join(MANY) + "\n", encoding="utf-8")
    made["a.txt.gz"].write_bytes(gzip.compress(made["a.txt"].read_bytes()))
    made["a.tsv"].write_text("".join(f"{r['id']}\t{r['text']}\n" for r in rows), encoding="utf-8")
    lines = (json.dumps(row, ensure_ascii=bool(i % 2)) for i, row in enumerate(rows))
    made["a.jsonl"].write_text("\n".join(lines), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), made["a.parquet"])
    return made


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.tsv", "a.jsonl", "a.parquet"])
def test_the_texts_of_every_format_are_the_same_and_in_order(
    name: str, files: dict[str, Path]
) -> None:
    columns = "id,text" if name == "a.tsv" else ""
    assert read_texts(str(files[name]), "text", columns) == MANY


@pytest.mark.parametrize(
    ("column", "columns"), [("text", "id,text"), ("_,text", ""), ("body", "id,body")]
)
def test_a_table_s_column_is_named_in_one_way_or_the_other(
    column: str, columns: str, files: dict[str, Path]
) -> None:
    assert read_texts(str(files["a.tsv"]), column, columns) == MANY


@pytest.mark.parametrize(
    ("name", "column", "columns", "said"),
    [
        ("a.tsv", "text", "", "a.tsv: has no header"),
        ("a.tsv", "text", "id,body", "--column is text, which is none of id, body"),
        ("a.jsonl", "body", "", "a.jsonl:1: "),
        ("none.txt", "text", "", "none.txt: no such file"),
    ],
)
def test_texts_that_cannot_be_found_are_told(
    name: str, column: str, columns: str, said: str, files: dict[str, Path]
) -> None:
    with pytest.raises(LusiferError) as caught:
        read_texts(str(files["a.txt"].with_name(name)), column, columns)
    assert said in str(caught.value)


def test_neighbours_are_the_nearest_first_as_a_plain_count_finds_them(
    tmp_path: Path, model: str
) -> None:
    (tmp_path / "a.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    embedder = lusifer.load(model)
    query = "The doctor closes the market at six."
    asked = embedder.encode([query])[0]
    cosines = [float(asked @ embedder.encode([text])[0]) for text in TEXTS]
    nearest = sorted(range(len(TEXTS)), key=lambda i: -cosines[i])[:5]
    done = run("neighbours", query, "a.txt", "-m", model, "-k", "5", cwd=tmp_path)
    assert done.stdout.splitlines() == [f"{cosines[i]:.3f}  {TEXTS[i]}" for i in nearest]


def test_similar_is_the_cosine_either_way_round(model: str) -> None:
    a, b = "The station is behind the old market.", "The doctor told her to drink more water."
    first, second = lusifer.load(model).encode([a, b])
    there, back = (run("similar", *pair, "-m", model).stdout for pair in ((a, b), (b, a)))
    assert there == back == f"{float(first @ second):.4f}\n"
