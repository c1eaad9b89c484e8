"""Mail over SMTP. A mail server does not recognise repeats, so what may have been taken is reported as open."""

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

from aiosmtplib import SMTP
from aiosmtplib.errors import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from services.notify.providers.base import OK, Outgoing, Result, because

CLOSING = 421
POOL = "pool:"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_DOTS = re.compile(r"\.{2,}")
LOST = (SMTPException, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach it.

    starttls      demand encryption before anything is said
    timeout_s     for one answer; data_timeout_s: for the answer to a whole message
    patience_s    no message is begun later than this after the batch
    connections   used side by side
    staff_domain  where the desks of staff have their mailboxes; empty: they have none
    """

    host: str
    port: int = 25
    sender: str = "switchboard@localhost"
    user: str | None = None
    password: str | None = None
    starttls: bool = False
    timeout_s: float = 15.0
    data_timeout_s: float = 60.0
    patience_s: float = 60.0
    connections: int = 4
    staff_domain: str = ""


class SmtpProvider:
    name = "smtp"
    recognises_repeats = False

    def __init__(self, server: Server, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server, self._monotonic = server, monotonic

    @property
    def reaches_staff(self) -> bool:
        return bool(self._server.staff_domain)

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        """Each connection carries a share of the batch; the results stand in the order of the messages."""
        until = self._monotonic() + self._server.patience_s
        lanes = min(self._server.connections, len(messages))
        shares = [messages[lane::lanes] for lane in range(lanes)]
        answers = await asyncio.gather(*(self._share(share, until) for share in shares))
        results = [Result("untried")] * len(messages)
        for lane, answer in enumerate(answers):
            results[lane::lanes] = answer
        return results

    async def _share(self, messages: Sequence[Outgoing], until: float) -> list[Result]:
        client = self._client()
        results: list[Result] = []
        try:
            for message in messages:
                late = self._monotonic() > until
                results.append(Result("untried", "no time left") if late else await self._one(client, message))
        finally:
            client.close()
        return results

    def _client(self) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host, port=server.port, username=server.user, password=server.password,
            start_tls=server.starttls, use_tls=False, timeout=server.timeout_s,
        )  # fmt: skip

    async def _one(self, client: SMTP, message: Outgoing) -> Result:
        try:
            message = self._addressed(message)
            mail = letter(message, self._server.sender)
        except (ValueError, IndexError, MessageError) as error:  # all of them come from the header parser
            return Result("permanent", because(error))
        try:
            await self._envelope(client, message.to)
        except LOST as error:
            return await self._refused(client, error)
        return await self._data(client, mail)

    def _addressed(self, message: Outgoing) -> Outgoing:
        domain = self._server.staff_domain
        return replace(message, to=desk_address(message.to, domain), staff=False) if message.staff else message

    async def _envelope(self, client: SMTP, to: str) -> None:
        """Up to here nothing has been handed over, whatever happens."""
        if not client.is_connected:
            await client.connect()
        await client.mail(self._server.sender)
        await client.rcpt(to)

    async def _data(self, client: SMTP, mail: EmailMessage) -> Result:
        try:
            await client.data(mail.as_bytes(), timeout=self._server.data_timeout_s)
        except LOST as error:
            if isinstance(error, SMTPDataError) and error.code >= 400:
                return await self._refused(client, error)
            client.close()
            return Result("open", because(error))
        return OK

    async def _refused(self, client: SMTP, error: BaseException) -> Result:
        """A clear no. The dialogue is reset, or given up where the server is gone or leaving."""
        code = error.code if isinstance(error, SMTPResponseException) else 0
        if code in (0, CLOSING) or not client.is_connected:
            client.close()
        else:
            await _reset(client)
        return Result("permanent" if _is_about_the_message(error) else "temporary", because(error))


def _is_about_the_message(error: BaseException) -> bool:
    """5xx to the recipient or the content ends the message; 5xx to the log-in is our own trouble and may be mended."""
    about = (SMTPRecipientRefused, SMTPDataError, SMTPSenderRefused)
    return isinstance(error, about) and 500 <= error.code < 600


async def _reset(client: SMTP) -> None:
    try:
        await client.rset()
    except LOST:
        client.close()


def desk_address(desk: str, domain: str) -> str:
    """`Z01` -> `Z01@domain`, `pool:payments.zh` -> `pool.payments.zh@domain`; what fits no address becomes a hyphen.

    Raises ValueError where nothing of it would be left, or there is no domain.
    """
    local = f"pool.{desk.removeprefix(POOL)}" if desk.startswith(POOL) else desk
    safe = _DOTS.sub(".", _UNSAFE.sub("-", local)).strip(".")
    if not domain or not safe.strip("-"):
        raise ValueError(f"desk {desk!r} has no mail address")
    return f"{safe}@{domain}"


def letter(message: Outgoing, sender: str) -> EmailMessage:
    """The mail; its Message-ID follows from the notification, so that a reader's mailbox may drop a repeat.

    Raises ValueError for an address or subject that is not fit for a header, or an address beyond ASCII.
    """
    if not message.to.isascii():
        raise ValueError("the address is beyond ASCII")
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = Address(addr_spec=sender)
    mail["To"] = Address(addr_spec=message.to)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.notification_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language
    mail.set_content(message.text, charset="utf-8", cte="base64")
    return mail
