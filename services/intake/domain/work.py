"""What an agent did on a case: one decision per verb that intake decides (`work.<verb>`).

The case keeps the beginning of long words; the timeline keeps them whole.

Refused: `unknown_case` (404), `wrong_transition` and `merged_case` (409), `missing_field` and `unknown_category` (422).
"""

from collections.abc import Callable
from datetime import datetime

from services.intake.domain.case import MAX_ATTEMPT, MAX_TRIED, Case, Status, beginning
from services.intake.domain.close import closed, closing, lacking_for_close
from services.intake.domain.correct_summary import correct_summary
from services.intake.domain.lifecycle import OPEN, back_to_work, check, wrong_transition
from services.intake.domain.reclassify import reclassify
from services.intake.domain.remote import check_sessions, with_session
from services.intake.domain.reopen import reopened
from services.intake.domain.rules import Rules
from services.intake.domain.summary import refreshed
from services.intake.domain.tried import newly_tried
from shared.clock import to_milliseconds
from shared.decisions import Decision, Note, Refused
from shared.events.base import EventData
from shared.events.cases import (
    CaseClosed,
    CaseNoted,
    CaseReopened,
    CaseResolved,
    CaseResponded,
    CaseResumed,
    CaseWaiting,
    Promise,
)
from shared.events.work import Work

MAX_RESULT = 1_000
MAX_EVIDENCE = 10
MAX_LINE = 300
DONE = (CaseResponded, CaseWaiting, CaseResumed, CaseResolved, CaseClosed)
"""What keeps, stops or ends a promise, and so says when it was done."""
Step = tuple[Case, tuple[EventData, ...]]


def decide_work(state: Case | None, now: datetime, *, work: Work, verb: str, rules: Rules) -> Decision[Case]:
    """`verb` is one of INTAKE_VERBS. Only a case that was opened can be worked on, and only as its status allows."""
    case = _known(state, work)
    check(case, verb)
    told = with_session(_has_tried(case, work), work.remote, rules)
    after, (first, *more) = _VERBS[verb](told, now, work, rules)
    events = (first.model_copy(update={"tried": newly_tried(case, after)}), *more)
    return Decision(refreshed(after, rules), _as_of(events, case, now, work), _note(work, verb, now))


def _as_of(events: tuple[EventData, ...], case: Case, now: datetime, work: Work) -> tuple[EventData, ...]:
    """They say when the work was done, so that a promise kept while we could not hear of it counts as kept.

    A moment ahead of us, or before there was a case, is a desktop's wrong clock: then ours counts.
    """
    if work.at is None or not case.opened_at <= (done_at := to_milliseconds(work.at)) < now:
        return events
    return tuple(e.model_copy(update={"happened_at": done_at}) if isinstance(e, DONE) else e for e in events)


def pass_on(state: Case | None, now: datetime, *, work: Work, verb: str) -> Decision[Case]:
    """A verb that routing decides, told to intake's door: it is written down and passed on."""
    return Decision(_known(state, work), note=_note(work, verb, now))


def _known(state: Case | None, work: Work) -> Case:
    if state is None:
        raise Refused("unknown_case", f"there is no case {work.case_id}", field="case_id", status=404)
    return state


def _has_tried(case: Case, work: Work) -> Case:
    lines = tuple(filter(None, (_cut(line, MAX_ATTEMPT) for line in work.tried or ())))
    return case.changed(tried=(*case.tried, *lines)[-MAX_TRIED:]) if lines else case


