"""The demo's own sentences."""

from __future__ import annotations

from importlib import resources


def demo_sentences() -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """((number, English text) …, (language, number, text) …): equal numbers are translations."""
    text = (resources.files("lusifer") / "assets" / "demo.tsv").read_text(encoding="utf-8")
    rows = [tuple(line.split("\t")) for line in text.splitlines()]
    english = [(number, sentence) for language, number, sentence in rows if language == "eng_Latn"]
    return english, [(language, number, sentence) for language, number, sentence in rows if language != "eng_Latn"]
