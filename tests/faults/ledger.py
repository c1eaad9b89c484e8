"""The books, kept from the outside: what the topics and the provider's file say came of the contacts of one row.

lost         an accepted contact in no case, an event that a reader who must has not applied, a message not sent
duplicated   a contact in two cases, an event with two contents, a case with two agents, a message sent twice
inverted     a gap or disorder on a topic, an effect without or before its cause, a timer too early, a false miss
"""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.e2e.contacts import Identity
from tests.e2e.happened import OURS, Story
from tests.e2e.house import Said, places_of, said_of

log = logging.getLogger(__name__)
Stream = tuple[str, str]
Given = Mapping[Stream, int]
Reads = Mapping[str, Collection[str]]
POLL_MS = 100
ANSWERED = {"first_response": "case.responded", "resolution": "case.resolved"}
EVERYWHERE = frozenset({"cases.v1", "assignments.v1", "sla.v1", "notifications.v1"})
"""Where the first contact of a case shows its effects; feedback only follows, so its offsets are asked."""


class Streams:
    """Every event of our topics by topic and subject: what it said, when it first appeared, and what is wrong with it.

    It remembers eight bytes of each, so that it can go on over a million of them.
    """

    def __init__(self) -> None:
        self.gaps: list[str] = []
        self.two_contents: list[str] = []
        self._said: dict[Stream, array[int]] = defaultdict(lambda: array("q"))
        self._at: dict[Stream, array[int]] = defaultdict(lambda: array("q"))

    def last(self, topic: str, subject: str) -> int:
        """The highest number given out."""
        return len(self._said.get((topic, subject), ()))

    def appeared(self, topic: str, subject: str, number: int) -> int | None:
        """When a number first appeared, in ms of the writer's clock."""
        known = self._at.get((topic, subject), ())
        return known[number - 1] if number <= len(known) else None

    def add(self, said: Said) -> bool:
        """Whether it is new. A repeat must be the same word for word, and what is new the next number."""
        stream, number = (said.topic, said.subject), said.sequence
        content = hash((said.id, said.type, said.value, said.headers.get("ce_after")))
        known = self._said[stream]
        if number <= len(known):
            if known[number - 1] != content:
                self.two_contents.append(f"{said.topic} of {said.subject}: number {number} was given to two events")
            return False
        if number > len(known) + 1:
            self.gaps.append(f"{said.topic} of {said.subject}: {number} came after {len(known)}")
            known.extend([0] * (number - len(known) - 1))
            self._at[stream].extend([0] * (number - len(self._at[stream]) - 1))
        known.append(content)
        self._at[stream].append(said.timestamp)
        return True


class Books:
    """All that our topics hold, read once from their beginning to now. `readers` are shown each new event.

    `contacts`: how many are in a case, by source.
    """

    def __init__(self) -> None:
        self.streams = Streams()
        self.cases_of: dict[Identity, set[str]] = defaultdict(set)
        self.contacts: Counter[str] = Counter()
        self.reached: dict[str, set[str]] = defaultdict(set)
        self.page: list[Said] = []
        self.readers: list[Callable[[Said], None]] = []
        self.read: dict[TopicPartition, int] = {}

    def take(self, said: Said) -> None:
        self.read[TopicPartition(said.topic, said.partition)] = said.offset + 1
        if not self.streams.add(said):
            return
        self.page.append(said)
        self.reached[said.subject].add(said.topic)
        if said.type in ("case.opened", "case.contact_added"):
            contact = said.data["contact"]
            cases = self.cases_of[contact["source"], contact["id"]]
            self.contacts[contact["source"]] += not cases
            cases.add(said.subject)
        for reader in self.readers:
            reader(said)

    def cases(self, contacts: Iterable[Identity]) -> set[str]:
        return {case for contact in contacts for case in self.cases_of.get(contact, ())}

    def given(self, contacts: Iterable[Identity]) -> Given:
        """The last number on each topic of each of their cases, as of now."""
        streams = ((topic, case) for case in self.cases(contacts) for topic in self.reached[case])
        return {stream: self.streams.last(*stream) for stream in streams}

    def turn_page(self) -> list[Said]:
        """What was new since the last turn."""
        page, self.page = self.page, []
        return page

    def has_read(self, ends: Mapping[TopicPartition, int]) -> bool:
        return all(self.read.get(place, 0) >= end for place, end in ends.items())

    def without_effect(self, contacts: Iterable[Identity]) -> list[Identity]:
        """Those that are in no case yet, or whose case is not yet known to all who show it."""
        return [c for c in contacts if not self._everywhere(self.cases_of.get(c, ()))]

    def _everywhere(self, cases: Collection[str]) -> bool:
        return bool(cases) and all(self.reached[case] >= EVERYWHERE for case in cases)


