"""A mail (RFC 5322) as a contact. Its bytes are not kept: attachments become links to where the mail gateway put them.

Errors:
    Unreadable    what is no mail, or passes a limit (`channels.mime`); the message names the header
    Refused       `automatic_mail`: no person wrote it
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr, parsedate_to_datetime
from hashlib import sha256
from itertools import islice
from urllib.parse import quote

from pydantic import ValidationError

from services.intake.channels.html import Room, text_of_html
from services.intake.channels.mime import (
    Part,
    decoded,
    header,
    headers,
    leaves,
    message_of,
    payload_of,
    raw_headers,
    text_of,
)
from services.intake.domain.attachments import NOT_WHOLE
from services.intake.domain.rules_channels import MailRules
from services.intake.domain.tokens import tokens
from services.intake.domain.visible import visible
from shared.codec import first_fault
from shared.decisions import Refused
from shared.errors import Unreadable
from shared.events.base import EARLIEST, LATEST
from shared.events.contacts import MAX_ATTACHMENTS, MAX_REPLIES_TO, MAX_TEXT_BYTES, Attachment, Contact, ContactCustomer

MAX_SUBJECT = 1000
MAX_NAME = 200
MAX_FILE_NAME = 255
"""No file system takes a longer one."""
_ID = re.compile(r"<([^<>\s]{1,200})>")
_BARE_ID = re.compile(r"[^<>\s]{1,200}")
_ADDRESS = re.compile(r"<([^<>\s@]{1,64}@[^<>\s@]{1,255})>")
_MOST_COMMENTS = 20
"""In an address; each nests the reading of it one deeper."""
_FAULTS = (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)
"""What the stdlib ends in on some mails that are none."""


def contact_of(raw: bytes, source: str, rules: MailRules) -> Contact:
    """What a mail says; the contact's id is its Message-ID, else a digest of its bytes."""
    try:
        return _contact_of(raw, source, rules)
    except _FAULTS as error:
        why = f"the mail's headers or parts are malformed ({type(error).__name__}); send it as RFC 5322 has it"
        raise Unreadable("invalid", why, source) from error


def _contact_of(raw: bytes, source: str, rules: MailRules) -> Contact:
    if len(raw) > rules.max_bytes:
        raise Unreadable("too_large", f"the mail has {len(raw)} bytes; at most {rules.max_bytes} are taken")
    message = message_of(raw)
    _check_written_by_a_person(message, rules)
    id_ = _id_of(message) or f"sha256:{sha256(raw).hexdigest()}"
    attached = [part for part in leaves(message) if _is_attachment(part)]
    try:
        return Contact(
            source=source,
            id=id_,
            channel="email",
            replies_to=_fitting_thread([name for name in _replies_to(message) if name != id_]),
            occurred_at=_date(header(message, "date")),
            customer=_customer(message, rules),
            subject=header(message, "subject")[:MAX_SUBJECT] or None,
            text=_fitting(_text(message, Room()), len(attached)) or None,
            attachments=tuple(islice(_links(attached, id_, rules), MAX_ATTACHMENTS)),
        )
    except ValidationError as error:
        raise Unreadable("invalid", first_fault(error), source) from None


def _check_written_by_a_person(message: Part, rules: MailRules) -> None:
    for name, marks in rules.automatic.items():
        for value in headers(message, name):
            said = value.partition(";")[0].strip().casefold()
            if said in marks or ("*" in marks and said not in ("", "no")):
                why = f"{name}: {said[:60]} marks a mail that no person wrote; it opens no case"
                raise Refused("automatic_mail", why, field=name, status=422)


def _id_of(message: Part) -> str:
    said = header(message, "message-id")
    if found := _ID.search(said):
        return found[1]
    return said if _BARE_ID.fullmatch(said) else ""


def _replies_to(message: Part) -> Sequence[str]:
    """The thread, oldest first, each once: where an id comes again, the later place counts."""
    said = " ".join((*headers(message, "references"), *headers(message, "in-reply-to")))
    return list(dict.fromkeys(reversed(_ID.findall(said))))[::-1]


