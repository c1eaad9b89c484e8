"""The name of a file in a mail is judged whole (IN-10), and no mail harms those beside it (IN-1)."""

from mailbox import mbox
from pathlib import Path

import orjson
import pytest

from cli.mails import mails
from services.intake.channels.mail import MAX_FILE_NAME, contact_of
from services.intake.domain.attachments import why_refused
from services.intake.domain.visible import readable, visible
from shared.errors import Unreadable
from shared.events.contacts import Attachment
from shared.http import problem_of
from tests.unit.intake.given import RULES

LINK = "https://files.example/{message_id}/{n}"
PAD = "a" * 1030


def mail(disposition: str, type_: str = "image/png") -> bytes:
    return (
        "From: a@b.example\r\nMessage-ID: <x@y>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee\r\n"
        f"--b\r\nContent-Type: {type_}\r\nContent-Disposition: {disposition}\r\n\r\nMZ\r\n--b--"
    ).encode()


def file(disposition: str, type_: str = "image/png") -> Attachment:
    rules = RULES.channels.mail.model_copy(update={"attachment_link": LINK})
    return contact_of(mail(disposition, type_), "mail", rules).attachments[0]


def why(disposition: str, type_: str = "image/png") -> str:
    return why_refused(file(disposition, type_), RULES.attachments)


@pytest.mark.parametrize(
    ("disposition", "type_"),
    [
        (f'attachment; x="{PAD}"; filename="virus.exe"', "image/png"),
        (f"attachment; filename=a.png; x={PAD}; filename*=utf-8''virus.exe", "image/png"),
        ("attachment", f'image/png; x="{PAD}"; name="virus.exe"'),
    ],
)
def test_IN_10_a_file_is_refused_whose_header_is_too_long_to_be_read_whole(disposition: str, type_: str) -> None:
    assert why(disposition, type_) == "name"


def test_IN_10_a_part_without_a_name_or_a_long_header_is_a_link() -> None:
    assert (file("attachment").name, why("attachment"), why("attachment; filename=a.png")) == ("", "", "")


@pytest.mark.parametrize("length", [210, 251, 252, 310, 900])
def test_IN_10_a_long_name_is_judged_by_its_ending(length: int) -> None:
    assert why(f"attachment; filename={'a' * length}.exe") == "ending"
    assert why(f"attachment; filename={'a' * length}.png") == ""
    assert len(file(f"attachment; filename={'a' * length}.png").name) <= MAX_FILE_NAME


def test_IN_10_an_ending_behind_which_dots_are_hung_is_found_in_every_name_that_a_file_can_have() -> None:
    assert why(f"attachment; filename={'a' * 100}.exe{'.' * 150}") == "ending"


def test_IN_10_half_a_character_in_a_name_is_shown_as_unreadable() -> None:
    assert file("attachment; filename*=utf-7''+2AA-.png").name == "\ufffd.png"
    assert why("attachment; filename*=utf-7''+2AA-.exe") == "ending"
    assert (visible("\ud800x"), readable("x\udfff")) == ("\ufffdx", "x\ufffd")


@pytest.mark.parametrize(
    "disposition", ["attachment; filename*=idna''a.png", "attachment; filename*=utf-8''a.png; filename*0=b"]
)
def test_IN_1_a_malformed_mail_is_a_problem_of_its_sender(disposition: str) -> None:
    with pytest.raises(Unreadable, match=r"the mail's headers or parts are malformed") as refused:
        file(disposition)
    problem = problem_of(refused.value)
    assert (problem.status, problem.type) == (422, "invalid")


def test_IN_1_a_mail_that_cannot_be_read_stops_none_of_its_mailbox(tmp_path: Path) -> None:
    box = mbox(tmp_path / "box")
    for disposition in ("", "attachment; filename*=utf-7''+2AA-.png", "attachment; filename*=idna''a.png", ""):
        box.add(mail(disposition))
    box.flush()
    places: list[int] = []
    lines, _ = mails(tmp_path / "box", "mail", lambda place, _: places.append(place))
    assert [orjson.loads(line)["attachments"][0]["name"] for line in lines] == ["", "\ufffd.png", ""]
    assert places == [3]
