"""What one change does to one document. Pure: the store runs it on its copy, and on a newer one after a lost race.

    repeat    applied before; nothing happens
    held      before its turn; kept in the document until its cause is there
    parked    the key stands still because of an error of ours; the record waits in the document
    refused   the sender is wrong
    applied   the decision counts      unchanged    the decision had nothing to do

Errors:
    HeldFull    more waits on one key than a document may hold; its partition has to wait
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, Literal, TypeVar

from shared.decisions import Decide, Decision, Elsewhere, Note, Refused
from shared.document import Document, Entry, Parked, Waiting
from shared.events.base import Event, EventData
from shared.ids import event_id

S = TypeVar("S")
Status = Literal["applied", "unchanged", "repeat", "held", "parked", "refused", "elsewhere"]
MAX_HELD = 1000
MOST_STEPS = 10_000
SAYS = "\x1e"


class HeldFull(Exception):
    """More than MAX_HELD records wait on one key."""


@dataclass(slots=True)
class Change(Generic[S]):
    """One thing to do to one document.

    `event` is the record that caused it, if a record did. `once` makes an outsider's record or a command without
    sequence count once: (agent, id); `content` is a hash of what it says, so that another content under the same
    identity is refused. `records` are inbound records that an HTTP door writes beside its effect.
    `cause` identifies what was asked; the timeline's line is kept under it. `fresh`: whoever chose the key saw that no
    document has it; the store believes that once and spares itself a look.
    """

    key: str
    decide: Decide[S]
    cause: str
    event: Event | None = None
    once: str = ""
    content: str = ""
    records: tuple[Entry, ...] = ()
    trace: str = ""
    timer: bool = False
    fresh: bool = False

    def together(self) -> str:
        """Changes with the same are never worked on side by side."""
        return self.key


@dataclass(slots=True)
class Outcome(Generic[S]):
    status: Status
    key: str
    state: S | None = None
    before: S | None = None
    events: tuple[EventData, ...] = ()
    refused: Refused | None = None
    note: Note | None = None
    cause: str = ""
    bug: BaseException | None = None
    order: int = 0
    """Its place among all that ever happened to the document; many things happen in one millisecond."""


@dataclass(frozen=True, slots=True)
class Folding(Generic[S]):
    """What a fold needs to know of its service.

    `reads`: the sequenced topics this document follows. `compacted`: those of them where numbers may be skipped.
    `interpret`: the change that a record held earlier stands for.
    `watch_seen`: tells repeats from news (only a test that proves its worth turns it off).
    """

    reads: frozenset[str]
    interpret: Callable[[Event], "Change[S]"]
    compacted: frozenset[str] = frozenset()
    watch_seen: bool = True
    drained: list[tuple[Event, "Outcome[Any]"]] = field(default_factory=list)


def fold(document: Document[S], change: Change[S], now: datetime, folding: Folding[S]) -> Outcome[S]:
    """Change the working copy and say what became of the change."""
    if document.parked:
        return _wait_for_unparking(document, change, now, folding)
    outcome = _step(document, change, now, folding)
    if document.held and not document.parked:
        drain(document, now, folding)
    return outcome


def drain(document: Document[S], now: datetime, folding: Folding[S]) -> None:
    """Apply what waited, in order of arrival, as far as its turn has come."""
    while not document.parked and (
        waiting := next((w for w in document.held if _turn(document, w.event, folding)), None)
    ):
        document.held.remove(waiting)
        outcome = _step(document, _meaning(waiting.event, folding), now, folding)
        folding.drained.append((waiting.event, outcome))


def _meaning(event: Event, folding: Folding[S]) -> Change[S]:
    """What a waiting record asks for. It was read once before; if it can't be read now, that is an error of ours."""
    try:
        return folding.interpret(event)
    except Exception as error:  # noqa: BLE001 - whatever it is, the key is parked with it and the others flow
        return Change(event.subject, partial(_failed, error), event.id, event=event)


def _failed(error: Exception, _state: Any, _now: datetime) -> Decision[Any]:
    raise RuntimeError(f"a waiting record can't be interpreted: {type(error).__name__}: {error}") from error


def _turn(document: Document[Any], event: Event, folding: Folding[Any]) -> bool:
    if event.sequence is None:
        return True
    known = event.topic in folding.reads  # else a newer version follows it and will apply it
    return known and (_is_repeat(document, event, folding) or _is_ready(document, event, folding))


def _is_repeat(document: Document[Any], event: Event, folding: Folding[Any]) -> bool:
    return folding.watch_seen and event.sequence is not None and event.sequence <= document.seen.get(event.topic, 0)


def _is_ready(document: Document[Any], event: Event, folding: Folding[Any]) -> bool:
    """The next of its topic, and everything its writer had seen has been seen here."""
    assert event.sequence is not None
    following = event.topic in folding.compacted or event.sequence <= document.seen.get(event.topic, 0) + 1
    return following and all(
        document.seen.get(topic, 0) >= number for topic, number in event.after.items() if topic in folding.reads
    )


