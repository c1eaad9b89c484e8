"""What the clock does by itself: remind, call a promise missed and call for help, climb where nobody answers.

Whatever is due is done in the order in which it fell due, however late it is; a miss is not preceded by its reminders.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from operator import itemgetter

from services.sla.domain import clock, escalate
from services.sla.domain.rules import Rules
from services.sla.domain.watch import Clock, Move, Step, Watch
from shared.decisions import Decision, Note
from shared.events.base import EventData
from shared.events.sla import TargetMissed, TargetReminder

SLA = "sla"


def due(watch: Watch) -> datetime | None:
    """When the clock must look at it next."""
    running = [c for c in watch.clocks if c.state == "running"]
    moments = [c.remind_at or c.due_at for c in running] + [e.due_at for e in watch.escalations]
    return min((moment for moment in moments if moment is not None), default=None)


def fire(state: Watch | None, now: datetime, *, rules: Rules) -> Decision[Watch]:
    """All that is due; the state it was given when nothing is due any more."""
    assert state is not None, "only a stored case can fall due"
    watch: Watch = state
    events: tuple[EventData, ...] = ()
    while ripe := [coming for coming in _coming(watch, now, rules) if coming[0] <= now]:
        _, happens = min(ripe, key=itemgetter(0))
        watch, more = happens(watch)
        events += more
    return Decision(watch, events, _note(events, now))


def _coming(watch: Watch, now: datetime, rules: Rules) -> Iterator[tuple[datetime, Move]]:
    """What is to happen, and when it falls due."""
    for one in watch.clocks:
        if one.state == "running" and one.due_at is not None:
            if one.due_at <= now:
                yield one.due_at, partial(clock.miss, clock=one, now=now, rules=rules)
            elif one.remind_at is not None:
                yield one.remind_at, partial(_remind, slow=one, now=now, rules=rules)
    for called in watch.escalations:
        if called.due_at is not None:
            yield called.due_at, partial(escalate.unanswered, escalation=called, now=now, rules=rules)


def _remind(watch: Watch, slow: Clock, now: datetime, rules: Rules) -> Step:
    """Of the highest share that has passed; those below it are no news any more."""
    shares = [share for share in rules.policies.reminders if share > slow.reminded]
    passed = [share for share in shares if clock.moment_of(slow, share, rules) <= now]
    if not passed:  # the shares were changed meanwhile
        return watch.with_clock(clock.remindable(slow, rules)), ()
    reminded = clock.remindable(slow.changed(reminded=passed[-1]), rules)
    event = clock.alarm(TargetReminder, watch, reminded, now, share=passed[-1])
    return watch.with_clock(reminded), (event,)


def _note(events: tuple[EventData, ...], now: datetime) -> Note | None:
    """One line: what was missed, by how much."""
    missed = [event for event in events if isinstance(event, TargetMissed)]
    if not missed:
        return None
    data = {"missed": [{"target": e.target, "nth": e.nth, "late_s": e.late_s} for e in missed]}
    return Note(now, "missed", SLA, ", ".join(event.target for event in missed), data)
