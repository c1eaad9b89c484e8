"""Files in a mail whose gateway has no store are noted, and no danger (IN-10)."""

from services.intake.channels.mail import contact_of
from shared.events.contacts import Contact
from tests.unit.intake.given import RULES, arrive, contact
from tests.unit.intake.test_attachments import told

MAIL = (
    b"From: a@b.example\r\nMessage-ID: <x@y>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b'--b\r\n\r\nsee\r\n--b\r\nContent-Type: image/png; name="a.png"\r\n\r\nxyz\r\n--b--'
)


def mailed(link: str) -> Contact:
    return contact_of(MAIL, "mail", RULES.channels.mail.model_copy(update={"attachment_link": link}))


def test_IN_10_as_shipped_a_picture_in_a_mail_is_noted_without_a_flag() -> None:
    decision = arrive(None, contact_of(MAIL, "mail", RULES.channels.mail))
    assert told(decision)["refused"] == [{"name": "a.png", "media_type": "image/png", "bytes": 3, "why": "no_store"}]
    assert arrive(None, mailed("")).state.flags == ()


def test_IN_10_where_the_gateway_has_a_store_it_is_a_link() -> None:
    data = told(arrive(None, mailed("https://files.example/{message_id}/{n}")))
    assert [one["url"] for one in data["attachments"]] == ["https://files.example/x%40y/1"]


def test_IN_10_a_dangerous_link_beside_it_is_flagged_still() -> None:
    links = [{"name": "a", "url": "mid:x@y/1"}, {"name": "b", "url": "https://localhost/b"}]
    assert arrive(None, contact("见附件", attachments=links)).state.flags == ("attachment_refused",)
