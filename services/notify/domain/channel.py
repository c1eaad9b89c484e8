"""Where to tell whom: customers on the channel they used if it can carry a message, else the first other way known;
staff at their desk."""

import re
from dataclasses import dataclass

from services.notify.domain.rules import Channel, Rules
from shared.events.cases import Reach

_SHAPES = {
    "phone": re.compile(r"\+?[0-9][0-9 ()-]{3,30}"),
    "email": re.compile(r"[^\s@,;:<>()\"\\\x00-\x1f\x7f]{1,64}@[^\s@,;:<>()\"\\\x00-\x1f\x7f]{1,190}"),
    "app_id": re.compile(r"[^\x00-\x1f\x7f]{1,200}"),
    "social": re.compile(r"[^\x00-\x1f\x7f]{1,200}"),
}


@dataclass(frozen=True, slots=True)
class Way:
    channel: str
    to: str


def best(used: str, reach: Reach, rules: Rules) -> Way | None:
    """None: the customer left no way that we can send on."""
    known = rules.channels.channels
    for name in (rules.channels.answers.get(used, ""), *rules.channels.order):
        if name in known and (to := _address(known[name], reach)):
            return Way(name, to)
    return None


def at_desk(to: str, rules: Rules) -> Way | None:
    """None: it is nobody's desk, or desks are not used here."""
    name = rules.channels.staff.channel
    return Way(name, to) if to and name in rules.channels.channels else None


def desk(person: str | None, pool: str | None) -> tuple[str, ...]:
    """The desk of a person (his id), or that of the supervisors of a pool (`pool:<pool>`) where nobody is named."""
    return (person,) if person else (f"pool:{pool}",) if pool else ()


def _address(channel: Channel, reach: Reach) -> str:
    return next((to for point in channel.points if (to := _usable(point, getattr(reach, point)))), "")


def _usable(point: str, value: str | None) -> str:
    """The address without blanks around it, or nothing where it cannot be one (and might be an injected header)."""
    trimmed = (value or "").strip()
    return trimmed if _SHAPES[point].fullmatch(trimmed) else ""
