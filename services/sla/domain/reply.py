"""What a department answers to a call (SL-5, SL-14): it takes it, tells how it goes, has settled it, or can't help."""

from collections.abc import Callable
from datetime import datetime

from services.sla.domain import escalate
from services.sla.domain.inactivity import stir
from services.sla.domain.rules import Rules
from services.sla.domain.watch import MAX_LINE, MOST_REPLIES, Call, Escalation, Reply, Step, Watch, beginning
from shared.clock import to_milliseconds
from shared.decisions import Decision, Note, Refused
from shared.events.base import EventData
from shared.events.escalations import Answer, EscalationReply
from shared.events.sla import EscalationAnswered, TargetMet

MAX_TEXT = 8 * 1024
Answered = Callable[[Watch, Escalation, Call, Reply, datetime, Rules], Step]


def answer(
    state: Watch | None, now: datetime, *, reply: EscalationReply, said: Answer, at: datetime, rules: Rules
) -> Decision[Watch]:
    """Raises Refused `unknown_case`, `unknown_escalation` (404), `not_called` (409). What is over stays over."""
    watch = _known(state)
    escalation = _found(watch, reply)
    if _was_called_off(escalation, reply):
        return Decision(watch)
    call = _called(escalation, reply)
    if escalation.state != "open":
        return Decision(watch)
    kept = _kept(reply, said, max(call.at, min(at, now)))
    escalation = escalation.changed(replies=(*escalation.replies, kept)[-MOST_REPLIES:])
    after = watch.told(kept.at, reply.by or reply.department, f"escalation.{said}", reply.text)
    after, events = _ANSWERS[said](after, escalation, call, kept, now, rules)
    after, stirred = (after, ()) if said == "refused" else stir(after, kept.at, rules)  # to refuse is no progress
    answered = _answered(after, watch, escalation, call, reply, said)
    return Decision(after, (answered, *events, *stirred), _note(reply, said, kept.at))


def _known(state: Watch | None) -> Watch:
    if state is None:
        raise Refused("unknown_case", "sla watches no such case", field="case_id", status=404)
    return state


def _found(watch: Watch, reply: EscalationReply) -> Escalation:
    found = watch.escalation(reply.escalation_id)
    if found is None:
        message = f"case {watch.number} has no escalation {reply.escalation_id}"
        raise Refused("unknown_escalation", message, field="escalation_id", status=404)
    return found


def _was_called_off(escalation: Escalation, reply: EscalationReply) -> bool:
    """It had begun to answer before it heard that it need not."""
    return reply.department in escalation.called_off and all(c.department != reply.department for c in escalation.calls)


def _called(escalation: Escalation, reply: EscalationReply) -> Call:
    found = next((call for call in reversed(escalation.calls) if call.department == reply.department), None)
    if found is None:
        called = ", ".join(call.department for call in escalation.calls)
        message = f"{reply.department} was not called for it; called were: {called}"
        raise Refused("not_called", message, field="department")
    return found


def _kept(reply: EscalationReply, said: Answer, at: datetime) -> Reply:
    return Reply(
        at=at, department=reply.department, answer=said, by=reply.by, text=beginning(reply.text, MAX_LINE),
        reproduced=reply.reproduced, responsible=_cut(reply.responsible),
        fix_at=to_milliseconds(reply.fix_at) if reply.fix_at else None,
    )  # fmt: skip


def _cut(text: str | None) -> str | None:
    return beginning(text, MAX_LINE) if text else None


