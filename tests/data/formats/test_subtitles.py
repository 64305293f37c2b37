"""Subtitles: what is said, with its line, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError
from tests.data.formats.test_office import SCRIPTS


def test_subrip_and_webvtt(tmp_path: Path) -> None:
    captions = "".join(
        f"{i}\n00:00:0{i},000 --> 00:00:0{i},900\n<i>{t}</i>\n{{\\an8}}and more {i}\n\n"
        for i, t in enumerate(SCRIPTS)
    )
    (tmp_path / "a.srt").write_text(captions.replace("\n", "\r\n"), encoding="utf-8-sig")
    said = [line for i, t in enumerate(SCRIPTS) for line in (t, f"and more {i}")]
    (section,) = list(sections(tmp_path / "a.srt"))
    assert section.text == "\n".join(said)
    assert section.position_at(section.text.index(SCRIPTS[2])) == 13
    web = "WEBVTT\n\nNOTE a remark\n\nSTYLE\n::cue {}\n\n" + "".join(
        f"name {i}\n0{i}:00.000 --> 0{i}:01.000 align:start\n<v Ann>{t}</v>\n\n"
        for i, t in enumerate(SCRIPTS)
    )
    (tmp_path / "a.vtt").write_text(web, encoding="utf-8")
    (section,) = list(sections(tmp_path / "a.vtt"))
    assert section.text == "\n".join(SCRIPTS)


def test_rolling_captions_and_none(tmp_path: Path) -> None:
    rolling = (
        "1\n00:00:01,000 --> 00:00:02,000\none\n\n2\n00:00:02,000 --> 00:00:03,000\none\ntwo\n"
    )
    (tmp_path / "a.srt").write_text(rolling)
    assert next(iter(sections(tmp_path / "a.srt"))).text == "one\ntwo"
    (tmp_path / "b.srt").write_text("no caption at all\n")
    with pytest.raises(DataError, match="holds no caption"):
        list(sections(tmp_path / "b.srt"))
