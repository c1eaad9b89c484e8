"""IN-4: mails of one thread are keyed alike, so that a reply is not read before what it answers."""

from mailbox import Maildir, mbox
from pathlib import Path

import orjson

from cli.feed import key_of
from cli.mails import mails
from services.intake.change import contact_change
from shared.events.contacts import Contact
from tests.unit.intake.given import RULES

HEAD = b"From: fang@mail.example\r\nMessage-ID: <%s@x>\r\n"
THREAD = [
    HEAD % b"m1" + b"\r\nrefund",
    HEAD % b"m2" + b"In-Reply-To: <m1@x>\r\n\r\nany news?",
    HEAD % b"m3" + b"References: <m1@x> <m2@x>\r\nIn-Reply-To: <m2@x>\r\n\r\nstill none",
    HEAD % b"m99" + b"References: " + b" ".join(b"<m%d@x>" % n for n in range(1, 99)) + b"\r\n\r\nhello?",
]


def test_IN_4_a_thread_of_mails_has_one_key(tmp_path: Path) -> None:
    box = mbox(tmp_path / "box")
    for mail in THREAD:
        box.add(mail)
    box.flush()
    lines, _ = mails(tmp_path / "box", "mail", lambda number, problem: None)
    assert [key_of(line) for line in lines] == [b"mail:m1@x"] * len(THREAD)


def test_what_names_its_conversation_is_keyed_by_it() -> None:
    line = b'{"source": "s", "id": "1", "conversation": "c", "replies_to": ["0"]}'
    assert key_of(line) == b"c"
    assert key_of(b'{"source": "s", "id": "1", "replies_to": {"0": 1}}') == b"s:1"
    assert key_of(b'{"source": "s", "id": "1", "replies_to": []}') == b"s:1"


def test_IN_4_the_mails_of_a_maildir_are_sent_in_the_order_they_came(tmp_path: Path) -> None:
    Maildir(tmp_path / "box")
    for second in (37 * n % 50 for n in range(50)):
        (tmp_path / "box" / "new" / f"{1700000000 + second}.M1P1.host").write_bytes(
            HEAD % b"m%02d" % second + b"\r\nhi"
        )
    lines, _ = mails(tmp_path / "box", "mail", lambda number, problem: None)
    assert [orjson.loads(line)["id"] for line in lines] == [f"m{n:02}@x" for n in range(50)]


def test_IN_4_mails_of_one_thread_are_never_worked_on_side_by_side() -> None:
    said = [
        Contact(source="mail", id=f"m{n}", channel="email", text="hi", replies_to=("m1",)[: n - 1]) for n in (1, 2, 3)
    ]
    assert len({contact_change(contact, RULES).together() for contact in said}) == 1
    assert (
        contact_change(said[0].model_copy(update={"source": "other"}), RULES).together()
        != contact_change(said[0], RULES).together()
    )
