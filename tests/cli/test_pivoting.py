"""`lusifer curate pivot` as a user starts it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import run
from tests.curation.test_pivot import ROWS


def test_pairs_are_written_and_counted_and_a_wrong_choice_is_told(tmp_path: Path) -> None:
    lines = "".join("\t".join(row) + "\n" for row in ROWS)
    (tmp_path / "parallel.tsv").write_text(lines, encoding="utf-8")
    columns = ("--columns", "language,english,text")
    done = run("curate", "pivot", "parallel.tsv", *columns, "-o", "pairs.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "wrote pairs.jsonl: 3 of 8 rows" in done.stdout
    assert (tmp_path / "pairs.jsonl").exists()
    for wrong, said in (
        (("--by", "french"), "--by is 'french'; it must be one of english, text"),
        (("--kind", "all"), "--kind is 'all'; it must be one of paraphrases, translations, any"),
        (("--per-pivot", "0"), "per_pivot is 0; it must be 1 or more"),
    ):
        done = run(
            "curate", "pivot", "parallel.tsv", *columns, "-o", "x.jsonl", *wrong, cwd=tmp_path
        )
        assert done.returncode == 2
        assert said in done.stderr.replace("--per-pivot", "per_pivot")
        assert not (tmp_path / "x.jsonl").exists()
