"""For the site's build: what lies outside of the documentation is named, not linked to."""

from __future__ import annotations

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put `text` (`path`) for a link to a file of the repository."""
    return OUTSIDE.sub(r"\1 (`\2`)", markdown)
