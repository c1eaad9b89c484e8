"""A broken promise calls for help (SL-4, SL-5): the front line, then the department concerned, then management.

Each call carries all that is known. Each level must acknowledge within its own time, or the next one is called;
that time runs in the calendar of the promise that was missed, so that nobody has to answer outside his hours for it.
"""

from collections.abc import Iterable
from datetime import datetime

from services.sla.domain.rules import Rules
from services.sla.domain.watch import Call, Clock, Escalation, Step, Watch
from shared.events.base import EventData
from shared.events.escalations import EscalationLevelRaised, EscalationRaised, EscalationWithdrawn
from shared.events.sla import PolicyRef, TargetMissed
from shared.ids import named

HIGHEST = 3
IN_TIME = "in_time"
DONE_LATE = "done_late"
OVERTAKEN = "overtaken"
RESOLVED = "resolved"
MERGED = "merged"
MOST_OPEN = 10
"""Of one case, beside those whose promise is still to be kept."""


def raise_for(watch: Watch, clock: Clock, now: datetime, rules: Rules) -> tuple[Watch, tuple[EventData, ...], str]:
    """The first level for one miss, and the id of what it set going."""
    id_ = named("escalation", watch.case_id, clock.target, clock.nth)
    escalation = Escalation(id=id_, target=clock.target, nth=clock.nth, calendar=clock.calendar, raised_at=now)
    watch, event = _call(watch, escalation, 1, now, rules, why=rules.words.missed_of(clock.target))
    watch, ended = _make_room(watch, now)
    return watch, (event, *ended), id_


def _make_room(watch: Watch, now: datetime) -> Step:
    """What departments look into although the promise was kept late does not pile up: the oldest of it ends."""
    missed = {clock.key for clock in watch.live_clocks}
    over = [e for e in watch.open_escalations if (e.target, e.nth) not in missed]
    first = sorted(over, key=lambda e: (not e.acknowledged, e.raised_at))
    events: tuple[EventData, ...] = ()
    for escalation in first[: max(0, len(watch.open_escalations) - MOST_OPEN)]:
        why = DONE_LATE if escalation.acknowledged else OVERTAKEN
        watch, told = _withdraw(watch, [escalation], now, why)
        events += told
    return watch, events


def climb(watch: Watch, escalation: Escalation, now: datetime, rules: Rules, *, why: str) -> Step:
    """The next level is called; there is none above the highest."""
    if escalation.last.level == HIGHEST:
        return watch.with_escalation(escalation.changed(climbing=False)), ()
    watch, event = _call(watch, escalation, escalation.last.level + 1, now, rules, why=why)
    return watch, (event,)


def _call(
    watch: Watch, escalation: Escalation, level: int, now: datetime, rules: Rules, *, why: str
) -> tuple[Watch, EventData]:
    watch, nth = watch.counted("escalation")
    department = rules.department(level, watch.category)
    due_at = rules.calendar(escalation.calendar).due_after(now, rules.acknowledge_within(level, watch.priority))
    call = Call(level=level, department=department, nth=nth, at=now, due_at=due_at, why=why)
    escalation = escalation.with_call(call).changed(climbing=True)
    event = _told(watch, escalation, rules)
    return watch.told(now, "sla", "escalated", f"{level}: {department}, {why}").with_escalation(escalation), event


def _told(watch: Watch, escalation: Escalation, rules: Rules) -> EventData:
    call = escalation.last
    kind = EscalationRaised if call.level == 1 else EscalationLevelRaised
    return kind(
        **watch.ids,
        escalation_id=escalation.id,
        level=call.level,
        department=call.department,
        drill=watch.drill,
        priority=watch.priority,
        target=escalation.target,
        category=watch.category,
        language=watch.language,
        description=watch.description,
        history=watch.history,
        tried=watch.tried,
        ask=rules.ask(call.level),
        contacts=rules.escalations.contacts.get(call.department, ()),
        due_at=call.due_at,
        why=call.why,
        agent_id=watch.agent_id,
        supervisor=watch.supervisor,
    )


def unanswered(watch: Watch, escalation: Escalation, now: datetime, rules: Rules) -> Step:
    """The last one called did not acknowledge in time: that is a miss of its own, and the next level is called."""
    call = escalation.last.changed(missed=True)
    late_s = max(0.0, (now - call.due_at).total_seconds())
    missed = TargetMissed(
        **watch.ids, **watch.owner, target="escalation", nth=call.nth, at=now, due_at=call.due_at,
        policy=policy_of(rules), late_s=late_s, party=call.department, escalation_id=escalation.id,
    )  # fmt: skip
    why = rules.words.unanswered_by(call.department)
    watch, called = climb(watch, escalation.with_call(call), now, rules, why=why)
    return watch, (missed, *called)


def policy_of(rules: Rules) -> PolicyRef:
    """What says how soon a department must answer."""
    return PolicyRef(id="escalations", version=rules.escalations.version)


def withdraw_of(watch: Watch, clock: Clock, at: datetime, *, corrected: bool) -> Step:
    """What a miss has set going is called off: it was none, or it was made good before anybody took it up."""
    mine = [e for e in watch.open_escalations if (e.target, e.nth) == clock.key]
    if corrected:
        return _withdraw(watch, mine, at, IN_TIME)
    return _withdraw(watch, [e for e in mine if not e.acknowledged], at, DONE_LATE)


def withdraw_all(watch: Watch, at: datetime, *, why: str) -> Step:
    return _withdraw(watch, watch.open_escalations, at, why)


def _withdraw(watch: Watch, escalations: Iterable[Escalation], at: datetime, why: str) -> Step:
    events: list[EventData] = []
    for escalation in escalations:
        events += called_off(watch, escalation, escalation.calls, why=why)
        over = escalation.changed(state="withdrawn", climbing=False, ended_at=at, why=why)
        watch = watch.with_escalation(over)
    return watch, tuple(events)


def called_off(watch: Watch, escalation: Escalation, calls: Iterable[Call], *, why: str) -> tuple[EventData, ...]:
    """Told to each department that was called."""
    return tuple(
        EscalationWithdrawn(
            **watch.ids, escalation_id=escalation.id, level=call.level, department=call.department, drill=watch.drill,
            why=why,
        )
        for call in calls
    )  # fmt: skip
