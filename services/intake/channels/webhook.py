"""Signed webhooks as standardwebhooks.com describes them: HMAC-SHA256 over `id.timestamp.body`.

Errors (Problem, 401 where nothing else is said):
    webhook_unsigned    one of the three headers is missing or is not what it should be
    webhook_stale       signed too long ago, or for a moment to come
    webhook_forged      no secret of the source made any of its signatures; said too where the source has none, so that
                        nobody learns which sources there are
    webhooks_off        403: no source has a secret
    unavailable         503: none of the secrets that are known fits, and the file of secrets can't be read
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import yaml

from shared.http import Problem, unavailable

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
MOST_SIGNATURES = 10
MOST_SECRETS = 2
"""A source has two while it changes from one to the other."""
PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
Secrets = Mapping[str, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Senders:
    """Whose webhooks are let in. `outdated`: whether their file says something else that can't be read."""

    secrets: Secrets = field(default_factory=dict)
    outdated: bool = False

    def refusal(self) -> Problem:
        """Of whoever is signed by none of them."""
        if self.outdated:
            return unavailable(
                "the file of webhook secrets can't be read; the log of intake says why. Send it again later"
            )
        if not self.secrets:
            detail = "no source has a secret here; put one into the file that SWITCHBOARD_WEBHOOKS names"
            return Problem(403, "webhooks_off", detail)
        return _refused(
            "forged", SIGNATURE, "no secret that is known of this source signed this id, timestamp and body"
        )


def check_signed(
    headers: Mapping[str, str], body: bytes, source: str, senders: Senders, now: datetime, within_s: int
) -> str:
    """The id of the message, once it is certain that a holder of a secret of the source sent this body just now."""
    id_, timestamp, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not (id_.isascii() and id_.isprintable() and 0 < len(id_) <= 200):
        raise _refused("unsigned", ID, "an id of 1 to 200 printable characters is wanted")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise _refused("unsigned", TIMESTAMP, "seconds since 1970 are wanted")
    if abs(now.timestamp() - int(timestamp)) > within_s:
        raise _refused("stale", TIMESTAMP, f"it lies more than {within_s} s from now; sign it anew, or set your clock")
    secrets = senders.secrets.get(source, ())
    if not _made_by_one(signatures, [signature_of(secret, id_, timestamp, body) for secret in secrets]):
        raise senders.refusal()
    return id_


def _refused(how: str, header: str, detail: str) -> Problem:
    return Problem(401, f"webhook_{how}", f"{header}: {detail}", field=header)


def signature_of(secret: bytes, id_: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>`"""
    signed = hmac.digest(secret, f"{id_}.{timestamp}.".encode() + body, sha256)
    return f"v1,{b64encode(signed).decode()}"


def _made_by_one(told: str, expected: Sequence[str]) -> bool:
    """Compared in a time that does not tell how much of one was right."""
    given = told.split(" ")[:MOST_SIGNATURES]
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected)


def contact_value(value: Any, source: str, id_: str) -> dict[str, Any]:
    """The body as a contact of its source; its id is the message's where it names none. Problem 422 otherwise.

    What it says that our self-service said is left out: only `/v1/ask` knows that.
    """
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "body: a JSON object is wanted", field="body")
    if value.get("source") not in (None, source):
        raise Problem(422, "invalid", f"source: this webhook speaks for {source!r} only", field="source")
    said = {name: told for name, told in value.items() if name != "self_service"}
    return {**said, "source": source, "id": value.get("id") or id_}


def secrets_of(text: str) -> Secrets:
    """The secrets file: by source, one `whsec_...` or two. ValueError that names the source, never the secret."""
    said = yaml.safe_load(text) or {}
    if not isinstance(said, dict):
        raise ValueError("source: [whsec_...] is wanted")
    if joined := [source for source in map(str, said) if ":" in source]:
        raise ValueError(f"{joined[0]}: a source without a colon is wanted, which would let it speak in another's name")
    return {str(source): _secrets(str(source), told) for source, told in said.items()}


def _secrets(source: str, told: Any) -> tuple[bytes, ...]:
    several = [told] if isinstance(told, str) else told
    if not isinstance(several, list) or not 0 < len(several) <= MOST_SECRETS:
        raise ValueError(f"{source}: one secret is wanted, or two while they change")
    return tuple(_secret(source, one) for one in several)


def _secret(source: str, told: Any) -> bytes:
    try:
        secret = b64decode(str(told).removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not str(told).startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise ValueError(f"{source}: a secret is {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64")
    return secret
