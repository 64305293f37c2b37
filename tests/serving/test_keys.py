"""Keys come from a file or the environment, and are found in the three headers that clients use."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from lusifer.errors import LusiferError
from lusifer.serving.keys import VARIABLE, has_key, read_keys

KEY = "a-long-enough-key"


def test_a_file_of_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "not-this-one")
    file = tmp_path / "keys.txt"
    file.write_text(f"# ours\n\n{KEY}\nanother-one  \n", encoding="utf-8")
    assert read_keys(file) == {KEY, "another-one"}


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert read_keys() == frozenset()
    monkeypatch.setenv(VARIABLE, f"{KEY}, another-one,")
    assert read_keys() == {KEY, "another-one"}
    monkeypatch.setenv(VARIABLE, "short")
    with pytest.raises(LusiferError, match="has 5 characters"):
        read_keys()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no key"), (b"# only this\n", "holds no key"), (b"good-enough\nshort\n", "keys:2: the key has 5"),
        (b"with a blank in it\n", "keys:1: the key holds"), ("schlüssel-lang".encode(), "keys:1: the key holds"), (b"\xff\xfe", "not UTF-8"),
    ],
)  # fmt: skip
def test_files_that_are_none(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "keys").write_bytes(content)
    with pytest.raises(LusiferError, match=said):
        read_keys(tmp_path / "keys")
    with pytest.raises(LusiferError, match="No such file"):
        read_keys(tmp_path / "none")


def test_where_a_key_is_looked_for() -> None:
    keys = frozenset({KEY, "another-one"})
    basic = base64.b64encode(f"anyone:{KEY}".encode())
    assert has_key({b"authorization": b"Bearer " + KEY.encode()}, keys)
    assert has_key({b"authorization": b"bearer another-one"}, keys)
    assert has_key({b"authorization": b"Basic " + basic}, keys)
    assert has_key({b"x-api-key": KEY.encode()}, keys)
    wrong: list[dict[bytes, bytes]] = [
        {}, {b"authorization": b"Bearer"}, {b"authorization": b"Bearer wrong"}, {b"authorization": b"Basic \xff"},
        {b"authorization": KEY.encode()}, {b"x-api-key": b""},
    ]  # fmt: skip
    assert not any(has_key(headers, keys) for headers in wrong)
    assert has_key({}, frozenset()), "without keys everyone is let in"
