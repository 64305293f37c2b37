"""What is written into an option: lists with commas, a table's columns."""

from __future__ import annotations

import pytest

from lusifer.cli.options import in_order, into, languages, split, table_columns
from lusifer.errors import LusiferError


@pytest.mark.parametrize(
    ("listed", "parts"),
    [
        (None, []),
        ("", []),
        (" , ,", []),
        ("de", ["de"]),
        ("de, eng_Latn ,हिन्दी,", ["de", "eng_Latn", "हिन्दी"]),
        ("a b,c", ["a b", "c"]),
    ],
)
def test_a_list_has_commas_and_blanks_do_not_count(listed: str | None, parts: list[str]) -> None:
    assert split(listed) == parts


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (None, []),
        ("", []),
        ("id, text", ["id", "text"]),
        ("_,_,текст", ["_", "_", "текст"]),
    ],
)
def test_columns_keep_their_order_and_those_that_are_skipped(
    columns: str | None, names: list[str]
) -> None:
    assert in_order(columns) == names


@pytest.mark.parametrize(
    ("columns", "number"), [(",text", 1), ("id,,text", 2), ("id,text,", 3), (" ", 1)]
)
def test_a_column_without_a_name_is_told_by_its_number(columns: str, number: int) -> None:
    """Left out, as in a list, it would move those behind it."""
    with pytest.raises(LusiferError, match=rf"column {number} has no name; '_' skips one"):
        in_order(columns)


@pytest.mark.parametrize(
    ("column", "columns", "found"),
    [
        ("text", "", ("text", [])),
        ("text", "id,text", ("text", ["id", "text"])),
        ("_,text", "", ("text", ["_", "text"])),
        ("_, body", None, ("body", ["_", "body"])),
        ("_,text", "id,text,more", ("text", ["id", "text", "more"])),
    ],
)
def test_one_column_may_say_where_it_stands(
    column: str, columns: str | None, found: tuple[str, list[str]]
) -> None:
    assert table_columns(column, columns) == found


def test_where_to_write_must_be_named_unless_there_is_a_usual_place() -> None:
    assert into("Where.").default is ...
    assert into("Where.", "report").default == "report"
    assert into("Where.", None).default is None
    assert languages("Which.").default is None
