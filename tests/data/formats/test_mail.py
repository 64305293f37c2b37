"""Messages and mailboxes, in five scripts and several encodings."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest

from lusifer.data.sections import sections
from lusifer.errors import DataError
from tests.data.formats.test_office import SCRIPTS


def message(subject: str, text: str, html: bool = False) -> EmailMessage:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "Ann <ann@example.org>", "bob@example.org"
    if html:
        made.set_content(f"<html><style>p {{}}</style><p>{text}</p></html>", subtype="html")
    else:
        made.set_content(text)
    return made


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize("html", [False, True])
def test_a_message(tmp_path: Path, text: str, html: bool) -> None:
    made = message(f"About {text}", f"{text} Yes.", html)
    made.add_attachment(b"\x00\x01", maintype="application", subtype="pdf", filename="a.pdf")
    (tmp_path / "a.eml").write_bytes(made.as_bytes())
    (section,) = list(sections(tmp_path / "a.eml"))
    assert (
        section.text == f"About {text}\n\nAnn <ann@example.org>\n\nbob@example.org\n\n{text} Yes."
    )


def test_a_mailbox_and_odd_messages(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "a.mbox")
    for text in SCRIPTS:
        box.add(message("s", text))
    box.close()
    found = list(sections(tmp_path / "a.mbox"))
    assert [section.position for section in found] == [1, 2, 3, 4, 5]
    assert all(text in section.text for section, text in zip(found, SCRIPTS, strict=True))
    odd = (
        b"Subject: =?x-nobody?B?AAAA?=\nContent-Type: text/plain; charset=x-nobody\n\n"
        + "Grüße".encode()
    )
    (tmp_path / "odd.eml").write_bytes(odd)
    (section,) = list(sections(tmp_path / "odd.eml"))
    assert "Gr" in section.text
    for name, content in (("b.eml", b""), ("b.mbox", b"no mailbox at all\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="holds no"):
            list(sections(tmp_path / name))
