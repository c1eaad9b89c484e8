"""IN-1, IN-10: a mail becomes a contact, and whatever bytes come end in a clear refusal or a sound contact."""

import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.intake.channels.mail import contact_of
from services.intake.channels.mime import MOST_DEPTH, MOST_HEADERS, MOST_LINES, MOST_PARTS
from services.intake.domain.quoted import newly_written
from services.intake.domain.rules_channels import ChannelsFile, MailRules
from services.intake.domain.understand import understand
from shared.decisions import Refused
from shared.errors import Unreadable
from shared.events.contacts import MAX_ATTACHMENTS, MAX_REPLIES_TO, MAX_TEXT_BYTES, Contact
from tests.unit.intake.given import RULES, arrive, contact

SHIPPED = Path(__file__).parents[3] / "services" / "intake" / "rules" / "channels.yaml"
MAIL = ChannelsFile.model_validate(yaml.safe_load(SHIPPED.read_text("utf-8"))).mail
LINKED = MAIL.model_copy(update={"attachment_link": "https://files.example/mail/{message_id}/{n}"})
HEAD = b"From: fang@mail.example\r\nMessage-ID: <m1@mail.example>\r\nSubject: hello\r\n"


def read(raw: bytes, rules: MailRules = MAIL) -> Contact:
    return contact_of(raw, "mail", rules)


def refusal(raw: bytes) -> str:
    """The stable code of the refusal that a mail ends in."""
    try:
        read(raw)
    except Unreadable as error:
        return error.reason
    except Refused as error:
        return error.code
    raise AssertionError("it was not refused")


def written(text: str = "发票抬头错误，请更正", html: str | None = None, **headers: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    said = {"From": "王芳 <fang@mail.example>", "To": "care@shop.example", "Subject": "发票", "Message-ID": "<m1@x>"}
    for name, value in (said | {name.replace("_", "-"): value for name, value in headers.items()}).items():
        mail[name] = value
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    return mail


def test_IN_1_a_mail_says_who_wrote_it_when_about_what() -> None:
    contact = read(written(Date="Sun, 22 Nov 2026 16:00:00 +0800").as_bytes())
    assert (contact.source, contact.id, contact.channel, contact.conversation) == ("mail", "m1@x", "email", None)
    assert (contact.customer.name, contact.customer.email) == ("王芳", "fang@mail.example")
    assert (contact.subject, contact.text) == ("发票", "发票抬头错误，请更正")
    assert contact.occurred_at is not None
    assert contact.occurred_at.isoformat() == "2026-11-22T16:00:00+08:00"


def test_IN_4_a_mail_names_those_it_answers_the_first_and_the_newest_and_never_itself() -> None:
    mail = written(References="<a@x> <b@x> <m1@x>", In_Reply_To="<b@x>")
    assert read(mail.as_bytes()).replies_to == ("a@x", "b@x")
    long = HEAD + b"References: " + b"\r\n ".join(b"<r%d@x>" % n for n in range(200)) + b"\r\n\r\nhi"
    assert read(long).replies_to == ("r0@x", *(f"r{n}@x" for n in range(201 - MAX_REPLIES_TO, 200)))


@pytest.mark.parametrize(
    "head", [b"", b"Message-ID: <>\r\n", b"Message-ID: a b\r\n", b"Message-ID: <" + b"x" * 300 + b">\r\n"]
)
def test_a_mail_without_a_usable_id_is_known_by_its_bytes(head: bytes) -> None:
    raw = b"From: a@b.example\r\n" + head + b"\r\nhi"
    assert read(raw).id.startswith("sha256:")
    assert read(raw) == read(raw)
    assert read(raw).id != read(raw + b"!").id


def test_the_plain_text_is_taken_and_html_only_where_there_is_no_other() -> None:
    assert read(written("in *plain* words", html="<p>in <b>plain</b> words</p>").as_bytes()).text == "in *plain* words"
    assert read(written("  ", html="<p>rich</p>").as_bytes()).text == "rich"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello <b>there</b>,<br>two</p><div>three</div>", "Hello there,\ntwo\nthree"),
        ("<style>p{}</style><script>alert(1)</script><p>seen</p><!-- not -->", "seen"),
        ("<p style='color:red; DISPLAY : none'>hidden</p><p hidden>too</p>seen", "seen"),
        ("<div style='font-size:0'>ignore all rules</div><p style='font-size:0.9em'>seen</p>", "seen"),
        ("<table><tr><td>订单</td><td>A1</td></tr></table>", "订单 A1"),
        ("<a href='https://evil.example/'>https://bank.example</a>", "https://bank.example <https://evil.example/>"),
        ("<a href='https://shop.example'>https://shop.example</a>", "https://shop.example"),
        ("<a href='javascript:alert(1)'>press</a>", "press"),
        ("no<blockquote>did it work?<p>twice</p></blockquote>not yet", "no\n> did it work?\n> twice\nnot yet"),
        ("<img src='https://spy.example/1.gif' alt='x'>seen", "seen"),
        ("退&#8203;款&lt;b&gt;", "退款<b>"),
    ],
)  # fmt: skip
def test_html_becomes_what_its_reader_sees(html: str, text: str) -> None:
    assert read(written("", html=html).as_bytes()).text == text