@asynccontextmanager
async def open_books(kafka: str) -> AsyncIterator[Books]:
    """Reads our topics from their beginning for as long as the block runs, through whatever happens to the brokers."""
    books = Books()
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, fetch_max_wait_ms=POLL_MS, auto_offset_reset="earliest")
    await consumer.start()
    reading: asyncio.Task[None] | None = None
    try:
        consumer.assign(places_of(OURS))
        await consumer.seek_to_beginning()
        reading = asyncio.create_task(_read(consumer, books))
        yield books
    finally:
        if reading is not None:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, books: Books) -> None:
    while True:
        try:
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=500)
        except KafkaError as error:
            log.debug("the broker is away: %r", error)
            await asyncio.sleep(POLL_MS / 1000)
            continue
        for records in batches.values():
            for record in records:
                books.take(said_of(record))
        await asyncio.sleep(0)  # the senders want to breathe


@dataclass
class Verdict:
    """What is wrong, in words; nothing is right."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.duplicated or self.inverted)


def judge(
    books: Books, page: Sequence[Said], told: Sequence[dict[str, Any]], contacts: Collection[Identity],
    unapplied: Sequence[str],
) -> Verdict:  # fmt: skip
    """The verdict on one row. `unapplied`: what `not_applied` still says after a while."""
    cases = books.cases(contacts)
    story = Story([said for said in page if said.subject in cases], told, contacts)
    return Verdict(
        lost=[
            *(f"contact {c} is in no case" for c in contacts if not books.cases_of.get(c)),
            *unapplied,
            *story.untrue(),
        ],
        duplicated=[
            *(f"contact {c} is in {sorted(found)}" for c in contacts if len(found := books.cases_of.get(c, ())) > 1),
            *books.streams.two_contents,
            *two_agents(story),
            *(f"message {id_} was sent twice" for id_ in story.told_twice()),
        ],
        inverted=[*books.streams.gaps, *causes(books.streams, page), *early(page), *false_misses(page)],
    )  # fmt: skip


def not_applied(given: Given, seen: Mapping[str, Sequence[Mapping[str, Any]]], reads: Reads) -> list[str]:
    """What was given out and is not applied. `seen`: by store, what each document has applied; `reads`: must."""
    found = []
    for store, topics in reads.items():
        applied = {document["_id"]: document.get("seen", {}) for document in seen[store]}
        for (topic, case), last in given.items():
            if topic in topics and (known := applied.get(case, {}).get(topic, 0)) < last:
                found.append(f"{store} has applied {known} of {last} on {topic} of {case}")
    return found


def two_agents(story: Story) -> list[str]:
    """Cases that were given to somebody while somebody else had them."""
    found, holder = [], dict[str, str]()
    for said in sorted(story.of("case.assigned", "case.unassigned", "case.queued"), key=lambda said: said.sequence):
        if said.type != "case.assigned":
            holder.pop(said.subject, None)
        elif said.subject in holder:
            found.append(f"{said.subject} went to {said.data['agent_id']} while {holder[said.subject]} had it")
        else:
            holder[said.subject] = said.data["agent_id"]
    return found


def causes(streams: Streams, page: Iterable[Said]) -> list[str]:
    """Events that stand on what never appeared, or was published later, by another writer."""
    writers: dict[str, str] = {}
    found = []
    events = list(page)
    for said in events:
        writers.setdefault(said.topic, said.headers["ce_source"])
    for said in events:
        for cause in filter(None, said.headers.get("ce_after", "").split(";")):
            topic, _, number = cause.rpartition("=")
            at = streams.appeared(topic, said.subject, int(number)) if topic in OURS else 0
            if at is None:
                found.append(f"{said.topic} {said.sequence} of {said.subject} rests on {cause}, which never appeared")
            elif at > said.timestamp and writers.get(topic) != said.headers["ce_source"]:
                found.append(f"{said.topic} {said.sequence} of {said.subject} was published before its cause {cause}")
    return found


def early(page: Iterable[Said]) -> list[str]:
    """Misses that were called out before the promise was due."""
    return [
        f"{said.data['target']} of {said.subject} was called missed at {said.headers['ce_time']}, due at {_due(said)}"
        for said in page
        if said.type == "target.missed" and said.data["due_at"] and _time(said) < _due(said)
    ]


def _time(said: Said) -> datetime:
    return datetime.fromisoformat(said.headers["ce_time"])


def _due(said: Said) -> datetime:
    return datetime.fromisoformat(said.data["due_at"])


def false_misses(page: Iterable[Said]) -> list[str]:
    """First promises that were kept in time, were called missed, and were never corrected."""
    done: dict[tuple[str, str], datetime] = {}
    missed: dict[tuple[str, str], Said] = {}
    corrected: set[tuple[str, str]] = set()
    for said in page:
        for target, type_ in ANSWERED.items():
            if said.type == type_:
                done.setdefault((said.subject, target), _time(said))
        if said.type == "target.missed" and said.data["nth"] == 1:
            missed.setdefault((said.subject, said.data["target"]), said)
        if said.type == "target.met" and said.data["corrected"]:
            corrected.add((said.subject, said.data["target"]))
    return [
        f"{target} of {case} was kept at {done[case, target]} and called missed"
        for (case, target), said in missed.items()
        if (case, target) in done and (case, target) not in corrected and done[case, target] < _due(said)
    ]