def _step(document: Document[S], change: Change[S], now: datetime, folding: Folding[S]) -> Outcome[S]:
    event = change.event
    if event is not None and event.sequence is not None:
        if _is_repeat(document, event, folding):
            return _outcome("repeat", document, change)
        if not _is_ready(document, event, folding):
            return _hold(document, event, change, now, "held")
    elif change.once and (said := _said(document, change.once)) is not None:
        if change.content and said and said != change.content:
            return _outcome("refused", document, change, refused=_identity_reused(change))
        return _outcome("repeat", document, change)
    return _decide(document, change, now)


def _said(document: Document[Any], once: str) -> str | None:
    """The hash of what came under this identity before; None if nothing did."""
    return next((entry[len(once) + 1 :] for entry in document.done if entry.startswith(once + SAYS)), None)


def _identity_reused(change: Change[Any]) -> Refused:
    message = f"{change.once} came before with other content; send another id for another fact"
    return Refused("identity_reused", message, field="id", status=422)


def _decide(document: Document[S], change: Change[S], now: datetime) -> Outcome[S]:
    before = document.state
    try:
        decision = change.decide(before, now)
    except Elsewhere as refused:
        return _outcome("elsewhere", document, change, refused=refused)
    except Refused as refused:
        if change.event is None or change.event.sequence is None:
            return _outcome("refused", document, change, refused=refused)
        return _park(document, change, now, refused)  # the owner decided and we can't follow: our error
    except Exception as bug:  # noqa: BLE001 - an error of ours on one key must not stop the others; it is parked
        return _park(document, change, now, bug)
    changed = decision.state is not before or bool(decision.events) or decision.note is not None
    _take(document, change, decision, now, changed)
    return _outcome("applied" if changed else "unchanged", document, change, before=before, decision=decision)


def _take(document: Document[S], change: Change[S], decision: Decision[S], now: datetime, changed: bool) -> None:
    document.state = decision.state
    event = change.event
    if event is not None and event.sequence is not None:
        document.seen[event.topic] = max(event.sequence, document.seen.get(event.topic, 0))
    if change.once and document.state is not None:
        # also of what had nothing to do: read again it might meet a later state
        document.done.append(f"{change.once}{SAYS}{change.content}")
    if changed:
        document.outbox.extend(change.records)
    trace = change.trace or (event.trace if event else "")
    for data in decision.events:
        document.outbox.append(_give_out(document, data, now, trace))


def _give_out(document: Document[Any], data: EventData, now: datetime, trace: str) -> Entry:
    """The next event of its topic. It comes after all that was seen here, and after what was given out elsewhere."""
    topic = data.topic
    known = document.seen | {other: number for other, number in document.seq.items() if other != topic}
    sequence = document.seq[topic] = document.seq.get(topic, 0) + 1
    return Entry(
        topic=topic,
        type=data.TYPE,
        key=document.key,
        subject=document.key,
        id=event_id(topic, document.key, sequence),
        time=now,
        value=data.model_dump_json().encode(),
        sequence=sequence,
        after=";".join(f"{name}={number}" for name, number in sorted(known.items())),
        trace=trace,
    )


def _hold(document: Document[S], event: Event, change: Change[S], now: datetime, status: Status) -> Outcome[S]:
    if all(waiting.event.id != event.id for waiting in document.held):
        if len(document.held) >= MAX_HELD:
            raise HeldFull(f"{len(document.held)} records wait on {document.key}")
        document.held.append(Waiting(event, now))
    return _outcome(status, document, change)


def _park(document: Document[S], change: Change[S], now: datetime, bug: Exception) -> Outcome[S]:
    """The key stands still. A command without a record behind it only fails: its caller hears of it."""
    if change.event is None and not change.timer:
        raise bug
    document.parked = Parked(
        since=now,
        error=f"{type(bug).__name__}: {bug}"[:500],
        cause=change.cause,
        event=change.event.id if change.event else "",
    )
    outcome = _outcome("parked", document, change)
    if change.event is not None:
        outcome = _hold(document, change.event, change, now, "parked")
        document.held.insert(0, document.held.pop())  # it was this one's turn
    outcome.bug = bug
    return outcome


def _wait_for_unparking(document: Document[S], change: Change[S], now: datetime, folding: Folding[S]) -> Outcome[S]:
    event = change.event
    if event is None:
        return _outcome("parked", document, change)
    if _is_repeat(document, event, folding) or (change.once and _said(document, change.once) is not None):
        return _outcome("repeat", document, change)
    return _hold(document, event, change, now, "parked")


def _outcome(
    status: Status,
    document: Document[S],
    change: Change[S],
    *,
    before: S | None = None,
    decision: Decision[S] | None = None,
    refused: Refused | None = None,
) -> Outcome[S]:
    document.steps += 1
    return Outcome(
        status=status,
        key=document.key,
        state=document.state,
        before=before,
        events=decision.events if decision else (),
        note=decision.note if decision else None,
        refused=refused,
        cause=change.cause,
        order=document.version * MOST_STEPS + document.steps,
    )