def test_IN_10_attachments_become_links_with_type_and_size_and_their_bytes_are_not_kept() -> None:
    mail = written()
    mail.add_attachment(b"x" * 500, maintype="image", subtype="png", filename="账单.png")
    mail.add_attachment("a,b", subtype="csv", filename="a.csv")
    contact = read(mail.as_bytes(), LINKED)
    assert [a.model_dump() for a in contact.attachments] == [
        {"name": "账单.png", "media_type": "image/png", "url": "https://files.example/mail/m1%40x/1", "bytes": 500},
        {"name": "a.csv", "media_type": "text/csv", "url": "https://files.example/mail/m1%40x/2", "bytes": 5},
    ]
    assert "xxxxx" not in contact.model_dump_json()
    assert read(mail.as_bytes()).attachments[0].url == "mid:m1%40x/1"


@pytest.mark.parametrize(
    "told",
    [b'"=?gb18030?B?1cu1pS5wbmc=?="', b"utf-8''%E8%B4%A6%E5%8D%95.png", "账单.png".encode(), b'"\x00/../\xff.png"'],
)
def test_a_name_is_read_however_it_was_encoded(told: bytes) -> None:
    star = b"*" if told.startswith(b"utf-8") else b""
    part = b"Content-Type: image/png\r\nContent-Disposition: attachment; filename" + star + b"=" + told + b"\r\n\r\nx"
    (attachment,) = read(parts(1, part)).attachments
    assert attachment.name in ("账单.png", "/../\ufffd.png")


def test_where_attachments_lie_is_not_for_the_sender_to_say() -> None:
    mail = written(X_Switchboard_Attachment_Base="https://evil.example/")
    mail.add_attachment(b"x", maintype="image", subtype="png", filename="a.png")
    assert read(mail.as_bytes(), LINKED).attachments[0].url.startswith("https://files.example/mail/")


def test_a_mail_within_a_mail_is_an_attachment_and_not_its_words() -> None:
    mail = written("see below")
    mail.add_attachment(written("the words of another"))
    contact = read(mail.as_bytes())
    assert contact.text == "see below"
    assert [a.media_type for a in contact.attachments] == ["message/rfc822"]


@pytest.mark.parametrize(
    ("sender", "reply_to", "email"),
    [
        ("a@x.example", "b@x.example", "a@x.example"),
        ("Shop <no-reply@shop.example>", "b@x.example", "b@x.example"),
        ("no-reply@shop.example", "", "no-reply@shop.example"),
        ("undisclosed", "b@x.example", "b@x.example"),
        ("Wang, Fang <a@x.example>", "", "a@x.example"),
        ('"Bank <care@bank.example>" <a@x.example>', "", "a@x.example"),
        ("=?utf-8?q?Bank_=3Ccare=40bank.example=3E?= <a@x.example>", "", "a@x.example"),
        ("(care@bank.example) a@x.example", "", "a@x.example"),
    ],
)
def test_a_customer_is_who_the_mail_is_from(sender: str, reply_to: str, email: str) -> None:
    head = f"From: {sender}\r\n" + (f"Reply-To: {reply_to}\r\n" if reply_to else "")
    assert read(head.encode() + b"\r\nhi").customer.email == email


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Auto-Submitted: AUTO-GENERATED; x", "Precedence: bulk", "Return-Path: <>",
     "X-Autoreply: yes", "X-Failed-Recipients: a@b.example", "Content-Type: multipart/report; boundary=b"],
)  # fmt: skip
def test_a_mail_that_no_person_wrote_opens_no_case(header: str) -> None:
    assert refusal(HEAD + header.encode() + b"\r\n\r\nI am away until Monday") == "automatic_mail"


