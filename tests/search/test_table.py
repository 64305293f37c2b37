"""The table's own language, and its errors."""

from __future__ import annotations

import pytest

from lusifer.errors import LusiferError
from lusifer.search.table import is_below, quoted, table_errors


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/a/b.txt", "/a", True),
        ("/a/b.txt", "/a/b.txt", True),
        ("/a/b/c/d.txt", "/a", True),
        ("/ab/c.txt", "/a", False),
        ("/a", "/a/b", False),
        ("/a/b.txt", "/", True),
        ("/日本/b.txt", "/日", False),
    ],
)
def test_a_path_is_below_whole_folders(path: str, root: str, below: bool) -> None:
    assert is_below(path, root) is below


@pytest.mark.parametrize("text", ["it's", "''", "a' OR 'b' = 'b", "日本", "", "\\'", "%"])
def test_a_string_is_one_string(text: str) -> None:
    shown = quoted(text)
    assert shown[0] == shown[-1] == "'"
    assert shown[1:-1].replace("''", "") == text.replace("'", "")


def test_the_tables_errors_are_one_line_and_others_pass() -> None:
    def fail(error: Exception) -> None:
        with table_errors("ix"):
            raise error

    for error in (
        RuntimeError("lance error: LanceError(IO): file is short, /build/x.rs:1\nmore"),
        ValueError("Table 'files' was not found"),
    ):
        with pytest.raises(LusiferError, match=r"^ix: the index is damaged \([^\n]*\); index into"):
            fail(error)
    for other in (RuntimeError("out of memory"), RuntimeError("lance: No space left on device")):
        with pytest.raises(RuntimeError, match=r"memory|space"):
            fail(other)
