"""Who may do what: hashed access keys in a file, each with a name, a role and an end.

Errors:
    Forbidden    no key, an unknown or ended one (401), or one whose role may not (403)
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from shared.clock import Clock, utc_now
from shared.events.escalations import DEPARTMENTS
from shared.watched import Watched

log = logging.getLogger(__name__)
Role = Literal[
    "channel", "agent", "supervisor", "expert", "engineer", "coordinator", "department", "quality", "care",
    "auditor", "admin",
]  # fmt: skip
ROLES: tuple[str, ...] = get_args(Role)
COOKIE = "switchboard_key"


class Forbidden(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom alone this key speaks for, `agent` or `department`; None for a system that speaks for many."""

    name: str
    role: str
    agent: str | None = None
    department: str | None = None


def new_key(
    name: str, role: str, expires: datetime | None, agent: str | None = None, department: str | None = None
) -> tuple[str, dict[str, object]]:
    """A fresh key to show once, and the entry of the keys file that recognises it.

    `agent` and `department` bind it to one of them. ValueError: a role or department that nobody knows, or a department
    for a role that speaks for none.
    """
    if role not in ROLES:
        raise ValueError(f"role {role!r} is not one of {', '.join(ROLES)}")
    if department is not None:
        _check_department(role, department)
    plain = f"sb_{secrets.token_urlsafe(32)}"
    entry: dict[str, object] = {"name": name, "role": role, "hash": digest(plain)}
    if agent is not None:
        entry["agent"] = agent
    if department is not None:
        entry["department"] = department
    if expires is not None:
        entry["expires"] = expires.astimezone(UTC).isoformat()
    return plain, entry


def _check_department(role: str, department: str) -> None:
    if department not in DEPARTMENTS:
        raise ValueError(f"department {department!r} is not one of {', '.join(DEPARTMENTS)}")
    if role != "department":
        raise ValueError(f"role {role!r} is bound to no department; only role 'department' is")


def digest(plain: str) -> str:
    """SHA-256: keys are 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(plain.encode()).hexdigest()


class Keys:
    """The keys file, read again when it changes. A file that can't be read leaves the last good keys in force."""

    def __init__(self, path: Path, clock: Clock = utc_now) -> None:
        self._path, self._clock = path, clock
        self._entries = Watched[list[dict[str, Any]]](path, _entries, [])

    def principal(self, plain: str | None) -> Principal:
        """Who holds this key; Forbidden(401) if nobody does."""
        if not plain:
            raise Forbidden(401, "send an access key: Authorization: Bearer <key>")
        hashed = digest(plain)
        for entry in self._entries():
            if hmac.compare_digest(str(entry.get("hash", "")), hashed):
                if (end := entry.get("expires")) and self._is_over(end):
                    raise Forbidden(401, "this access key has ended; ask for a new one")
                return _principal(entry)
        raise Forbidden(401, "this access key is not known")

    def _is_over(self, end: Any) -> bool:
        try:
            return _moment(end) <= self._clock()
        except ValueError:
            log.error("keys file %s: %r is no moment; the key is taken as ended", self._path, end)
            return True


def _entries(text: str) -> list[dict[str, Any]]:
    entries = yaml.safe_load(text) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError("a list of entries is wanted")
    return entries


def _principal(entry: dict[str, Any]) -> Principal:
    name, role = str(entry.get("name", "")), str(entry.get("role", ""))
    return Principal(name, role, entry.get("agent"), entry.get("department"))


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Allow = Callable[[Principal], None]


def check(principal: Principal, roles: tuple[str, ...], writes: bool) -> None:
    """`admin` may all, `auditor` may read all, the others what names them."""
    if principal.role == "admin" or principal.role in roles or (principal.role == "auditor" and not writes):
        return
    raise Forbidden(403, f"role {principal.role} may not do this; it takes {', '.join(roles) or 'admin'}")
