"""The address of a survey: which case and which asking, signed, so that nobody can make one up.

token = base64url(case id, 16 bytes | number of the survey, 1 byte | HMAC-SHA256 of both, its first 16 bytes)
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

ID_BYTES, MAC_BYTES = 16, 16
LENGTH = 44
"""Of a token; 33 bytes need no padding."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes addresses under `public_url`, and reads them. The secret shows in no log."""

    public_url: str
    secret: bytes = field(repr=False)

    def url(self, case_id: str, nth: int) -> str:
        return f"{self.public_url}/s/{token_of(self.secret, case_id, nth)}"

    def read(self, token: str) -> tuple[str, int] | None:
        return read_token(self.secret, token)


def token_of(secret: bytes, case_id: str, nth: int) -> str:
    """Raises ValueError for a case id that is no UUID, OverflowError for a number beyond a byte."""
    said = UUID(case_id).bytes + nth.to_bytes(1, "big")
    return urlsafe_b64encode(said + _mac(secret, said)).decode()


def read_token(secret: bytes, token: str) -> tuple[str, int] | None:
    """Case id and number of the survey; None for anything that `token_of` did not make with this secret."""
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except Error:
        return None
    said, mac = raw[: ID_BYTES + 1], raw[ID_BYTES + 1 :]
    if urlsafe_b64encode(raw).decode() != token or not hmac.compare_digest(mac, _mac(secret, said)):
        return None
    return str(UUID(bytes=said[:ID_BYTES])), said[ID_BYTES]


def _mac(secret: bytes, said: bytes) -> bytes:
    return hmac.digest(secret, said, sha256)[:MAC_BYTES]
