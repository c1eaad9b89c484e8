"""Mail through a real mail server, and through servers that refuse, stall and break off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from deploy.local.ports import free_port
from services.notify.providers.base import OK, Outgoing, Result
from services.notify.providers.smtp import Server, SmtpProvider, desk_address

HOST = "127.0.0.1"


class Mailbox:
    """A mail server's end: keeps what it takes, answers what it is told to answer."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.sessions: set[Any] = set()
        self.recipient_answers: dict[str, str] = {}
        self.data_answers: list[str] = []
        self.break_off_after_data = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        answer = self.recipient_answers.get(address, "250 OK")
        if answer == "250 OK":
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.sessions.add(session.peer)
        if self.data_answers:
            return self.data_answers.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        if self.break_off_after_data:
            server.transport.abort()
        return "250 OK"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[Server]:
    port = free_port()
    controller = Controller(mailbox, hostname=HOST, port=port)
    controller.start()
    yield Server(host=HOST, port=port, sender="care@example.com", timeout_s=3, data_timeout_s=3, connections=1)
    controller.stop()


def outgoing(number: int = 1, to: str = "wang@example.com", **changes: str) -> Outgoing:
    mail = Outgoing(
        notification_id=f"5f0c{number:04}-0000-5000-8000-000000000000",
        case_id="case-1",
        channel="email",
        to=to,
        language="zh",
        template="received",
        subject="【工单 7KQ4-M2XD】已受理",
        text="您好！\n您的问题已受理。\n.\n预计处理周期：24 小时",
        at=datetime(2026, 11, 22, 8, tzinfo=UTC),
    )
    return replace(mail, **changes)


def outcomes(results: Any) -> list[str]:
    return [result.outcome for result in results]


@asynccontextmanager
async def talking(talk: Callable[[Any, Any], Awaitable[None]]) -> AsyncIterator[Server]:
    """A server that says exactly this."""
    talks: set[asyncio.Task[None]] = set()

    async def session(reader: Any, writer: Any) -> None:
        talks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await talk(reader, writer)
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(session, HOST, 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield Server(host=HOST, port=port, sender="care@example.com", timeout_s=1, data_timeout_s=1)
    finally:
        for task in talks:
            task.cancel()
        listening.close()


async def until_data(reader: Any, writer: Any) -> None:
    """The dialogue up to the go-ahead for the message."""
    for answer in (b"220 hello\r\n", b"250 hello\r\n", b"250 OK\r\n", b"250 OK\r\n", b"354 go on\r\n"):
        writer.write(answer)
        await reader.readline()


async def test_NT_1_a_mail_arrives_as_it_was_written(server: Server, mailbox: Mailbox):
    assert await SmtpProvider(server).send([outgoing()]) == [OK]
    (mail,) = mailbox.mails
    assert mail["Subject"] == "【工单 7KQ4-M2XD】已受理"
    assert (mail["From"], mail["To"]) == ("care@example.com", "wang@example.com")
    assert mail.get_content().splitlines() == outgoing().text.splitlines()
    assert mail["Date"].datetime == outgoing().at


async def test_NT_4_staff_get_their_mail_at_their_id_in_the_domain_of_staff(server: Server, mailbox: Mailbox):
    provider = SmtpProvider(replace(server, staff_domain="staff.example.com"))
    desks = ["Z01", "pool:payments.zh", "王"]
    mails = [replace(outgoing(n, desk, channel="desk"), staff=True) for n, desk in enumerate(desks)]
    results = await provider.send([*mails, outgoing(9)])
    assert outcomes(results) == ["ok", "ok", "permanent", "ok"]
    assert [mail["To"] for mail in mailbox.mails] == [
        "Z01@staff.example.com", "pool.payments.zh@staff.example.com", "wang@example.com",
    ]  # fmt: skip


async def test_NT_4_without_a_domain_no_mail_goes_to_a_desk(server: Server, mailbox: Mailbox):
    (result,) = await SmtpProvider(server).send([replace(outgoing(to="Z01"), staff=True)])
    assert (result.outcome, mailbox.mails) == ("permanent", [])


@pytest.mark.parametrize(
    ("desk", "local"),
    [
        ("li.wei_2-x", "li.wei_2-x"),
        ("a b@c\r\nd", "a-b-c--d"),
        ("..a..b.", "a.b"),
        ("pool:", "pool"),
        ("pool:王", "pool.-"),
    ],
)
def test_NT_5_the_id_of_a_desk_cannot_make_an_address_of_somebody_else(desk: str, local: str):
    assert desk_address(desk, "staff.example.com") == f"{local}@staff.example.com"


async def test_NT_6_the_message_id_follows_from_the_notification(server: Server, mailbox: Mailbox):
    await SmtpProvider(server).send([outgoing()])
    await SmtpProvider(server).send([outgoing()])
    assert {mail["Message-ID"] for mail in mailbox.mails} == {f"<{outgoing().notification_id}@example.com>"}


async def test_a_batch_goes_over_one_connection(server: Server, mailbox: Mailbox):
    batch = [outgoing(n) for n in range(30)]
    assert await SmtpProvider(server).send(batch) == [OK] * 30
    assert len(mailbox.sessions) == 1
    assert len(mailbox.mails) == 30


async def test_the_answers_stand_in_the_order_of_the_messages_over_several_connections(
    server: Server, mailbox: Mailbox
):
    mailbox.recipient_answers["gone@example.com"] = "550 no such user"
    batch = [outgoing(n, "gone@example.com" if n % 5 == 2 else "wang@example.com") for n in range(17)]
    results = await SmtpProvider(replace(server, connections=4)).send(batch)
    assert outcomes(results) == ["permanent" if n % 5 == 2 else "ok" for n in range(17)]
    assert len(mailbox.sessions) == 4


@pytest.mark.parametrize(("answer", "outcome"), [("450 mailbox busy", "temporary"), ("550 no such user", "permanent")])
async def test_NT_6_a_refused_recipient_does_not_touch_the_others(
    server: Server, mailbox: Mailbox, answer: str, outcome: str
):
    mailbox.recipient_answers["gone@example.com"] = answer
    results = await SmtpProvider(server).send([outgoing(1), outgoing(2, "gone@example.com"), outgoing(3)])
    assert outcomes(results) == ["ok", outcome, "ok"]
    assert answer[4:] in results[1].why
    assert len(mailbox.mails) == 2


@pytest.mark.parametrize(("answer", "outcome"), [("451 try later", "temporary"), ("554 looks like spam", "permanent")])
async def test_NT_6_a_refused_content_is_a_clear_no(server: Server, mailbox: Mailbox, answer: str, outcome: str):
    mailbox.data_answers = [answer]
    results = await SmtpProvider(server).send([outgoing(1), outgoing(2)])
    assert outcomes(results) == [outcome, "ok"]


async def test_NT_6_a_server_that_closes_down_is_asked_anew_for_the_next(server: Server, mailbox: Mailbox):
    mailbox.data_answers = ["421 closing down"]
    results = await SmtpProvider(server).send([outgoing(1), outgoing(2)])
    assert outcomes(results) == ["temporary", "ok"]


async def test_NT_6_a_connection_lost_after_the_message_leaves_it_open(server: Server, mailbox: Mailbox):
    mailbox.break_off_after_data = True
    (result,) = await SmtpProvider(server).send([outgoing()])
    assert result.outcome == "open"
    assert len(mailbox.mails) == 1


async def test_NT_6_a_connection_lost_in_the_middle_of_the_message_leaves_it_open():
    async def talk(reader: Any, writer: Any) -> None:
        await until_data(reader, writer)
        await reader.read(100)

    async with talking(talk) as server:
        (result,) = await SmtpProvider(server).send([outgoing(text="长" * 2000)])
    assert result.outcome == "open"


async def test_NT_6_no_answer_to_the_message_leaves_it_open():
    async def talk(reader: Any, writer: Any) -> None:
        await until_data(reader, writer)
        await reader.read()

    async with talking(talk) as server:
        (result,) = await SmtpProvider(server).send([outgoing()])
    assert result.outcome == "open"
    assert "Timeout" in result.why


async def test_NT_6_an_answer_nobody_can_read_leaves_it_open():
    async def talk(reader: Any, writer: Any) -> None:
        await until_data(reader, writer)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"what?\r\n")
        await reader.read()

    async with talking(talk) as server:
        (result,) = await SmtpProvider(server).send([outgoing()])
    assert result.outcome == "open"


