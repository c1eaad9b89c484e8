"""Where to tell the customer: on the channel they used if it can carry a message, else the first other way known."""

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


def _address(channel: Channel, reach: Reach) -> str:
    return next((to for point in channel.points if (to := _usable(point, getattr(reach, point)))), "")


def _usable(point: str, value: str | None) -> str:
    """The address without blanks around it, or nothing where it cannot be one (and might be an injected header)."""
    trimmed = (value or "").strip()
    return trimmed if _SHAPES[point].fullmatch(trimmed) else ""
