"""The errors a user may see: each is one clear line, and the command line turns it into exit code
2.
"""

from __future__ import annotations

from pathlib import Path


class LusiferError(Exception):
    """Anything that the user can put right. Its text is one line: what was wrong, what would be
    right.
    """


class ConfigError(LusiferError):
    """A recipe or an override that names a wrong key or holds a wrong value."""


class ModelError(LusiferError):
    """A model folder, base or family that cannot be used as asked."""


class DataError(LusiferError):
    """A data file that cannot be read as asked, with the file and the line."""

    def __init__(self, path: str | Path, line: int | None, what: str) -> None:
        self.path, self.line, self.what = str(path), line, what
        where = f"{path}:{line}" if line is not None else str(path)
        super().__init__(f"{where}: {what}")

    def __reduce__(self) -> tuple[type[DataError], tuple[str, int | None, str]]:
        """How it travels from a loader's worker process, which exceptions of several arguments
        cannot by themselves.
        """
        return type(self), (self.path, self.line, self.what)


class LossError(LusiferError):
    """A loss that is no number."""


class Preempted(LusiferError):
    """A run that was told to go (SIGTERM), and has saved where it is: nothing is wrong, and the
    command line ends with exit code 0.
    """


class DamagedIndex(LusiferError):
    """An index that cannot be read as it is, or is gone."""


class MissingExtra(LusiferError):
    """An optional dependency that is not installed; names the extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(
            f"this needs the package {package!r}: install it with  pip install 'lusifer[{extra}]'"
        )

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        return type(self), (self.package, self.extra)