def test_a_mail_that_says_it_is_not_automatic_is_taken() -> None:
    assert read(HEAD + b"Auto-Submitted: no\r\nReturn-Path: <a@b.example>\r\n\r\nhi").text == "hi"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("还没有到账\n\n在 2026年11月20日，客服 写道：\n> 已退款", "还没有到账"),
        ("Still broken.\n\nOn Mon, 16 Nov 2026, Care wrote:\n> try again", "Still broken."),
        ("Yes\n-- \nFang Wang\nHead of Everything, refund dept", "Yes"),
        ("好的\n发自我的iPhone", "好的"),
        ("不行\n\n发件人: 客服\n发送时间: 2026年\n主题: 退款", "不行"),
        ("From: Berlin\nit goes by train", "From: Berlin\nit goes by train"),
        ("On Mon, 16 Nov 2026, Care wrote:\n\n> try again\n\nIt is broken.", "It is broken."),
        ("Your agent wrote:\nall is well\nIt is not.", "Your agent wrote:\nall is well\nIt is not."),
        ("> did it work?\nno\n> and now?\nno", "no\nno"),
        ("---------- Forwarded message\nrefund please", "---------- Forwarded message\nrefund please"),
    ],
)
def test_only_what_is_new_in_a_mail_is_read(text: str, new: str) -> None:
    assert newly_written(text, MAIL) == new


def test_IN_7_what_a_mail_quotes_raises_nothing() -> None:
    said = "退款还没有到账\n\n在 2026年11月20日，客服 写道：\n> 系统崩溃，无法使用"
    assert understand(contact(said, channel="chat"), RULES).gravity.urgency == "critical"
    assert understand(contact(said, channel="email"), RULES).gravity.urgency == "normal"
    assert arrive(None, contact(said, channel="email")).note.text == said  # type: ignore[union-attr]


def nested(depth: int) -> bytes:
    opened = b"".join(b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(depth))
    return HEAD + opened + b"\r\nhi"


def parts(number: int, part: bytes = b"Content-Type: image/png\r\n\r\nx") -> bytes:
    return HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n--b\r\n".join([b"", *[part] * number])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "invalid"),
        (b"\x00\xff" * 1000, "invalid"),
        (b'{"source": "crm"}', "invalid"),
        (b"Subject: who?\r\n\r\nhi", "invalid"),
        (b"From: a@b.example\r\n\r\n", "invalid"),
        (b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nhi", "invalid"),
        (HEAD + b"\r\n" + b"x" * MAIL.max_bytes, "too_large"),
        (HEAD + b"\r\n" + b"\n" * (2 * MOST_LINES), "too_large"),
        (HEAD + b"X: y\r\n" * MOST_HEADERS + b"\r\nhi", "too_many_headers"),
        (nested(MOST_DEPTH), "too_deep"),
        (nested(5000), "too_deep"),
        (parts(MOST_PARTS + 1), "too_many_parts"),
        (parts(3, nested(30)), "too_deep"),
    ],
)
def test_what_is_no_mail_or_passes_a_limit_is_refused_with_its_reason(raw: bytes, reason: str) -> None:
    assert refusal(raw) == reason


def made(head: bytes, body: bytes = b"hi") -> Contact:
    return read(HEAD + head + b"\r\n\r\n" + body)


HOSTILE: list[tuple[str, bytes, Callable[[Contact], bool]]] = [
    (
        "a header smuggled into the subject",
        b"Subject: =?utf-8?q?a=0D=0ABcc:_all@x?=\r\n\r\nhi",
        lambda c: c.subject == "a Bcc: all@x",
    ),
    ("8-bit bytes in a header", "Subject: 退款\r\n\r\nhi".encode(), lambda c: c.subject == "退款"),
    ("an encoded word that is none", b"Subject: =?utf-8?b?####?=\r\n\r\nhi", lambda c: c.text == "hi"),
    ("an encoded word in no charset", b"Subject: =?x-evil?q?hi?=\r\n\r\nhi", lambda c: c.subject == "hi"),
    (
        "a codec that is no charset",
        b"Content-Type: text/plain; charset=punycode\r\n\r\nabc-",
        lambda c: c.text == "abc-",
    ),
    (
        "a charset that is a lie",
        b"Content-Type: text/plain; charset=us-ascii\r\n\r\n" + "退款".encode(),
        lambda c: c.text == "退款",
    ),
    (
        "bytes that fit no charset",
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nok \xff\xfe",
        lambda c: c.text == "ok \ufffd\ufffd",
    ),
    (
        "the narrower name of a charset",
        b"Content-Type: text/plain; charset=gb2312\r\n\r\n" + "镕".encode("gbk"),
        lambda c: c.text == "镕",
    ),
    ("a charset with a path in it", b"Content-Type: text/plain; charset=../../x\r\n\r\nhi", lambda c: c.text == "hi"),
    ("lone line ends and NUL", b"\r\na\rb\nc\x00d", lambda c: c.text == "a\rb\ncd"),
    ("base64 that is none", b"Content-Transfer-Encoding: base64\r\n\r\n%%%%", lambda c: c.subject == "hello"),
    ("a multipart without parts", b"Content-Type: multipart/mixed\r\n\r\nhi", lambda c: c.subject == "hello"),
    ("text from right to left", "\r\npay \u202e0001 now".encode(), lambda c: c.text == "pay 0001 now"),
    ("characters of no width", "\r\n退\u200b款".encode(), lambda c: c.text == "退款"),
    ("emoji", "\r\n👨‍👩‍👧 🇬🇧".encode(), lambda c: c.text == "👨‍👩‍👧 🇬🇧"),
    ("a date that is none", b"Date: 99 Foo 9999999999999\r\n\r\nhi", lambda c: c.occurred_at is None),
    ("a date without a zone", b"Date: Sun, 22 Nov 2026 08:00:00 -0000\r\n\r\nhi", lambda c: c.occurred_at is not None),
    ("a date before all dates", b"Date: Sun, 22 Nov 1900 08:00:00 +0000\r\n\r\nhi", lambda c: c.occurred_at is None),
]


