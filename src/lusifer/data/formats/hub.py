"""Data sets of the hub, streamed: `hf://owner/data[/config]:split`, or `…:split[:N]` for its first
N rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from lusifer.data.formats.base import Problem, Row, as_row
from lusifer.errors import DataError, MissingExtra

SCHEME = "hf://"


def hub_rows(name: str, columns: Sequence[str] | None) -> Iterator[Row | Problem]:
    """The rows of a data set.

    Args:
        name: with its scheme, as above.
        columns: those wanted, or all with text.

    Raises:
        DataError: where it cannot be opened.
        MissingExtra: where the library for it is not installed.
    """
    try:
        import datasets
    except ModuleNotFoundError:
        raise MissingExtra("datasets", "train") from None
    path, _, rest = name.removeprefix(SCHEME).partition(":")
    split, _, first = rest.rstrip("]").partition("[:")
    parts = path.split("/")
    config = "/".join(parts[2:]) or None
    try:
        rows = datasets.load_dataset(
            "/".join(parts[:2]), config, split=split or "train", streaming=True
        )
    except Exception as error:
        what = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise DataError(name, None, f"the hub data set cannot be opened ({what})") from error
    for number, value in enumerate(islice(rows, int(first) if first else None), 1):
        yield as_row(name, number, value, columns)
