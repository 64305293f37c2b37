"""`lusifer curate draw` from the outside."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import refused, run


def test_draw_writes_a_corpus_that_encode_reads(tmp_path: Path) -> None:
    rows = [
        f"{language}\ttext {i} in {language}"
        for language in ("deu_Latn", "hin_Deva", "swh_Latn")
        for i in range(30)
    ]
    (tmp_path / "texts.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    recipe = "texts:\n  sources: [{files: [texts.tsv], columns: [language, text]}]\n"
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    done = run(
        "curate", "draw", "recipe.yaml", "texts.count=45", "--into", "drawn.tsv", cwd=tmp_path
    )
    assert done.stdout == "wrote drawn.tsv: 45 texts in 3 languages\n", done.stderr
    done = run(
        "encode",
        "drawn.tsv",
        "--columns",
        "language,text",
        "--keep",
        "language,text",
        "-o",
        "vectors",
        cwd=tmp_path,
    )
    assert "45 vectors" in done.stdout, done.stderr
    (tmp_path / "texts.tsv").write_text("deu_Latn\n", encoding="utf-8")
    assert "texts.tsv:1: 1 columns, expected 2" in refused(
        "curate", "draw", "recipe.yaml", "-o", "other.tsv", cwd=tmp_path
    )
    assert "has no key 'texts'" in refused(
        "curate", "draw", "minilm-29m", "-o", "other.tsv", cwd=tmp_path
    )
    assert not (tmp_path / "other.tsv").exists()