@pytest.mark.parametrize("answers", [[], [b"220 hello\r\n"], [b"220 hello\r\n", b"250 hello\r\n", b"250 OK\r\n"]])
async def test_NT_6_a_connection_lost_before_the_message_is_a_temporary_failure(answers: list[bytes]):
    async def talk(reader: Any, writer: Any) -> None:
        for answer in answers:
            writer.write(answer)
            await reader.readline()

    async with talking(talk) as server:
        results = await SmtpProvider(server).send([outgoing()])
    assert outcomes(results) == ["temporary"]


async def test_a_server_that_is_not_there_is_a_temporary_failure():
    provider = SmtpProvider(Server(host=HOST, port=free_port(), sender="care@example.com", timeout_s=1))
    assert outcomes(await provider.send([outgoing(1), outgoing(2)])) == ["temporary", "temporary"]


async def test_NT_6_no_message_is_begun_when_the_time_is_used_up(server: Server, mailbox: Mailbox):
    moments = iter([0.0, 1.0, 61.0])
    provider = SmtpProvider(server, monotonic=lambda: next(moments))
    assert await provider.send([outgoing(1), outgoing(2)]) == [OK, Result("untried", "no time left")]
    assert len(mailbox.mails) == 1


async def test_NT_5_an_address_that_is_none_never_reaches_the_server(server: Server, mailbox: Mailbox):
    bad = [
        outgoing(1, "a@b\r\nBcc: c@d"),
        outgoing(2, ""),
        outgoing(3, subject="x\r\nBcc: c@d"),
        outgoing(4, "王芳@example.com"),
    ]
    assert outcomes(await SmtpProvider(server).send([*bad, outgoing(5)])) == ["permanent"] * 4 + ["ok"]
    assert len(mailbox.mails) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the test speaks to itself only
async def test_a_server_that_demands_a_password_gets_it():
    box = Mailbox()
    port = free_port()

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        known = LoginPassword(b"notify", b"secret")
        return AuthResult(success=data == known, handled=False)

    controller = Controller(
        box, hostname=HOST, port=port, authenticator=check, auth_required=True, auth_require_tls=False
    )
    controller.start()
    try:
        right = Server(host=HOST, port=port, sender="care@example.com", user="notify", password="secret")
        assert await SmtpProvider(right).send([outgoing()]) == [OK]
        wrong = replace(right, password="no")
        assert outcomes(await SmtpProvider(wrong).send([outgoing()])) == ["temporary"]
    finally:
        controller.stop()
    assert len(box.mails) == 1


async def test_encryption_that_is_demanded_and_not_offered_sends_nothing(server: Server, mailbox: Mailbox):
    provider = SmtpProvider(replace(server, starttls=True))
    assert outcomes(await provider.send([outgoing()])) == ["temporary"]
    assert mailbox.mails == []
