"""Contacts for a test: shipped words from people whom no other test knows, so that every figure is known beforehand."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.house import House

SHIPPED = Path(__file__).parents[2] / "demo" / "contacts.jsonl"
CHANNELS = ("phone", "sms", "chat", "app", "web", "social", "onsite", "email")
POINTS = ("phone", "email", "app_id", "social")
EVERY_NTH_OVER_HTTP, EVERY_NTH_UNREACHABLE = 4, 10
Identity = tuple[str, str]


@dataclass(frozen=True)
class Sending:
    """One contact as its channel system sends it. A conversation keeps its door, so that it keeps its order."""

    body: dict[str, Any]
    over_http: bool = False

    @property
    def identity(self) -> Identity:
        return self.body["source"], self.body["id"]

    @property
    def key(self) -> str:
        return self.body.get("conversation") or f"{self.body['source']}:{self.body['id']}"


@dataclass(frozen=True)
class Expected:
    """What any run over these contacts comes to, disturbed or not."""

    fed: int
    cases: int
    joined: int
    reachable: int


def real_or_shipped() -> list[Sending]:
    """2,500 real contacts where they are at hand, else those of the demo; as they are, without repeats."""
    given = os.environ.get("SWITCHBOARD_REAL_DATA")
    lines = (Path(given) / "contacts_real.jsonl" if given else SHIPPED).read_text().splitlines()
    bodies = [json.loads(line) for line in lines]
    return [Sending(body, n % 20 == 0 and "conversation" not in body) for n, body in enumerate(bodies)]


def circles(bodies: Iterable[dict[str, Any]]) -> dict[Any, set[Any]]:
    """By identity, all that hangs together with a contact by what it states: a point of contact or a conversation in
    common, directly or through others. Whatever the rules are, no case may hold contacts of two circles."""
    found: dict[Any, set[Any]] = {}
    for body in bodies:
        customer = body.get("customer") or {}
        names: set[Any] = {(body["source"], body["id"])}
        names |= {(kind, str(customer[kind])) for kind in POINTS if customer.get(kind)}
        if body.get("conversation"):
            names.add(("conversation", body["source"], body["conversation"]))
        together = names.union(*(found.get(name, ()) for name in names))
        found.update(dict.fromkeys(together, together))
    return found


def must_be_together(bodies: Sequence[dict[str, Any]]) -> list[set[Identity]]:
    """Contacts of one conversation, and those of one circle that state the same order: each set belongs in one case."""
    known, sets = circles(bodies), defaultdict[Any, set[Identity]](set)
    for body in bodies:
        own = body["source"], body["id"]
        if body.get("conversation"):
            sets[body["source"], body["conversation"]].add(own)
        if order := (body.get("facts") or {}).get("order"):
            sets[id(known[own]), order].add(own)
    return [one for one in sets.values() if len(one) > 1]


def conversations(run: str, count: int) -> list[Sending]:
    """`count` conversations of one to three contacts each, of `count` customers; every tenth cannot be reached."""
    words = [body for line in SHIPPED.read_text().splitlines() if (body := json.loads(line)).get("text")]
    sendings: list[tuple[int, Sending]] = []
    for n in range(count):
        for part in range(1 + (n % 3 == 0) + (n % 7 == 0)):
            said = words[(n * 3 + part) % len(words)]
            body = {
                "source": f"test-{run}", "id": f"{n}-{part}", "conversation": f"talk-{n}", "channel": CHANNELS[n % 8],
                "text": said["text"], "customer": _customer(run, n, said),
            }  # fmt: skip
            sendings.append((part * count + n, Sending(body, n % EVERY_NTH_OVER_HTTP == 0)))
    return [sending for _, sending in sorted(sendings, key=lambda pair: pair[0])]


def _customer(run: str, n: int, said: dict[str, Any]) -> dict[str, Any]:
    language = (said.get("customer") or {}).get("language") or "zh"
    number = int.from_bytes(run.encode()) % 1000
    return {"language": language} | ({} if n % EVERY_NTH_UNREACHABLE == 9 else {"phone": f"+8613{number:03}{n:06}"})


def expected(sendings: Sequence[Sending]) -> Expected:
    cases = {sending.key: bool(sending.body["customer"].get("phone")) for sending in sendings}
    return Expected(len(sendings), len(cases), len(sendings) - len(cases), sum(cases.values()))


async def feed(house: House, sendings: Sequence[Sending]) -> int:
    """Sends all, each conversation in its order; returns how many were taken."""
    http: dict[str, list[Sending]] = {}
    for sending in sendings:
        if sending.over_http:
            http.setdefault(sending.key, []).append(sending)
    lanes = [list(http.values())[n::16] for n in range(16)]
    taken = await asyncio.gather(_over_kafka(house, sendings), *(_over_http(house, lane) for lane in lanes))
    return sum(taken)


async def _over_kafka(house: House, sendings: Sequence[Sending]) -> int:
    waiting = [house.say("contacts.v1", s.body, key=s.key) for s in sendings if not s.over_http]
    return len(await asyncio.gather(*waiting))


async def _over_http(house: House, talks: Sequence[Sequence[Sending]]) -> int:
    taken: Counter[int] = Counter()
    for sending in [sending for talk in talks for sending in talk]:
        taken[(await house.insist("POST", "intake", "/v1/contacts", sending.body)).status_code] += 1
    return taken[201]
