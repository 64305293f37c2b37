"""Tables of text, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data.formats import Section
from lusifer.data.rows import read_rows
from lusifer.data.sections import sections


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            'name,note\nAda,"one\ntwo\nthree"\nBo,hi\n',
            [(1, "name | note"), (2, "Ada | one\ntwo\nthree"), (3, "Bo | hi")],
        ),
        ("name,note\rAda,hi\r", [(1, "name | note"), (2, "Ada | hi")]),
        ('name;note\nAda;"hi; there"\n', [(1, "name | note"), (2, "Ada | hi; there")]),
        ("name\tnote\r\nAda\thi, you\r\n", [(1, "name | note"), (2, "Ada | hi, you")]),
        ("name|note\nAda|hi\n", [(1, "name | note"), (2, "Ada | hi")]),
        ('"a;b;c",note\nAda,hi\n', [(1, "a;b;c | note"), (2, "Ada | hi")]),
    ],
)
def test_csv_as_people_write_it(
    content: str, expected: list[tuple[int, str]], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_bytes(content.encode())
    found = list(sections(tmp_path / "t.csv"))
    assert [(s.position, s.text) for s in found if isinstance(s, Section)] == expected
    rows = list(read_rows(str(tmp_path / "t.csv")))
    assert [list(row.values.values()) for row in rows] == [
        text.split(" | ") for _, text in expected[1:]
    ]