def _take(watch: Watch, escalation: Escalation, call: Call, reply: Reply, now: datetime, rules: Rules) -> Step:
    """Somebody has it: nobody above is called. In time although we called the next: that is taken back."""
    corrected = _was_in_time(call, reply)
    met = _met(watch, call, reply, rules)
    escalation = escalation.with_call(call.changed(answered_at=call.answered_at or reply.at))
    escalation = escalation.changed(climbing=False, acknowledged=True)
    if not corrected or any(c.answered_at for c in escalation.calls if c.level > call.level):
        return watch.with_escalation(escalation), met
    above = [c for c in escalation.calls if c.level > call.level]
    off = escalate.called_off(watch, escalation, above, why=escalate.IN_TIME)
    kept = escalation.changed(
        calls=tuple(c for c in escalation.calls if c.level <= call.level), called_off=tuple(c.department for c in above)
    )
    return watch.with_escalation(kept), (*met, *off)


def _was_in_time(call: Call, reply: Reply) -> bool:
    """Although it was called missed: we read it late."""
    return call.missed and call.answered_at is None and reply.at <= call.due_at


def _met(watch: Watch, call: Call, reply: Reply, rules: Rules) -> tuple[EventData, ...]:
    """The level's own promise to answer; told at its first answer."""
    if call.answered_at is not None:
        return ()
    late_s = max(0.0, (reply.at - call.due_at).total_seconds())
    event = TargetMet(
        **watch.ids, target="escalation", nth=call.nth, at=reply.at, due_at=call.due_at,
        policy=escalate.policy_of(rules), late_s=late_s, corrected=_was_in_time(call, reply),
    )  # fmt: skip
    return (event,)


def _settle(watch: Watch, escalation: Escalation, call: Call, reply: Reply, now: datetime, rules: Rules) -> Step:
    """It is over; whoever else was called is told so."""
    watch, taken = _take(watch, escalation, call, reply, now, rules)
    escalation = watch.escalation(escalation.id) or escalation
    others = [c for c in escalation.calls if c.department != call.department]
    why = rules.words.resolved_by(call.department)
    off = escalate.called_off(watch, escalation, others, why=why)
    over = escalation.changed(state="resolved", ended_at=reply.at, why=why)
    return watch.with_escalation(over), (*taken, *off)


def _refuse(watch: Watch, escalation: Escalation, call: Call, reply: Reply, now: datetime, rules: Rules) -> Step:
    """The next level is called at once. The highest has nobody above it: its no is kept, and nobody is called.

    A no in time that is read late takes no call back: the level above would have been called even earlier.
    """
    met = _met(watch, call, reply, rules)
    escalation = escalation.with_call(call.changed(answered_at=call.answered_at or reply.at))
    if call.level < escalation.last.level:
        return watch.with_escalation(escalation), met
    why = rules.words.refused_by(call.department, reply.text)
    watch, called = escalate.climb(watch, escalation, now, rules, why=why)
    return watch, (*met, *called)


_ANSWERS: dict[Answer, Answered] = {
    "acknowledged": _take,
    "progress": _take,
    "resolved": _settle,
    "refused": _refuse,
}


def _answered(
    after: Watch, before: Watch, escalation: Escalation, call: Call, reply: EscalationReply, said: Answer
) -> EscalationAnswered:
    left = after.escalation(escalation.id)
    return EscalationAnswered(
        **after.ids, escalation_id=escalation.id, department=call.department, level=call.level, answer=said,
        by=reply.by, text=beginning(reply.text, MAX_TEXT), reproduced=reply.reproduced,
        responsible=_cut(reply.responsible), fix_at=reply.fix_at, delays=_delays(before, reply.fix_at),
        stands=left.last.level if left and left.state == "open" else 0,
    )  # fmt: skip


def _delays(watch: Watch, fix_at: datetime | None) -> bool:
    """Whether the fix comes after the solution is due (NT-2)."""
    promised = watch.live("resolution")
    return bool(fix_at and promised and promised.is_late(fix_at))


def _note(reply: EscalationReply, said: Answer, at: datetime) -> Note:
    data = {"escalation_id": reply.escalation_id, "department": reply.department}
    return Note(at, f"escalation.{said}", reply.by or reply.department, beginning(reply.text, MAX_TEXT), data)
