"""File formats, one file each: its rows for training, its sections for search. A file that is put
here, or a `Format` that is defined elsewhere and imported, is known everywhere.
"""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from lusifer.data.formats.base import Format, Problem, Row, Section
from lusifer.data.formats.text_lines import lines, scan_lines
from lusifer.errors import DataError
from lusifer.io import COMPRESSIONS

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def file_formats() -> dict[str, Format]:
    """Ending → format, of all that are known."""
    return {ending: known() for known in _derived(Format) for ending in vars(known)["endings"]}


def format_of(path: str | Path) -> Format:
    """The format that a name's ending tells, compression taken off.

    Args:
        path: a file's.

    Raises:
        DataError: for an ending that no format has.
    """
    known = file_formats()
    if (found := known.get(ending(path))) is None:
        raise DataError(
            path,
            None,
            f"unknown format; the endings are {', '.join(known)}, plain or {', '.join(COMPRESSIONS)}",
        )
    return found


def ending(path: str | Path) -> str:
    """A name's ending in small letters, without that of a compression."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _derived(cls: type[Format]) -> Iterator[type[Format]]:
    for derived in cls.__subclasses__():
        yield derived
        yield from _derived(derived)


__all__ = [
    "Format",
    "Problem",
    "Row",
    "Section",
    "ending",
    "format_of",
    "formats",
    "lines",
    "scan_lines",
]