def _fitting_thread(ids: Sequence[str]) -> tuple[str, ...]:
    """The mail that began it, by which all are keyed, and the newest."""
    return (*ids[:1], *ids[1:][1 - MAX_REPLIES_TO :])


def _date(said: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment if EARLIEST <= moment <= LATEST else None


def _customer(message: Part, rules: MailRules) -> ContactCustomer:
    """From whom it is, which is what gateways authenticate; if nobody can answer there, to whom it says to reply."""
    if len(raw_headers(message, "from")) > 1:
        raise Unreadable("invalid", "From: it stands there twice")
    name, address = _address(message, "from")
    if not address or address.casefold().startswith(rules.never_answered):
        name, address = next((found for found in [_address(message, "reply-to")] if found[1]), (name, address))
    if not address:
        raise Unreadable("invalid", "From: a mail names its sender there")
    return ContactCustomer(name=name[:MAX_NAME] or None, email=address)


def _address(message: Part, name: str) -> tuple[str, str]:
    """The first name and address of a header; "" for what is not there."""
    said = next(iter(raw_headers(message, name)), "")[:1000]
    if said.count("(") <= _MOST_COMMENTS:
        shown, address = parseaddr(said)
        if "@" in address:
            return decoded(shown), address
    found = _ADDRESS.search(said)
    return (decoded(said[: found.start()].strip(' "')), found[1]) if found else ("", "")


def _is_attachment(part: Part) -> bool:
    words = part.get_content_type() in ("text/plain", "text/html")
    return not words or part.get_content_disposition() == "attachment" or part.get_filename() is not None


def _text(part: Part, room: Room) -> str:
    """What stands in its texts, in their order; of alternatives only one."""
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        texts = [text for each in part.get_payload() if (text := _text(each, room))]  # type: ignore[arg-type]
        return _chosen(texts) if part.get_content_subtype() == "alternative" else "\n".join(texts)
    if _is_attachment(part):
        return ""
    said = text_of(part)
    text = text_of_html(said, room) if part.get_content_subtype() == "html" else said
    return visible(text).replace("\r\n", "\n").strip()


def _chosen(texts: Sequence[str]) -> str:
    """The plainest comes first and the fullest last (RFC 2046): a plainer one that says less than half is none."""
    chosen = ""
    for text in texts:
        words = set(tokens(text))
        if not chosen or 2 * len(words.intersection(tokens(chosen))) < len(words):
            chosen = text
    return chosen


def _fitting(text: str, attached: int) -> str:
    """What a contact can hold, and how much more there is."""
    raw, room = text.encode(), MAX_TEXT_BYTES - 100
    beginning = text if len(raw) <= room else raw[:room].decode(errors="ignore")
    more = [f"{len(raw) - room} bytes"] if len(raw) > room else []
    more += [f"{attached - MAX_ATTACHMENTS} attachments"] if attached > MAX_ATTACHMENTS else []
    return f"{beginning}\n[… {', '.join(more)} more]" if more else beginning


def _links(parts: Sequence[Part], id_: str, rules: MailRules) -> Iterator[Attachment]:
    link = rules.attachment_link or "mid:{message_id}/{n}"
    for n, part in enumerate(parts, 1):
        yield Attachment(
            name=_short(decoded(part.get_filename() or "")) + (NOT_WHOLE if part.cut else ""),
            media_type=part.get_content_type()[:MAX_NAME],
            url=link.replace("{message_id}", quote(id_, safe="")).replace("{n}", str(n)),
            bytes=len(payload_of(part)) or None,
        )


def _short(name: str) -> str:
    """Cut in its middle: the ending tells what kind of file it is."""
    kept = MAX_FILE_NAME // 2
    return name if len(name) <= MAX_FILE_NAME else f"{name[:kept]}…{name[-kept:]}"
