"""Errors that users meet."""

from __future__ import annotations

import pickle

from lusifer.errors import DataError, MissingExtra


def test_errors_travel_between_processes() -> None:
    """A loader's worker hands its error on as it was: file and line included."""
    for error in (DataError("texts.tsv", 7, "a column too few"), MissingExtra("pyarrow", "train")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert str(again) == str(error)