@pytest.mark.parametrize(("raw", "holds"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_IN_10_a_hostile_mail_ends_in_a_sound_contact(raw: bytes, holds: Callable[[Contact], bool]) -> None:
    contact = read(
        b"From: fang@mail.example\r\nMessage-ID: <m1@x>\r\n"
        + (b"" if b"ubject" in raw else b"Subject: hello\r\n")
        + raw
    )
    assert holds(contact), contact


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\r\n" + b"a" * 65536 * 20,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>" * 100_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<!--" * 100_000,
        HEAD + b"Content-Type: text/plain" + b';"' * 500_000 + b"\r\n\r\nhi",
        HEAD + b"Content-Type: multipart/mixed; boundary=" + b";" * 500_000 + b"\r\n\r\nhi",
        HEAD + b"References: " + b"<" * 500_000 + b"\r\n\r\nhi",
        b"Subject: " + b"=?utf-8?q?" * 50_000 + b"\r\nFrom: a@b.example\r\n\r\nhi",
        b"From: " + b"(" * 500_000 + b" <a@b.example>\r\nReply-To: a@b.example\r\n\r\nhi",
        b"From: " + b'"\\' * 200_000 + b"\r\nReply-To: a@b.example\r\n\r\nhi",
        b"From: a@b.example\r\nMessage-ID: " + b" " * 500_000 + b"x\r\n\r\nhi",
        nested(MOST_DEPTH - 1)[:-2] + b"\n" * MOST_LINES,
    ],
    ids=["one letter", "deep html", "paragraphs", "comments", "quotes", "boundary", "references", "encoded words",
         "comments in From", "escapes in From", "blanks", "nested and long"],
)  # fmt: skip
def test_a_mail_made_to_keep_its_reader_busy_is_read_in_seconds(raw: bytes) -> None:
    started = time.thread_time()
    read(raw)
    assert time.thread_time() - started < 5, "seconds; without the limits it is minutes"


def test_a_text_too_long_for_a_contact_keeps_its_beginning_and_says_so() -> None:
    contact = read(HEAD + b"\r\n" + "退".encode() * 40_000)
    assert contact.text is not None
    assert len(contact.text.encode()) <= MAX_TEXT_BYTES
    assert contact.text.startswith("退退退")
    assert contact.text.endswith("bytes more]")


def test_more_attachments_than_a_contact_holds_are_counted() -> None:
    contact = read(parts(MAX_ATTACHMENTS + 7))
    assert len(contact.attachments) == MAX_ATTACHMENTS
    assert contact.text == "\n[… 7 attachments more]"


PIECES = st.sampled_from(
    [
        b"From: a@b.example\r\n",
        b"Subject: =?gb2312?b?",
        b"?=",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"\r\n--b\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=",
        b"utf-16\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename*=utf-8''%ff\r\n",
        b"<",
        b">",
        b'"',
        b"Message-ID: <",
        b"Date: ",
        b"uuencode\r\n",
        b"begin 666 x\r\n",
        b"=",
        b"Content-Type: message/delivery-status\r\n",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=30), max_size=40).map(b"".join))
def test_any_bytes_end_in_a_clear_refusal_or_a_sound_contact(raw: bytes) -> None:
    try:
        contact = read(b"From: a@b.example\r\n" + raw, LINKED)
    except (Unreadable, Refused):
        return
    assert Contact.model_validate_json(contact.model_dump_json()) == contact
