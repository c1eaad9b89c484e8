"""A mail as its parts, read so that none costs more than its size: limits on lines, headers, parts and nesting.

The stdlib's older message model (`compat32`) keeps headers as they came. The newer one reads each by its grammar, which
on hostile ones takes time that grows with the square of their length, or ends in errors of its own.
"""

import codecs
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from typing import Any

from services.intake.domain.visible import visible, whole
from shared.errors import Unreadable

MOST_LINES = 200_000
MOST_HEADERS = 500
MOST_HEADER_CHARS = 16 * 1024
MOST_PARAMETER_CHARS = 1024
_WITH_PARAMETERS = frozenset(("content-type", "content-disposition", "content-transfer-encoding"))
"""The stdlib reads their parameters, several times a part, in a time that grows with the square of their length."""
MOST_PARTS = 200
MOST_DEPTH = 20
_CHARSET = re.compile(
    r"ascii|utf_?8(_sig)?|utf_?16(_[bl]e)?|iso8859_\d+|cp\d+|gb2312|gbk|gb18030|hz|big5(hkscs)?|shift_jis\w*|euc_\w+"
    r"|iso2022_\w+|koi8_\w|mac_\w+|tis_620"
)
"""Python knows codecs that are no character sets, and some that take very long."""
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859_1": "cp1252", "ascii": "utf_8"}
"""What senders mean who name the narrower one."""


class Part(Message):
    """A message that stops growing."""

    depth = 1
    cut = False
    """Whether a header with parameters was longer than is read of it: what it says of a file is not all."""

    def set_raw(self, name: str, value: Any) -> None:
        if len(self) >= MOST_HEADERS:
            raise Unreadable("too_many_headers", f"a mail with more than {MOST_HEADERS} headers in a part is not read")
        said, parameters = _in_utf_8(value), name.lower() in _WITH_PARAMETERS
        self.cut = self.cut or (parameters and len(said) > MOST_PARAMETER_CHARS)
        super().set_raw(name, said[: MOST_PARAMETER_CHARS if parameters else MOST_HEADER_CHARS])

    def attach(self, payload: Any) -> None:
        payload.depth = self.depth + 1
        if payload.depth > MOST_DEPTH:
            raise Unreadable("too_deep", f"a mail nested deeper than {MOST_DEPTH} levels is not read")
        super().attach(payload)


def message_of(raw: bytes) -> Part:
    """Raises Unreadable where a limit is passed."""
    if raw.count(b"\n") + raw.count(b"\r") > 2 * MOST_LINES:
        raise Unreadable("too_large", f"a mail with more than {MOST_LINES} lines is not read")
    parts = 0

    def part(**more: Any) -> Part:
        nonlocal parts
        parts += 1
        if parts > MOST_PARTS:
            raise Unreadable("too_many_parts", f"a mail with more than {MOST_PARTS} parts is not read")
        return Part(**more)

    return message_from_bytes(raw, part)


def leaves(message: Part) -> Iterator[Part]:
    """The parts that hold something, in their order. A mail within a mail is one of them."""
    stack: list[Any] = [message]
    while stack:
        part = stack.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            stack.extend(reversed(part.get_payload()))
        else:
            yield part


def header(message: Part, name: str) -> str:
    """The first header of a name on one line, decoded; "" if there is none."""
    return next(iter(headers(message, name)), "")


def headers(message: Part, name: str) -> list[str]:
    return [decoded(value) for value in raw_headers(message, name)]


def raw_headers(message: Part, name: str) -> list[str]:
    """As they came: an address is read before its words are decoded, so that none of them can pass for another."""
    return [str(value) for known, value in message.raw_items() if known.lower() == name]


def _in_utf_8(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def decoded(value: str) -> str:
    """A header's words on one line. What can't be decoded stays as it came."""
    value = whole(value)  # a file's name comes decoded by any codec that the mail names
    try:
        pieces = decode_header(value)
    except HeaderParseError:
        pieces = [(value, None)]
    words = "".join(piece if isinstance(piece, str) else in_charset(piece, charset) for piece, charset in pieces)
    return " ".join(visible(words).split())


def text_of(part: Part) -> str:
    charset = part.get_param("charset")
    return in_charset(payload_of(part), charset if isinstance(charset, str) else None)


def payload_of(part: Part) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def in_charset(raw: bytes, named: str | None) -> str:
    """Text in the character set that is named, or in UTF-8 where it is that instead; what fits neither is replaced."""
    charset = _known(named or "ascii")
    for candidate in (charset, "utf_8"):
        try:
            return raw.decode(candidate)
        except UnicodeDecodeError:
            continue
    return raw.decode(charset, "replace")


def _known(named: str) -> str:
    """The codec of a character set; UTF-8 where it is none."""
    try:
        name = codecs.lookup(named[:40]).name.replace("-", "_")
    except (LookupError, ValueError):
        return "utf_8"
    return _WIDER.get(name, name) if _CHARSET.fullmatch(name) else "utf_8"
