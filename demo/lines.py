"""The lines of a contacts file, and which of them Switchboard has to take (CONTRACTS section 4)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from shared.codec import check_tree
from shared.errors import Unreadable
from shared.events.contacts import MAX_RECORD_BYTES, Contact

SHIPPED = Path(__file__).with_name("contacts.jsonl")
HTTP_ONE_IN = 10

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One record as it is in the file. `identity` (source, id) only if it is well-formed."""

    raw: bytes
    key: bytes | None
    identity: Identity | None

    @property
    def over_http(self) -> bool:
        """A conversation keeps its door, so that its order is kept; what is malformed can only be told to the topic."""
        return self.identity is not None and zlib.crc32(self.key or b"") % HTTP_ONE_IN == 0


def read(file: Path) -> list[Line]:
    return [line(raw) for raw in file.read_bytes().split(b"\n") if raw.strip()]


def line(raw: bytes) -> Line:
    body = _object(raw)
    key = body.get("conversation") or f"{body.get('source')}:{body.get('id')}" if body else None
    return Line(raw, str(key).encode() if key else None, _identity(raw, body))


def identities(lines: Iterable[Line]) -> list[Identity]:
    """Every well-formed contact once, in the order of the file."""
    return list(dict.fromkeys(one.identity for one in lines if one.identity is not None))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _identity(raw: bytes, body: dict[str, Any]) -> Identity | None:
    if len(raw) > MAX_RECORD_BYTES:
        return None
    try:
        check_tree(body)
        contact = Contact.model_validate(body)
    except (ValidationError, Unreadable):
        return None
    return contact.source, contact.id
