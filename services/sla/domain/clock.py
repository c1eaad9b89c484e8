"""The life of one promise on the clock: started, paused, resumed, met, missed. Every moment is that of the fact.

A fact counts as of when it happened, however late it is read: what was in time takes a miss back (`corrected`).
"""

from datetime import datetime
from typing import Any, TypeVar

from services.sla.domain import escalate
from services.sla.domain.rules import WALL, Rules
from services.sla.domain.watch import Clock, Step, Watch
from shared.events.sla import (
    ClockPaused,
    ClockResumed,
    ClockStarted,
    PolicyRef,
    Target,
    TargetMet,
    TargetMissed,
    TargetReminder,
)

E = TypeVar("E", ClockPaused, ClockResumed, ClockStarted, TargetMet, TargetMissed, TargetReminder)


def given_out(kind: type[E], watch: Watch, clock: Clock, at: datetime, **more: Any) -> E:
    said = {"target": clock.target, "nth": clock.nth, "at": at, "due_at": clock.due_at, "policy": clock.policy}
    return kind(**watch.ids, **said | more)


def alarm(kind: type[E], watch: Watch, clock: Clock, at: datetime, **more: Any) -> E:
    """With who has the ball, so that nobody need ask."""
    return given_out(kind, watch, clock, at, **watch.owner, party=clock.party, promise=clock.promise, **more)


def start(
    watch: Watch,
    target: Target,
    at: datetime,
    rules: Rules,
    *,
    limit_s: float,
    policy: PolicyRef,
    calendar: str = WALL,
    silently: bool = False,
    **more: Any,
) -> Step:
    watch, nth = watch.counted(target)
    clock = Clock(
        target=target, nth=nth, policy=policy, calendar=calendar, limit_s=limit_s, started_at=at, **more
    )  # fmt: skip
    clock = running(clock, at, rules)
    return watch.with_clock(clock), () if silently else (given_out(ClockStarted, watch, clock, at),)


def running(clock: Clock, at: datetime, rules: Rules) -> Clock:
    """It runs from `at`, with what it used before."""
    left = clock.limit_s - clock.used_s
    due_at = rules.calendar(clock.calendar).due_after(at, left)
    return remindable(clock.changed(state="running", since=at, due_at=due_at), rules)


def remindable(clock: Clock, rules: Rules) -> Clock:
    """The next reminder is that of the next share."""
    share = next((share for share in rules.policies.reminders if share > clock.reminded), None)
    return clock.changed(remind_at=None if share is None else moment_of(clock, share, rules))


def moment_of(clock: Clock, share: float, rules: Rules) -> datetime:
    """When this share of the limit is used up."""
    assert clock.since is not None, "only of a clock that runs"
    return rules.calendar(clock.calendar).due_after(clock.since, share * clock.limit_s - clock.used_s)


def used(clock: Clock, at: datetime, rules: Rules) -> float:
    """Seconds of its calendar that it has used by then."""
    if clock.state != "running" or clock.since is None:
        return clock.used_s
    return clock.used_s + rules.calendar(clock.calendar).worked(clock.since, at)


def standing(clock: Clock, at: datetime, rules: Rules) -> Clock:
    nothing = {"since": None, "due_at": None, "remind_at": None}
    return clock.changed(state="paused", used_s=used(clock, at, rules), **nothing)


def pause(watch: Watch, clock: Clock, at: datetime, rules: Rules) -> Step:
    """It stands from `at` on. One that had run out by then goes on: it is missed, whoever has the ball now."""
    if clock.state == "paused" or clock.is_late(at):
        return watch, ()
    if clock.state == "missed":
        return _false_miss(watch, clock, at, rules)
    clock = standing(clock, at, rules)
    return watch.with_clock(clock), (given_out(ClockPaused, watch, clock, at),)


def _false_miss(watch: Watch, clock: Clock, at: datetime, rules: Rules) -> Step:
    """It had stopped before it ran out, as we hear now: the miss is taken back, and the promise goes on as the next."""
    watch, events = meet(watch, clock, at, rules)
    watch, nth = watch.counted(clock.target)
    anew = clock.changed(nth=nth, state="running", missed_at=None)
    anew = standing(anew, at, rules)
    return watch.with_clock(anew), (*events, given_out(ClockPaused, watch, anew, at))