def respond(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """The first answer stops the clock of the first response; with a promise (SL-13) it says what and until when.

    Coming back to the customer keeps what was promised before.
    """
    if work.promise and work.promise_at is None:
        raise _missing("promise_at", "a promise needs the time until which it holds")
    until = _until(work)
    promise = Promise(what=_cut(work.promise or work.text, MAX_RESULT) or "", until=until) if until else None
    event = CaseResponded(
        **case.ids, by=work.agent_id, first=case.first_responded_at is None, channel=case.channel,
        text=_cut(work.text, MAX_RESULT), promise=promise,
    )  # fmt: skip
    after = case.changed(
        status="in_progress" if case.status == "assigned" else case.status,
        first_responded_at=case.first_responded_at or now,
        awaits_answer=False,
        promise=promise,
    )
    return after, (event,)


def note(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    if not (work.text or "").strip():
        raise _missing("text", "a note needs words")
    text, why = beginning(work.text)[0] or "", _cut(work.reason, MAX_LINE) or ""
    return case, (CaseNoted(**case.ids, by=work.agent_id, text=text, why=why),)


def wait(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """On a third party where one is named, else on the customer, unless `on` says which."""
    on = work.on or ("third_party" if work.party else "customer")
    status: Status = "waiting_third_party" if on == "third_party" else "waiting_customer"
    party, until = _cut(work.party, MAX_LINE), _until(work)
    event = CaseWaiting(**case.ids, by=work.agent_id, on=on, party=party, promise_at=until)
    return case.changed(status=status, waiting_party=party, waiting_until=until), (event,)


def resume(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    event = CaseResumed(
        **case.ids, by=work.agent_id, on="third_party" if case.status == "waiting_third_party" else "customer"
    )
    return case.changed(status=back_to_work(case), waiting_party=None, waiting_until=None), (event,)


def resolve(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """Result, cause and evidence are kept (IN-18); the case closes by itself later unless the customer comes back.

    Nothing is promised any more: the solution keeps all that was.
    """
    after = case.changed(
        status="resolved",
        resolved_at=now,
        auto_close_at=now + rules.lifecycle.auto_close_after,
        resolution=_cut(work.result or work.text, MAX_RESULT),
        cause=_cause(work, rules),
        evidence=_evidence(work),
        measure=_cut(work.measure, MAX_RESULT),
        awaits_answer=False,
        promise=None,
        waiting_party=None,
        waiting_until=None,
    )
    check_sessions(after, rules)
    _check_evidence(after, rules)
    return after, (_resolved(after, work.agent_id),)


def close(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """Closes a resolved case; with a result also an open one, solved and closed at once (RT-15)."""
    if case.status in OPEN:
        case, events = _solved_at_once(case, now, work, rules)
    else:
        case, events = _completed(case, work, rules), ()
    check_sessions(case, rules)
    _check_complaint(case)
    event: CaseClosed = closing(case, by=work.agent_id, how="agent", why=work.reason or work.text or "")
    return closed(case, now), (*events, event)


def reopen(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    after, reason = reopened(case), work.reason or work.text or ""
    return after, (CaseReopened(**case.ids, by=work.agent_id, reason=reason, tried=newly_tried(case, after)),)


def notice_delay(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """Something will be late (NT-2): why, what is offered instead, until when now.

    The new time is a third party's while we wait for one that has promised one, else ours.
    """
    reason = work.reason or work.text
    if not reason:
        raise _missing("reason", "a delay needs its reason")
    until = _until(work)
    event = CaseNoted(
        **case.ids, by=work.agent_id, kind="delay", why=reason, text=work.text or "", remedy=work.remedy,
        promise_at=until,
    )  # fmt: skip
    return (_put_off(case, until, work) if until else case), (event,)


def _put_off(case: Case, until: datetime, work: Work) -> Case:
    if case.status == "waiting_third_party" and case.waiting_until:
        return case.changed(waiting_until=until)
    what = case.promise.what if case.promise else _cut(work.remedy or work.text, MAX_RESULT) or ""
    return case.changed(promise=Promise(what=what, until=until))


def on_two_cases(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    """Merge, link and split need the other case too; one that waited in a document until now has to be told again."""
    raise Refused("other_case_needed", f"{work.once} was not done when its turn came; replay it", field="to")


_VERBS: dict[str, Callable[[Case, datetime, Work, Rules], Step]] = {
    "responded": respond,
    "noted": note,
    "waiting": wait,
    "resumed": resume,
    "reclassified": reclassify,
    "resolved": resolve,
    "closed": close,
    "reopened": reopen,
    "delay_noticed": notice_delay,
    "merged": on_two_cases,
    "linked": on_two_cases,
    "split": on_two_cases,
    "summarised": correct_summary,
}


def _cause(work: Work, rules: Rules) -> str | None:
    """The cause under the name by which it is counted; in the agent's own words where the rules do not know it."""
    said = (work.cause or "").strip()[:MAX_LINE]
    names = {alias.casefold(): name for name, aliases in rules.lifecycle.causes.items() for alias in (name, *aliases)}
    return names.get(said.casefold(), said) or None


def _solved_at_once(case: Case, now: datetime, work: Work, rules: Rules) -> Step:
    if case.kind != "complaint" and not work.result:
        raise wrong_transition(case, "closed", " and has no result")
    return resolve(case, now, work.model_copy(update={"text": None}), rules)


def _completed(case: Case, work: Work, rules: Rules) -> Case:
    """A resolved case may still get its result, cause, evidence and measure with the closing."""
    return case.changed(
        resolution=_cut(work.result, MAX_RESULT) or case.resolution,
        cause=_cause(work, rules) or case.cause,
        evidence=_evidence(work) or case.evidence,
        measure=_cut(work.measure, MAX_RESULT) or case.measure,
    )


def _evidence(work: Work) -> tuple[str, ...]:
    return tuple(line[:MAX_LINE] for line in work.evidence[:MAX_EVIDENCE])


def _check_complaint(case: Case) -> None:
    lacking = lacking_for_close(case)
    if lacking:
        message = f"a complaint is closed only with its result and the measure taken; missing: {', '.join(lacking)}"
        raise _missing(lacking[0], message)


def _check_evidence(case: Case, rules: Rules) -> None:
    """Where the rules ask for it, a fault is solved with its cause and what shows it (IN-18)."""
    needed = rules.lifecycle.evidence_needed_for
    if not any(case.kind in n.kinds and case.category[: len(n.category)] == n.category for n in needed):
        return
    if not case.cause:
        causes = ", ".join(rules.lifecycle.causes)
        raise _missing("cause", f"such a case is solved with its cause: {causes}, or in your own words")
    if not case.evidence:
        raise _missing("evidence", "such a case is solved with evidence: logs, a hardware test, the customer's words")


def _resolved(case: Case, by: str) -> CaseResolved:
    return CaseResolved(
        **case.ids, by=by, resolution=case.resolution or "", cause=case.cause, evidence=case.evidence,
        measure=case.measure, remote=case.remote,
    )  # fmt: skip


def _missing(field: str, message: str) -> Refused:
    return Refused("missing_field", message, field=field, status=422)


def _cut(text: str | None, limit: int) -> str | None:
    return (text or "").strip()[:limit] or None


def _until(work: Work) -> datetime | None:
    return to_milliseconds(work.promise_at) if work.promise_at else None


def _note(work: Work, verb: str, now: datetime) -> Note:
    said = work.model_dump(exclude={"id", "agent_id", "case_id", "text"}, exclude_defaults=True)
    return Note(at=now, kind=verb, by=work.agent_id, text=work.text or work.reason or work.result or "", data=said)
