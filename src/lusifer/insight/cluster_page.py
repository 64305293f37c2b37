"""One page of clusters, without a script and without a network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lusifer.insight.cluster_names import Cluster
from lusifer.text import short_name

COLOURS = 12
SHOWN = 500  # clusters
SHORT = 120
STYLE = """
:root { --ink: #1c2430; --soft: #52606f; --line: #d5dce4; --paper: #fff; --raised: #f5f7fa; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #a9b5c2; --line: #38434f; --paper: #14191f; --raised: #1d242c; } }
html { font: 16px/1.55 system-ui, "Noto Sans", sans-serif; color: var(--ink); background: var(--paper); }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; }
p, ul { margin: .3rem 0; } .soft { color: var(--soft); font-size: .9rem; }
article { border: 1px solid var(--line); border-inline-start-width: 6px; border-radius: .5rem; }
article { background: var(--raised); padding: .6rem .8rem; margin: .6rem 0; }
li { overflow-wrap: anywhere; }
svg { width: 100%; height: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--raised); }
circle { fill-opacity: .75; } .none { fill: #9aa5b1; fill-opacity: .4; }
"""
INKS = (
    "#1f77b4 #d95f02 #2ca02c #9467bd #e7298a #b58900 #17a2b8 #8c564b #5d8a00 #d62728 #6a7fdb #7f7f7f"
).split()


def cluster_page(
    clusters: Sequence[Cluster], points: Sequence[tuple[float, float, int, str, str]]
) -> str:
    """The page's HTML.

    Args:
        clusters: the largest first.
        points: of the map: x and y from 0 to 1, cluster, language, text.
    """
    inks = "\n".join(f".c{i} {{ fill: {ink}; border-color: {ink}; }}" for i, ink in enumerate(INKS))
    total = sum(cluster.size for cluster in clusters)
    dots = "\n".join(_dot(*point, clusters) for point in points)
    cards = "\n".join(map(_card, clusters[:SHOWN]))
    more = len(clusters) - SHOWN
    rest = f"<p class=soft>{more:,} smaller clusters are in clusters.json.</p>" if more > 0 else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clusters</title><style>{STYLE}{inks}</style></head><body>
<h1>{len(clusters):,} clusters of {total:,} texts</h1>
<svg viewBox="0 0 1000 640" role="img" aria-label="Texts in two dimensions, coloured by cluster">
{dots}
</svg>
{cards}
{rest}
</body></html>
"""


def _dot(
    x: float, y: float, cluster: int, language: str, text: str, clusters: Sequence[Cluster]
) -> str:
    kind = f"c{cluster % COLOURS}" if cluster >= 0 else "none"
    name = ", ".join(clusters[cluster].words) if cluster >= 0 else "in no cluster"
    title = escape(f"{name} · {short_name(language)}: {text[:SHORT]}")
    return (
        f'<circle cx="{20 + 960 * x:.1f}" cy="{620 - 600 * y:.1f}" r="4" class="{kind}">'
        f"<title>{title}</title></circle>"
    )


def _card(cluster: Cluster) -> str:
    names = ", ".join(f"<bdi>{escape(word)}</bdi>" for word in cluster.words) or "without words"
    spoken = list(cluster.languages.items())
    languages = ", ".join(f"{escape(short_name(code))} {count:,}" for code, count in spoken[:8])
    if len(spoken) > 8:
        languages += f" and {len(spoken) - 8} more"
    examples = "\n".join(f'<li dir="auto">{escape(text[:300])}</li>' for text in cluster.examples)
    return f"""<article class="c{cluster.number % COLOURS}" id="cluster-{cluster.number}"><h2>{names}</h2>
<p class=soft>cluster {cluster.number}: {cluster.size:,} texts; {languages}</p><ul>{examples}</ul></article>"""