def resume(watch: Watch, clock: Clock, at: datetime, rules: Rules) -> Step:
    if clock.state != "paused":
        return watch, ()
    clock = running(clock, at, rules)
    return watch.with_clock(clock), (given_out(ClockResumed, watch, clock, at),)


def miss(watch: Watch, clock: Clock, now: datetime, rules: Rules) -> Step:
    """The promise is broken, and help is called: one escalation for each miss."""
    assert clock.due_at is not None, "only a clock that runs can run out"
    late_s = (now - clock.due_at).total_seconds()
    missed = clock.changed(state="missed", missed_at=now, remind_at=None)
    watch, called, id_ = escalate.raise_for(watch.with_clock(missed), missed, now, rules)
    return watch, (alarm(TargetMissed, watch, missed, now, late_s=late_s, escalation_id=id_), *called)


def meet(watch: Watch, clock: Clock, at: datetime, rules: Rules) -> Step:
    """The promise is kept: in time, late, or in time although we had called it missed.

    Late without having been called missed (the timer was behind): the miss is told too, so that the same happens
    whenever we look.
    """
    if clock.is_late(at) and clock.state != "missed":
        watch, missed = miss(watch, clock, at, rules)
        watch, met = _met(watch, clock.changed(state="missed", missed_at=at), at)
        return watch, (*missed, *met)
    return _met(watch, clock, at)


def _met(watch: Watch, clock: Clock, at: datetime) -> Step:
    at = max(at, clock.started_at)  # an agent's clock may be behind ours
    late_s = max(0.0, (at - (clock.due_at or at)).total_seconds())
    corrected = clock.state == "missed" and not late_s
    over = clock.changed(state="met", ended_at=at, late_s=late_s, remind_at=None)
    event = given_out(TargetMet, watch, over, at, late_s=late_s, corrected=corrected)
    watch = watch.with_clock(over)
    if clock.state != "missed":
        return watch, (event,)
    watch, withdrawn = escalate.withdraw_of(watch, clock, at, corrected=corrected)
    return watch, (event, *withdrawn)


def end(watch: Watch, clock: Clock, at: datetime, rules: Rules) -> Step:
    """Nobody waits for it any more; in time there is nothing to tell."""
    if clock.state == "missed" or clock.is_late(at):
        return meet(watch, clock, at, rules)
    return watch.with_clock(clock.changed(state="ended", ended_at=at, remind_at=None)), ()


def again(watch: Watch, clock: Clock, at: datetime, rules: Rules) -> Step:
    """From nothing, silently; after a miss the next one runs instead."""
    if clock.state == "missed" or clock.is_late(at):
        watch, events = meet(watch, clock, at, rules)
        watch, _ = start(
            watch, clock.target, at, rules, limit_s=clock.limit_s, policy=clock.policy, calendar=clock.calendar,
            silently=True,
        )  # fmt: skip
        return watch, events
    fresh = clock.changed(used_s=0.0, reminded=0.0)
    if clock.since is not None:
        fresh = running(fresh, max(clock.since, at), rules)
    return watch.with_clock(fresh), ()


def relimit(
    watch: Watch, clock: Clock, at: datetime, rules: Rules, *, limit_s: float, calendar: str, policy: PolicyRef
) -> Step:
    """Another limit; the time used counts on. The new due time is told as `clock.resumed`. A miss stays one."""
    if clock.state == "missed" or (clock.limit_s, clock.calendar, clock.policy) == (limit_s, calendar, policy):
        return watch, ()
    spent = used(clock, at, rules)
    changed = clock.changed(
        limit_s=limit_s, calendar=calendar, policy=policy, used_s=spent, reminded=min(clock.reminded, spent / limit_s)
    )
    if clock.state == "paused":
        return watch.with_clock(changed), ()
    changed = running(changed, at, rules)
    told = changed.due_at != clock.due_at
    return watch.with_clock(changed), (given_out(ClockResumed, watch, changed, at),) if told else ()
