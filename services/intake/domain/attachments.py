"""Attachments and recordings are links (IN-10). Dangerous ones are refused, each with its reason; the contact stays.

Reasons: `malformed` (no address that a browser could open), `scheme`, `credentials` (`https://bank.example@evil.example`),
`host` (a machine of this network), `name` (it shows as another one, or is longer than any file's), `ending`,
`media_type`, `too_large`; and `no_store`, which is no danger: the file of a mail that its gateway put nowhere
(`attachment_link` in `channels.yaml`).
"""

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic import AnyUrl, TypeAdapter, ValidationError

from services.intake.domain.rules import Rules
from services.intake.domain.rules_channels import AttachmentsFile
from services.intake.domain.visible import readable, visible
from shared.events.contacts import Attachment, Contact

_URL: TypeAdapter[AnyUrl] = TypeAdapter(AnyUrl)
"""Reads an address as browsers do, so that 127.0.0.1 is found however it is written."""
MOST_NAME_CHARS = 1_000
"""No file system takes a name over 255 bytes."""
NOT_WHOLE = "\u2060"
"""Nobody sees it: a name with it at its end shows as another one than was sent, and is refused as `name`."""
_STREAMS = re.compile("[:;]")
RECORDING = "recording"
WITHIN_A_MAIL, NO_STORE = "mid", "no_store"


def links_of(contact: Contact, rules: Rules) -> dict[str, Any]:
    """What the timeline keeps: `attachments`, `voice`, and of what was refused everything but the link."""
    attachments = [(attachment, why_refused(attachment, rules.attachments)) for attachment in contact.attachments]
    recording = [(link, why_refused(link, rules.attachments)) for link in _recording(contact)]
    voice = contact.voice or {}
    if any(why for _, why in recording):
        voice = {name: value for name, value in voice.items() if name != RECORDING}
    return {
        "attachments": [attachment.model_dump() for attachment, why in attachments if not why],
        "voice": voice or None,
        "refused": [_told(attachment, why) for attachment, why in (*attachments, *recording) if why],
    }


def any_refused(contact: Contact, rules: Rules) -> bool:
    """Whether a link was dangerous."""
    links = (*contact.attachments, *_recording(contact))
    return any(why_refused(link, rules.attachments) not in ("", NO_STORE) for link in links)


def _told(attachment: Attachment, why: str) -> dict[str, Any]:
    told = attachment.model_dump(exclude={"url"}, exclude_none=True)
    return told | {"name": visible(attachment.name), "why": why}


def _recording(contact: Contact) -> Iterable[Attachment]:
    """The recording that `voice` names: a link, or an object like an attachment."""
    told = (contact.voice or {}).get(RECORDING)
    if not told:
        return
    try:
        yield Attachment.model_validate({"url": told} if isinstance(told, str) else told)
    except ValidationError:
        yield Attachment(name=RECORDING, url="-")


def why_refused(attachment: Attachment, rules: AttachmentsFile) -> str:
    """The first reason against an attachment; "" if there is none."""
    try:
        url = _URL.validate_python(attachment.url)
    except ValidationError:
        return "malformed"
    return _against_address(url, rules) or _against_content(attachment, url, rules)


def _against_address(url: AnyUrl, rules: AttachmentsFile) -> str:
    if url.scheme == WITHIN_A_MAIL:
        return NO_STORE
    if url.scheme not in rules.schemes:
        return "scheme"
    if url.username or url.password:
        return "credentials"
    return "" if _may_be_opened((url.host or "").strip("[].").casefold(), rules) else "host"


def _may_be_opened(host: str, rules: AttachmentsFile) -> bool:
    if _under(host, rules.hosts_allowed):
        return True
    return not _under(host, rules.hosts_refused) and (rules.private_addresses or _public(host))


def _under(host: str, names: Iterable[str]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in names)


def _public(host: str) -> bool:
    """A name without a dot is a machine of this network."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." in host
    return (getattr(address, "ipv4_mapped", None) or address).is_global


def _against_content(attachment: Attachment, url: AnyUrl, rules: AttachmentsFile) -> str:
    if len(attachment.name) > MOST_NAME_CHARS or visible(attachment.name) != attachment.name:
        return "name"
    names = (attachment.name, unquote(url.path or ""), *_names_in_query(url, rules))
    if any(not _endings(name).isdisjoint(rules.endings_refused) for name in names):
        return "ending"
    if attachment.media_type.partition(";")[0].strip().casefold() in rules.media_types_refused:
        return "media_type"
    return "too_large" if (attachment.bytes or 0) > rules.max_bytes else ""


def _names_in_query(url: AnyUrl, rules: AttachmentsFile) -> Iterable[str]:
    return (said for name, said in parse_qsl(url.query or "") if name.casefold() in rules.names_in_query)


def _endings(name: str) -> set[str]:
    """As systems read it that ignore blanks, dots and quotes at the end, and what follows a colon or semicolon."""
    plain = unicodedata.normalize("NFKC", readable(name)).casefold()
    plain = plain[max(plain.rfind("/"), plain.rfind("\\")) + 1 :]
    pieces = (piece.rstrip(" .\"'") for piece in _STREAMS.split(plain))
    return {f".{ending}" for piece in pieces if (ending := piece.rpartition(".")[2]) != piece}
