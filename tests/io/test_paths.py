"""Names of files as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.io import expand, refuse_input

NAMES = ("a.tsv", "data[1].txt", "ein Wort.tsv", "文件.tsv", "deep/b.tsv", "x*y.txt", "-o.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_there_is_that_file(name: str, folder: Path) -> None:
    assert expand([name], folder) == [str(folder / name)]
    assert expand([str(folder / name)]) == [str(folder / name)]


def test_a_glob_is_its_files_in_order_and_each_once(folder: Path) -> None:
    found = expand(["*.tsv", "a.tsv", "**/*.tsv"], folder)
    assert [Path(name).name for name in found] == ["a.tsv", "ein Wort.tsv", "文件.tsv", "b.tsv"]
    assert expand(["hf://owner/set"], folder) == ["hf://owner/set"]


@pytest.mark.parametrize("pattern", ["none.tsv", "*.parquet", "data[2].txt", "none/*"])
def test_a_pattern_without_a_file_is_told(pattern: str, folder: Path) -> None:
    with pytest.raises(LusiferError, match="no such file"):
        expand([pattern], folder)


@pytest.mark.parametrize("other", ["a.tsv", "./a.tsv", "deep/../a.tsv", "link.tsv", "hard.tsv"])
def test_no_way_of_naming_a_file_makes_it_its_own_output(
    other: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "link.tsv").symlink_to(folder / "a.tsv")
    (folder / "hard.tsv").hardlink_to(folder / "a.tsv")
    monkeypatch.chdir(folder)
    with pytest.raises(LusiferError, match="would be overwritten"):
        refuse_input(other, ["deep/b.tsv", "a.tsv"])
    refuse_input("new.tsv", ["a.tsv", "gone.tsv", "s3://bucket/a.tsv"])
