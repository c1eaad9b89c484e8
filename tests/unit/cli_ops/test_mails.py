"""IN-1: a mailbox is fed mail by mail; a bad one is named by its place and stops nothing."""

from mailbox import Maildir, mbox
from pathlib import Path

import orjson
import pytest

from cli.errors import BadFile
from cli.mails import mails

GOOD = b"From: fang@mail.example\r\nMessage-ID: <%d@x>\r\nSubject: hi\r\n\r\nrefund, please\r\n"
BAD = {2: b"Auto-Submitted: auto-replied\r\n" + GOOD % 2, 4: b"\xff\x00 no mail at all", 5: GOOD % 5 + b"\n" * 400_001}


def filled(box: Maildir | mbox) -> None:  # type: ignore[type-arg]
    for number in range(1, 8):
        box.add(BAD.get(number, GOOD % number))
    box.flush()


@pytest.mark.parametrize("kind", [mbox, Maildir])
def test_every_good_mail_is_sent_and_every_bad_one_named(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "box"
    filled(kind(path))
    broken: dict[int, str] = {}
    lines, total = mails(path, "mail-de", broken.__setitem__)
    sent = [orjson.loads(line) for line in lines]
    assert total == 7
    assert sorted(contact["id"] for contact in sent) == ["1@x", "3@x", "6@x", "7@x"]
    assert {contact["source"] for contact in sent} == {"mail-de"}
    assert {contact["text"] for contact in sent} == {"refund, please"}
    assert sorted(problem.split(":")[0].split(" ")[0] for problem in broken.values()) == ["From", "a", "auto-submitted"]


def test_an_mbox_names_the_place_of_what_is_broken(tmp_path: Path) -> None:
    filled(mbox(tmp_path / "box"))
    places: list[int] = []
    lines, _ = mails(tmp_path / "box", "mail", lambda number, _: places.append(number))
    assert len(list(lines)) == 4
    assert places == [2, 4, 5]


def test_mails_are_read_while_they_are_sent(tmp_path: Path) -> None:
    filled(mbox(tmp_path / "box"))
    places: list[int] = []
    lines, _ = mails(tmp_path / "box", "mail", lambda number, _: places.append(number))
    assert orjson.loads(next(lines))["id"] == "1@x"
    assert places == []


def test_what_is_no_mailbox_is_refused_and_not_sent_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "contacts.jsonl").write_bytes(b"{}\n")

    with pytest.raises(BadFile, match="is no mailbox"):
        mails(tmp_path / "contacts.jsonl", "mail", lambda number, problem: None)
    with pytest.raises(BadFile, match="is no Maildir"):
        mails(tmp_path, "mail", lambda number, problem: None)


def test_an_empty_mailbox_has_no_mails(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(b"")

    lines, total = mails(tmp_path / "box", "mail", lambda number, problem: None)

    assert (list(lines), total) == ([], 0)
