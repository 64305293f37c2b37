"""A run on one page, without network: what it made, how good it is by its validation, its curves, its
recipe, and what it was made with.
"""

from __future__ import annotations

import base64
import json
from html import escape
from pathlib import Path
from typing import Any

from lusifer.io import write_text
from lusifer.training.output import RECIPE, VERSIONS
from lusifer.training.run_log import CURVES, LOG, read_log, validated

PAGE = "run.html"
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #8884; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: .8rem; background: #8881; border-radius: .3rem; }
img { max-width: 100%; background: white; border-radius: .3rem; }
"""


def write_page(output: Path, final: Path) -> Path:
    """Write a run's page.

    Args:
        output: the run's folder.
        final: the folder of what it made.

    Returns:
        The file, `run.html`.
    """
    lines = read_log(output / LOG)
    parts = [
        f"<h1>{escape(output.name)}</h1>",
        f"<p>The model is in <code>{escape(str(final))}</code>. {_taken(lines)}</p>",
        _validation(output),
        _losses(lines),
        _curves(output / CURVES),
    ]
    if (final / "modules.json").exists():
        command = f"lusifer evaluate {final} --suite FOLDER"
        parts.append(f"<h2>How good it is, by language</h2><pre>{escape(command)}</pre>")
    parts.append(_text("Recipe", output / RECIPE))
    parts.append(_text("Made with", output / VERSIONS))
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(output.name)}</title><style>{STYLE}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )
    write_text(output / PAGE, page)
    return output / PAGE


def _taken(lines: list[dict[str, Any]]) -> str:
    """How long each phase took, as far as the process that ended it saw."""
    last: dict[str, dict[str, Any]] = {line["phase"]: line for line in lines}
    said = [f"{name}: {line['step']:,} steps" for name, line in last.items()]
    return escape("; ".join(said) + "." if said else "Nothing was logged.")


def _table(head: list[str], rows: list[list[str]]) -> str:
    cells = [
        "".join(
            f'<td class="number">{escape(cell)}</td>' if i > 1 else f"<td>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        for row in rows
    ]
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _validation(output: Path) -> str:
    rows = [
        [phase, name, f"{first:.4f}", f"{best:.4f}", f"{step:,}"]
        for phase, name, first, best, step in validated(output)
    ]
    head = ["phase", "figure", "at first", "best", "at step"]
    return f"<h2>Validation</h2>{_table(head, rows)}" if rows else ""


def _losses(lines: list[dict[str, Any]]) -> str:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        if line.get("loss") is not None:
            found.setdefault(line["phase"], []).append(line)
    rows = [
        [
            phase,
            "loss",
            f"{own[0]['loss']:.4f}",
            f"{own[-1]['loss']:.4f}",
            f"{own[-1].get('waiting', 0):.1%}",
        ]
        for phase, own in found.items()
    ]
    head = ["phase", "figure", "at first", "at last", "waiting for data"]
    return f"<h2>Training</h2>{_table(head, rows)}" if rows else ""


def _curves(file: Path) -> str:
    if not file.exists():
        return ""
    image = base64.b64encode(file.read_bytes()).decode("ascii")
    return f'<h2>Curves</h2><img alt="The loss and the validation of each phase, by step." src="data:image/png;base64,{image}">'


def _text(title: str, file: Path) -> str:
    if not file.exists():
        return ""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        text = json.dumps(json.loads(text), indent=2)
    return f"<h2>{title}</h2><pre>{escape(text)}</pre>"
