"""Bad input, as a table: each command ends with exit code 2 and one line, and nothing is left behind or changed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.command import run
from tests.conftest import make_table

TABLE: tuple[tuple[str, str], ...] = (
    # what is not there, or not what it is said to be
    ("embed nope.txt -o o.npy", "nope.txt: no such file"),
    ("embed dir -o o.npy", "unknown format"),
    ("embed latin.txt -o o.npy", "latin.txt:2: not UTF-8"),
    ("embed binary.txt -o o.npy", "binary data"),
    ("embed empty.txt -o o.npy", "empty.txt: the file is empty"),
    ("embed a.tsv -o o.npy", "a.tsv: has no header; name its columns"),
    ("embed other.jsonl -o o.npy", "no key 'text'; the keys are body"),
    ("embed number.jsonl -o o.npy", "'text' is int, expected text"),
    ("embed list.jsonl -o o.npy", "a list, expected a JSON object"),
    ("embed broken.jsonl -o o.npy", "broken.jsonl:2: not JSON"),
    ("embed half.jsonl -o o.npy", "half a character"),
    ("embed broken.parquet -o o.npy", "not a readable Parquet file"),
    ("embed broken.txt.xz -o o.npy", "damaged or cut short"),
    ("embed a.txt -o o.txt", "name it with .npy"),
    ("embed a.txt -o o.npy -m nowhere/nothing", "no such folder, and the hub gave no model"),
    ("embed a.txt -o o.npy --prompt poem", "no prompt 'poem'"),
    ("embed a.txt -o a.txt/o.npy", "cannot be written"),
    ("neighbours tea nope.txt", "no such file"),
    ("neighbours tea a.tsv", "has no header"),
    ("neighbours tea a.txt -k -1", "--top-k is -1; it must be a number from 0 on"),
    ("neighbours tea a.txt -k 99999999999", "it must be at most 1,000,000,000"),
    ("embed a.tsv -o o.npy --columns id,,text", "column 2 has no name"),
    ("embed a.tsv -o o.npy --columns id,body", "--column is text, which is none of id, body"),
    ("similar '' tea", "the first text is empty"),
    ("similar tea '  '", "the second text is empty"),
    # encode
    ("encode nope.txt --into v", "no such file"),
    ("encode a.txt", "with --into, the folder"),
    ("encode --into v", "name the files to encode"),
    ("encode a.txt --into a.txt", "is a file; a run writes into a folder"),
    ("encode a.txt --into v --format csv", "it must be parquet or safetensors"),
    ("encode a.txt --into v --shard-rows 0", "shard_rows must be at least 1"),
    ("encode a.txt --into v --shard-rows -5", "--shard-rows is -5"),
    ("encode a.txt --into v --workers 0", "workers is 0; it must be 1 or more"),
    ("encode a.txt --into v --threads 0", "--threads is 0"),
    ("encode a.txt --into v --engine cloud", "it must be local or ray"),
    ("encode empty.txt --into v", "the file is empty"),
    ("encode other.jsonl --into v", "no key 'text'"),
    ("encode b.jsonl --into v --keep id", "no key 'id'"),
    ("encode short.tsv --into v --columns id,text", "short.tsv:2: 1 columns, expected 2"),
    ("encode broken.jsonl --into v", "broken.jsonl:2: not JSON"),
    ("encode a.txt --into v --prompt poem", "no prompt 'poem'"),
    ("encode a.txt --into v/deep/er --prompt poem", "no prompt 'poem'"),
    ("encode a.txt --into v -m nowhere/nothing", "no such folder, and the hub"),
    ("encode --check nope", "nope: no such folder"),
    ("encode --check dir", "holds no finished run"),
    # mine
    ("mine a.txt nope.txt -o p.tsv", "no such file"),
    ("mine a.txt a.txt -o p.csv", "name it with .tsv"),
    ("mine a.txt a.txt -o p.tsv --threshold nan", "--threshold is nan"),
    ("mine a.txt a.txt -o p.tsv --threshold -5", "--threshold is -5"),
    ("mine a.txt a.txt -o p.tsv --neighbours 0", "--neighbours is 0"),
    ("mine a.tsv a.tsv -o a.tsv --column _,text", "would be overwritten"),
    ("mine a.tsv a.txt -o p.tsv", "a.tsv: has no header"),
    # index and search
    ("index --into ix", "no index here yet"),
    ("index nope --into ix", "no such file or folder"),
    ("index empties --into ix", "no readable text"),
    ("index dir --into a.txt", "is a file; an index is a folder"),
    ("index dir --into empties", "holds other files"),
    ("search a.txt", "name an index, or files, and then the question"),
    ("search nope tea", "no such file or folder"),
    ("search a.txt ''", "the query is empty"),
    ("search a.txt tea --mode bm25", "hybrid, dense, text"),
    ("search a.txt tea -k 0", "top_k is 0"),
    ("search a.txt tea -l xx", "language 'xx' is none that is told apart"),
    ("search empties tea", "no readable text"),
    ("search a.txt tea --since yesterday", "does not match the format"),
    # curate
    ("curate filter nope.jsonl --into o.jsonl", "no such file"),
    ("curate filter b.jsonl --into o.jsonl", "no column 'query'"),
    ("curate filter pairs.jsonl --into o.tsv", "name it with .jsonl"),
    ("curate filter pairs.jsonl --into o.jsonl --scripts", "pairs.jsonl:1: no column 'language', which scripts judges by"),
    ("curate filter pairs.jsonl --into o.jsonl --languages", "no column 'language', which languages judges by"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run --languages klingon", "no language is called 'klingon'"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run --limit 0", "limit is 0"),
    ("curate filter pairs.jsonl --into pairs.jsonl", "would be overwritten"),
    ("curate filter pairs.jsonl --into o.jsonl --similarity inf", "--similarity is inf"),
    ("curate filter pairs.jsonl --into o.jsonl --duplicates near --similarity 0", "above 0"),
    ("curate filter pairs.jsonl --into o.jsonl --min-chars 900", "no row is left"),
    ("curate filter pairs.jsonl --into o.jsonl --max-ratio nan", "--max-ratio is nan"),
    ("curate filter pairs.jsonl --into o.jsonl --against a.txt --ngram 3", "ngram is 3"),
    ("curate filter empty.txt --into o.jsonl", "the file is empty"),
    ("curate negatives b.jsonl --into o.jsonl", "no column 'query'"),
    ("curate negatives pairs.jsonl --into pairs.jsonl", "would be overwritten"),
    ("curate negatives pairs.jsonl --into o.jsonl -n 0", "num_negatives is 0"),
    ("curate negatives pairs.jsonl --into o.jsonl --relative-margin -1", "--relative-margin is -1"),
    ("curate negatives pairs.jsonl --into o.jsonl --relative-margin nan", "--relative-margin is nan"),
    ("curate negatives pairs.jsonl --into o.jsonl --relative-margin none", "or any"),
    ("curate negatives pairs.jsonl --into o.jsonl --max-score nan", "--max-score is nan"),
    ("curate draw nothing --into o.tsv", "nothing"),
    ("curate draw e5-student --into o.txt", "name a file that ends in .tsv"),
    # evaluate
    ("evaluate default --suite nope --tasks stsb -o res", "no such file"),
    ("evaluate default --suite dir --tasks stsb -o res", "no such file"),
    ("evaluate default --suite dir --tasks chess -o res", "chess"),
    ("evaluate nowhere/nothing --suite dir --tasks stsb -o res", "no such folder, and the hub"),
    # recipes and training
    ("recipes nothing", "nothing"),
    ("train nothing", "nothing"),
    ("train broken.yaml", "broken.yaml"),
    ("train list.yaml", "list.yaml"),
    ("train e5-student optim.lrr=1", "lrr"),
    ("train e5-student optim.lr=.nan", "optim.lr"),
    ("train e5-student optim.steps=0", "steps must be at least 1"),
    ("models nope", "nope: no such folder"),
    ("report nope", "nope"),
)  # fmt: skip
OWN_MODEL = ("embed", "neighbours", "encode", "mine", "index", "search")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_table(tmp_path_factory.mktemp("table")))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of good and bad files."""
    texts = {
        "a.txt": "Tea is hot.\nBread is warm.\n",
        "a.tsv": "1\ttea\n2\tbread\n",
        "b.jsonl": '{"text": "tea"}\n{"text": "bread"}\n',
        "broken.jsonl": '{"text": "tea"}\n{oops\n',
        "broken.yaml": "a: [1,\n b: }",
        "dir/a.md": "Tea.",
        "empties/none.txt": "",
        "empty.txt": "",
        "half.jsonl": '{"text": "cut \\ud83d"}\n',
        "list.jsonl": '["tea"]\n',
        "list.yaml": "- 1\n",
        "number.jsonl": '{"text": 5}\n',
        "other.jsonl": '{"body": "tea"}\n',
        "pairs.jsonl": '{"query": "what is tea", "document": "A drink."}\n{"query": "what is bread", "document": "A food."}\n',
        "short.tsv": "1\ttea\n2\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"tea\nna\xefve\n")
    (tmp_path / "binary.txt").write_bytes(bytes(range(256)))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1xxxx")
    (tmp_path / "broken.txt.xz").write_bytes(b"\xfd7zXZ\x00cut")
    return tmp_path


def state(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder, and what each file holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(("command", "said"), TABLE, ids=[command for command, _ in TABLE])
def test_bad_input_is_one_line_and_leaves_nothing(
    command: str, said: str, files: Path, model: str
) -> None:
    arguments = shlex.split(command)
    if arguments[0] in OWN_MODEL and "-m" not in arguments:
        arguments += ["-m", model]
    before = state(files)
    done = run(*arguments, cwd=files)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("skipped ")]
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lusifer: ")
    assert said in lines[0]
    assert state(files) == before
