"""A sequence made when it is asked for is the list that it stands for."""

from __future__ import annotations

import pytest

from lusifer.io import Lazy

WORDS = ["yksi", "δύο", "три", "四", "ห้า"]


class Made(Lazy[str]):
    """The words; `asked` are the numbers of those that were made."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(WORDS)

    def item(self, index: int) -> str:
        self.asked.append(index)
        return WORDS[index]


@pytest.mark.parametrize(
    "part",
    [
        slice(None),
        slice(1, 3),
        slice(-2, None),
        slice(None, None, -1),
        slice(4, 0, -2),
        slice(3, 99),
        slice(3, 3),
    ],
    ids=str,
)
def test_a_slice_is_that_of_the_list_and_makes_no_more(part: slice) -> None:
    made = Made()
    assert made[part] == WORDS[part]
    assert len(made.asked) == len(WORDS[part])


def test_it_is_read_as_a_list_is() -> None:
    made = Made()
    assert list(made) == WORDS
    assert list(reversed(made)) == WORDS[::-1]
    assert [made[i] for i in range(5)] == WORDS
    assert "три" in made
    assert "vijf" not in made
    assert made.index("四") == 3


def test_nothing_is_made_before_it_is_asked_for() -> None:
    made = Made()
    assert len(made) == 5
    assert made.asked == []
    assert made[2] == "три"
    assert made.asked == [2]


@pytest.mark.parametrize("index", [5, 99, -1, -6])
def test_an_item_that_is_not_there_is_not_asked_for(index: int) -> None:
    made = Made()
    with pytest.raises(IndexError, match=str(index)):
        made[index]
    assert made.asked == []
