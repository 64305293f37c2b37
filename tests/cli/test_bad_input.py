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
    ("embed blank.txt -o o.npy", "blank.txt: no text in it"),
    ("neighbours tea blank.txt", "blank.txt: no text in it"),
    ("neighbours tea nope.txt", "no such file"),
    ("neighbours tea a.tsv", "has no header"),
    ("neighbours tea a.txt -k -1", "--top-k is -1; it must be a number from 0 on"),
    ("neighbours tea a.txt -k 99999999999", "it must be at most 1,000,000,000"),
    (f"neighbours tea a.txt -k 1{'0' * 400}", "--top-k is a number of more than 30 digits"),
    (f"neighbours tea a.txt -k -1{'0' * 400}", "--top-k is a number of more than 30 digits"),
    ("recipes latin.txt", "latin.txt: cannot be read as UTF-8 text"),
    ("recipes dir/nothing.yaml", "no such recipe"),
    ("train minilm-29m optim.lr=2020-13-45 --dry-run", "the value is not valid YAML"),
    ("train minilm-29m data.sources.0.files.0.x.y=1 --dry-run", "stands below"),
    ("similar a b -m 'http://local host/v1#m'", "contain control characters"),
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
    ("index empties --into new/deep/ix", "no readable text"),
    ("index nope --into new/ix", "no such file or folder"),
    ("index dir --into a.txt", "is a file; an index is a folder"),
    ("index dir --into empties", "holds other files"),
    ("search a.txt", "name an index, or files, and then the question"),
    ("search nope tea", "no such file or folder"),
    ("search a.txt ''", "the query is empty"),
    ("search a.txt tea --mode bm25", "hybrid, dense, text"),
    ("search a.txt tea -k 0", "top_k is 0"),
    ("search a.txt tea --rerank nowhere/nothing", "no such folder, and the hub gave no model"),
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
    # more of each verb
    ("embed a.txt -o o.npy --colunm x", "--colunm (Possible options"),
    ("embed x.docx -o o.npy", "its lines are no rows"),
    ("embed - -o o.npy", "-: no such file"),
    ("embed a.tsv -o o.npy --column _,_,_,text", "a.tsv:1: 2 columns, expected 4 (_, _, _, text), separated by tabs"),
    ("embed short.tsv -o o.npy --column _,text", "short.tsv:2: 1 columns, expected 2 (_, text), separated by tabs"),
    ("embed a.txt -o o.npy -m package:nosuch", "the Python package is not installed"),
    ("embed a.txt -o o.npy -m http://127.0.0.1:9/v1#m", "no answer"),
    ("embed a.txt -o o.npy -m a.txt", "a.txt: is a file; a model is a folder"),
    ("embed a.txt -o o.npy -m empties", "empties"),
    ("embed nosuch -o o.npy", "nosuch: no such file"),
    ("similar a b -m ''", "a model's name is empty"),
    ("similar a b c", "Got unexpected extra argument(s) (c)"),
    ("similar a b -m a.txt", "a.txt: is a file; a model is a folder"),
    ("similar a b -m dir", "dir"),
    ("mine a.txt -o p.tsv", "Missing argument 'second'."),
    ("mine latin.txt a.txt -o p.tsv", "not UTF-8 (byte 3 of the line is 0xef)"),
    ("mine a.txt a.txt -o a.txt/p.tsv", "cannot be written (Not a directory)"),
    ("serach x", "No such command 'serach'. Did you mean 'search'?"),
    ("merge -o x", "Missing argument 'models'."),
    ("merge nosuch nosuch2 -o x", "nosuch: no such folder, and the hub gave no model of that name"),
    ("merge static static -o x --weights a,b", "--weights is 'a,b'; write numbers with commas between, e.g. 0.7,0.3"),
    ("merge static static -o x --weights 1,2,3", "linear takes 2 weights, one a model; 3 are given"),
    ("merge static static -o x --method median", "it must be one of linear"),
    ("merge static static static -o x --method slerp", "slerp goes from one model to one other; 3 are named"),
    ("merge static static -o x --method task-arithmetic", "task-arithmetic wants the base that the models were fine-tuned from"),
    ("merge static static -o x --method self-positioning --base static", "self-positioning wants a probe set of pairs"),
    ("merge static static -o dir", "dir: exists already; name a new folder"),
    ("export nosuch -o x", "nosuch: no such folder, and the hub gave no model of that name"),
    ("export static -o x", "is no plain encoder with pooling (a bridge"),
    ("export static -o dir", "is no plain encoder with pooling (a bridge"),
    ("export static -o x --min-cosine 2", "min_cosine is 2.0; it lies between 0 and 1"),
    ("export static -o x --texts nope.tsv", "nope.tsv: no such file"),
    ("export static -o x --texts short.tsv", "short.tsv:2: 1 columns, expected 2 (language, text), separated by tabs"),
    ("export static -o x --table-bits 3", "table_bits is 3; it must be 4 or 8"),
    ("evaluate", "or --benchmark NAME (data sets that mteb fetches)"),
    ("evaluate static", "or --benchmark NAME (data sets that mteb fetches)"),
    ("evaluate static static --suite dir -o res", "a model is named twice; a comparison wants different ones"),
    ("evaluate static --suite dir --benchmark lusifer -o res", "or --benchmark NAME (data sets that mteb fetches)"),
    ("evaluate static --suite dir --dry-run -o res", "--dry-run goes with --benchmark; a suite's files are there already"),
    ("evaluate static --benchmark nosuch -o res", "no benchmark 'nosuch'; near it are"),
    ("evaluate static --benchmark lusifer --tasks nosuch --dry-run", "the benchmark has no task 'nosuch'"),
    ("evaluate static --suite dir --languages klingon -o res", "no language is called 'klingon'"),
    ("evaluate static --suite dir --anchor nosuch -o res", "nosuch: no such folder, and the hub gave no model of that name"),
    ("diagnose static --suite nope -o res", "nope/classification/sib200.tsv.xz: no such file"),
    ("diagnose static --suite dir --languages klingon -o res", "no language is called 'klingon'"),
    ("diagnose static --suite dir --sentences 0 -o res", "sentences is 0; at least 20 tell anything"),
    ("diagnose static --suite dir --sentences -1 -o res", "--sentences is -1; it must be a number from 0 on"),
    ("diagnose static --suite dir -o a.txt", "dir/classification/sib200.tsv.xz: no such file"),
    ("diagnose nosuch --suite dir -o res", "nosuch: no such folder, and the hub gave no model of that name"),
    ("report", "Missing argument 'RESULTS...'."),
    ("report empties -o x", "`lusifer evaluate MODEL --into empties` makes some"),
    ("report a.txt -o x", "a.txt: no such folder"),
    ("demo --mode fuzzy", "mode is 'fuzzy'; it must be one of hybrid, dense, text"),
    ("demo --into a.txt", "a.txt: cannot be written (File exists)"),
    ("demo -m nosuch", "nosuch: no such folder, and the hub gave no model of that name"),
    ("demo-bridge --data nope", "no such folder"),
    ("demo-bridge --data a.txt", "no such folder"),
    ("demo-bridge --data dir --encoder nosuch", "dir: holds neither the shared data set nor *.txt files"),
    ("data validate a.tsv --columns a,,b", "--columns a,,b: column 2 has no name; '_' skips one"),
    ("curate negatives pairs.jsonl --into o.jsonl -n -1", "--num-negatives is -1; it must be a number from 0 on"),
    ("curate negatives pairs.jsonl --into o.jsonl --sampling best", "--sampling is 'best'; it must be one of top, random"),
    ("curate negatives pairs.jsonl --into o.jsonl --language de", "--language is 'de'; it must be one of any, same, other"),
    ("curate negatives pairs.jsonl --into o.jsonl --range-min 50 --range-max 10", "and range_max at least range_min + num_negatives"),
    ("curate negatives pairs.jsonl --into o.jsonl --range-min -4", "--range-min is -4; it must be a number from 0 on"),
    ("curate negatives pairs.jsonl --into o.jsonl --reranker nosuch", "nosuch: no such folder, and the hub gave no model of that name"),
    ("curate negatives pairs.jsonl --into o.jsonl -m nosuch", "nosuch: no such folder, and the hub gave no model of that name"),
    ("curate negatives pairs.jsonl --into a.txt/o.jsonl", "a.txt/.o.jsonl.mining: cannot be written (Not a directory)"),
    ("curate negatives pairs.jsonl --into o.jsonl --rename text", "--rename text: write it with an =, e.g. question=query"),
    ("curate filter pairs.jsonl --into o.jsonl --duplicates fuzzy", "--duplicates is 'fuzzy'; it must be one of exact, near, keep"),
    ("curate filter pairs.jsonl --into o.jsonl --duplicates near --similarity 2", "the threshold of near duplicates is 2.0"),
    ("curate filter pairs.jsonl --into o.jsonl --min-chars 50 --max-chars 10", "min_chars is 50 and max_chars 10; from 0 on, the second the larger"),
    ("curate filter pairs.jsonl --into o.jsonl --max-ratio 0", "max_ratio is 0.0; it must be 1 or more"),
    ("curate filter pairs.jsonl --into o.jsonl --sides left", "--sides is 'left'; it must be one of query, document, both"),
    ("curate filter pairs.jsonl --into o.jsonl --against nope*", "nope*: no such file"),
    ("curate filter pairs.jsonl --into o.jsonl --top-k 0", "top_k is 0; it must be 1 or more"),
    ("curate synthesize b.jsonl -o o.jsonl", "e.g. http://localhost:8000/v1#name (or take --template structure"),
    ("curate synthesize b.jsonl -o o.jsonl --endpoint localhost", "e.g. http://localhost:8000/v1#name"),
    ("curate synthesize b.jsonl -o o.jsonl --endpoint http://127.0.0.1:9/v1", "b.jsonl: no column 'language'; say which to write in with --languages"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run --temperature -1", "--temperature is -1; it must be a number from 0 on"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run --control nosuch=x", "summarise-then-ask has no control 'nosuch'; its controls are none"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run --control nosuch", "--control nosuch: write it with an =, e.g. length=short|long"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run -t nothing", "no template is called 'nothing'"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run -t broken.yaml", "not valid YAML (expected the node content"),
    ("curate synthesize b.jsonl -o o.jsonl --dry-run --exemplars nope.jsonl", "nope.jsonl: no such file"),
    ("curate synthesize a.txt -o o.jsonl -t structure", "the files have no heading with a paragraph below it"),
    ("curate synthesize a.txt -o o.jsonl -t structure --limit 3", "--template structure takes no --limit"),
    ("curate synthesize empty.txt -o o.jsonl --dry-run", "empty.txt: the file is empty"),
    ("curate synthesize b.jsonl -o o.jsonl --endpoint http://127.0.0.1:9/v1#m --timeout 0", "concurrency and max_tokens must be 1 or more, rpm and timeout above 0"),
    ("curate synthesize b.jsonl -o o.jsonl --endpoint http://127.0.0.1:9/v1#m --concurrency 0", "concurrency and max_tokens must be 1 or more, rpm and timeout above 0"),
    ("curate templates nothing", "no template is called 'nothing'"),
    ("curate draw minilm --into o.tsv", "which says what is drawn (the recipe e5-student has one)"),
    ("curate draw e5-student texts.cuont=5 --into o.tsv", "did you mean 'count'? the keys are root"),
    ("train", "Missing argument 'recipe'."),
    ("train dir", "and none of that name ships with lusifer (compact-118m"),
    ("train empty.txt", "empty.txt: a recipe is a mapping of keys to values, not NoneType"),
    ("train minilm-29m --drun", "No such option: --drun (Possible options: --dry-run)"),
    ("train minilm-29m optim.lr", "override 'optim.lr': write it as key=value, e.g. optim.lr=1e-4"),
    ("train minilm-29m batch_size=0 --dry-run", "batch_size is 0; it must be 1 or more"),
    ("train minilm-29m seed=-1 --dry-run", "seed is -1; it must be 0 or more"),
    ("train minilm-29m optim.weight_decay=-1 --dry-run", "optim.weight_decay is -1; it must be 0 or more"),
    ("train minilm-29m data.max_tokens=0 --dry-run", "data.max_tokens is 0; it must be 1 or more"),
    ("train minilm-29m batch_size=many --dry-run", "batch_size is 'many'; it must be of type int"),
    ("train minilm-29m loss.0.temperature=0 --dry-run", "loss[0]: unknown key 'temperature'; the keys are kind, weight"),
    ("train minilm-29m loss.7.temperature=1 --dry-run", "'7' stands for an item of a list of 2"),
    ("train minilm-29m loss=[{kind: cosin}] --dry-run", "override 'loss=[{kind:': the value is not valid YAML"),
    ("train minilm-29m data.root=nope --dry-run", "nope/parallel/nllb_seed.tsv.xz: no such file"),
    ("train minilm-29m bridge.connector.kind=mpl --dry-run", "bridge.connector.kind is 'mpl'"),
    ("train minilm-29m bridge.connector.nearest=0 --dry-run", "bridge.connector: connector.nearest must be 1 or more"),
    ("train minilm-29m optim.lr=1e400 --dry-run", "optim.lr is inf; it must be a finite number"),
    ("train minilm-29m optim.save_every=0 --dry-run", "optim.save_every is 0; it must be 1 or more"),
    ("train minilm-29m optim.steps=-3 --dry-run", "optim: optim.steps must be at least 1"),
    ("recipes a/b/c", "a/b/c: no such recipe"),
    ("recipes minilm-29m extra", "Got unexpected extra argument(s) (extra)"),
    ("recipes nothing --schema", "and none of that name ships with lusifer (compact-118m"),
    ("search a.txt tea --since 2026-13-01", "'2026-13-01' does not match the formats '%Y-%m-%d'."),
    ("search a.txt tea --json --lines", "--json and --lines are two ways to print; take one"),
    ("search a.txt tea --mode", "tea: no such file or folder"),
    ("search a.txt tea --prompt poem", "the model has no prompt 'poem'; its prompts: none"),
    ("search a.txt tea -m nosuch", "nosuch: no such folder, and the hub gave no model of that name"),
    ("index a.txt", "Missing option '--into' / '--out' / '-o'."),
    ("index a.txt --into ix --list", "--list, --forget, --compact, --export and --queries are each done alone, without paths"),
    ("index --into dir --compact", "dir: no index here yet; name the files or folders to index"),
    ("index --into dir --forget a.txt", "dir: no index here yet; name the files or folders to index"),
    ("neighbours tea a.txt --prompt poem", "the model has no prompt 'poem'; its prompts: none"),
    ("neighbours tea a.txt -k many", "Invalid value for '--top-k' / '--top' / '-k'"),
    ("models a.txt", "a.txt: no such folder"),
    ("encode a.txt --into v --format parquet --keep vector", "a column named 'vector' cannot be kept: a shard has one of its own"),
    ("encode latin.txt --into v", "not UTF-8 (byte 3 of the line is 0xef)"),
    ("encode a.tsv --into v", "e.g. --columns id,title,text"),
    ("encode a.tsv --into v --columns id,body", "the column 'text' is none of the columns id, body"),
    ("neighbours '' a.txt", "the query is empty"),
    ("encode a.txt --into v --column nosuch", "there is no column 'nosuch'"),
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
        "blank.txt": "\n \n\t\n",
        "half.jsonl": '{"text": "cut \\ud83d"}\n',
        "list.jsonl": '["tea"]\n',
        "list.yaml": "- 1\n",
        "number.jsonl": '{"text": 5}\n',
        "other.jsonl": '{"body": "tea"}\n',
        "pairs.jsonl": '{"query": "what is tea", "document": "A drink."}\n{"query": "what is bread", "document": "A food."}\n',
        "short.tsv": "1\ttea\n2\n",
        "x.docx": "PK",
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
