"""Sla follows the life of a case (`cases.v1`): which clocks start, stand, run on and end. Intake decides.

A case that was never opened here is not watched. `at` is when intake decided it, not when it is read; work that an
agent did before, while intake could not hear of it, counts as of when he did it (`happened_at`).
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, cast

from services.sla.domain import clock, escalate, promise
from services.sla.domain.inactivity import settle, stir
from services.sla.domain.rules import Rules
from services.sla.domain.targets import PROMISED, Promised, look_up_again, watch_inactivity
from services.sla.domain.targets import promise as promised
from services.sla.domain.watch import SETTLED, Move, Status, Step, Watch, in_turn
from shared.decisions import Decision
from shared.events.base import EventData
from shared.events.cases import (
    CaseAbsorbed,
    CaseClosed,
    CaseContactAdded,
    CaseFactsChecked,
    CaseMerged,
    CaseNoted,
    CaseOpened,
    CaseReclassified,
    CaseReopened,
    CaseReprioritised,
    CaseResolved,
    CaseResponded,
    CaseResumed,
    CaseWaiting,
)

CUSTOMER = "customer"
RULES = "rules"
"""Who did it where no person of ours did."""


def follow(state: Watch | None, now: datetime, *, event: EventData, at: datetime, rules: Rules) -> Decision[Watch]:
    """What does not move a clock (a link, a summary) changes nothing."""
    if isinstance(event, CaseOpened):
        return Decision(*opened(event, at, rules))
    step = _FOLLOWED.get(type(event))
    if state is None or step is None:
        return Decision(cast(Watch, state))
    at = getattr(event, "happened_at", None) or at
    watch = state.told(at, _by(event), event.TYPE.removeprefix("case."), _words(event))
    watch = watch.has_tried(*getattr(event, "tried", ()))
    return Decision(*step(watch, event, at, rules))


def opened(event: CaseOpened, at: datetime, rules: Rules) -> Step:
    watch = Watch(
        case_id=event.case_id, number=event.number, customer_id=event.customer.id, channel=event.channel,
        language=event.language, tier=event.customer.tier, category=event.category, kind=event.kind,
        priority=event.priority, drill=event.drill, opened_at=at,
    ).told(at, CUSTOMER, "opened", event.text or event.subject)  # fmt: skip
    answer = [partial(promised, target="first_response", at=at, rules=rules)] if event.asks else []
    return in_turn(
        watch.is_about(event.subject, event.text).has_tried(*event.tried),
        *answer,
        partial(promised, target="resolution", at=at, rules=rules),
        partial(watch_inactivity, at=at, rules=rules),
    )


def contact_added(watch: Watch, event: CaseContactAdded, at: datetime, rules: Rules) -> Step:
    """The customer waits for an answer again; an amendment of what he said asks for none, nor do his thanks."""
    watch, events = better_known(watch, event, at, rules)
    if event.amends or not event.asks or watch.status in SETTLED:
        return watch, events
    watch, started = _wants_an_answer(watch, at, rules)
    return watch, (*events, *started)


def better_known(
    watch: Watch, event: CaseContactAdded | CaseAbsorbed | CaseFactsChecked, at: datetime, rules: Rules
) -> Step:
    """Another tier may mean another policy."""
    if event.tier in (None, watch.tier):
        return watch, ()
    return look_up_again(watch.changed(tier=event.tier), at, rules)


def _wants_an_answer(watch: Watch, at: datetime, rules: Rules) -> Step:
    """One answer at a time is promised: what is said meanwhile waits for that one."""
    waits = watch.live("first_response") or watch.live("next_response")
    return (watch, ()) if waits else promised(watch, "next_response", at, rules)


def responded(watch: Watch, event: CaseResponded, at: datetime, rules: Rules) -> Step:
    moves: list[Move] = [
        _met("first_response", at, rules),
        _met("next_response", at, rules),
        partial(promise.keep_ours, at=at, rules=rules),
        partial(stir, at=at, rules=rules),
    ]
    if made := event.promise:
        moves.append(partial(promise.make, at=at, until=made.until, rules=rules, what=made.what))
    return in_turn(watch.has_tried(event.text), *moves)


def noted(watch: Watch, event: CaseNoted, at: datetime, rules: Rules) -> Step:
    moves: list[Move] = [partial(stir, at=at, rules=rules)]
    if event.kind == "delay" and event.promise_at:
        moves.append(partial(promise.move, at=at, until=event.promise_at, rules=rules))
    return in_turn(watch.has_tried(event.text or event.why), *moves)


def waiting(watch: Watch, event: CaseWaiting, at: datetime, rules: Rules) -> Step:
    """The customer has the ball: nothing runs. A third party stops nothing, it is held to its own promise (SL-8)."""
    if event.on == "customer":
        return _becomes(watch, "waiting_customer", at, rules, stirred=True)
    return _waits_for(watch, event.party, event.promise_at, at, rules)


def _waits_for(watch: Watch, party: str | None, until: datetime | None, at: datetime, rules: Rules) -> Step:
    watch, events = _becomes(watch, "waiting_third_party", at, rules, stirred=True)
    if until is None:
        return watch, events
    watch, made = promise.make(watch, at, until, rules, party=party or "third_party")
    return watch, (*events, *made)


def resumed(watch: Watch, event: CaseResumed, at: datetime, rules: Rules) -> Step:
    watch, events = _becomes(watch, "open", at, rules, stirred=event.by != CUSTOMER)
    if event.on == "customer":
        return watch, events
    watch, kept = promise.keep_theirs(watch, at, rules)
    return watch, (*events, *kept)


def reclassified(watch: Watch, event: CaseReclassified, at: datetime, rules: Rules) -> Step:
    """Ours only where a person did it: the rules reclassify when a customer says more."""
    watch = watch.changed(category=event.to, kind=event.kind or watch.kind)
    watch, events = look_up_again(watch, at, rules)
    watch, stirred = (watch, ()) if event.by == RULES else stir(watch, at, rules)
    return watch, (*events, *stirred)


def reprioritised(watch: Watch, event: CaseReprioritised, at: datetime, rules: Rules) -> Step:
    return look_up_again(watch.changed(priority=event.to), at, rules)


def settled(watch: Watch, event: CaseResolved | CaseClosed, at: datetime, rules: Rules) -> Step:
    """All that was promised is kept by now, late or in time; nobody has to help any more."""
    status: Status = "resolved" if isinstance(event, CaseResolved) else "closed"
    kept = [one for one in watch.live_clocks if one.target in (*PROMISED, "promise")]
    return in_turn(
        watch.changed(status=status),
        *(partial(clock.meet, clock=one, at=at, rules=rules) for one in kept),
        partial(settle, at=at, rules=rules),
        partial(escalate.withdraw_all, at=at, why=escalate.RESOLVED),
    )


def merged(watch: Watch, event: CaseMerged, at: datetime, rules: Rules) -> Step:
    """What was promised is kept, or not, in the other case: nothing that was in time counts here."""
    ours = [one for one in watch.live_clocks if one.target in (*PROMISED, "promise")]
    return in_turn(
        watch.changed(status="closed"),
        *(partial(clock.end, clock=one, at=at, rules=rules) for one in ours),
        partial(settle, at=at, rules=rules),
        partial(escalate.withdraw_all, at=at, why=escalate.MERGED),
    )


def absorbed(watch: Watch, event: CaseAbsorbed, at: datetime, rules: Rules) -> Step:
    """What we or a third party promised in the other case is kept here, and whoever got no answer there waits for one
    here.

    An escalation of the other is called off there; what it was about is watched by the clocks that run here.
    """
    moves: list[Move] = [partial(better_known, event=event, at=at, rules=rules)]
    if event.unanswered:
        moves.append(partial(_wants_an_answer, at=at, rules=rules))
    if watch.status == "waiting_customer":
        moves.append(partial(_with, step=clock.pause, target="next_response", at=at, rules=rules))
    if made := event.promise:
        moves.append(partial(promise.make, at=at, until=made.until, rules=rules, what=made.what))
    if event.party is not None:
        moves.append(partial(_waits_for, party=event.party, until=event.party_until, at=at, rules=rules))
    return in_turn(watch.is_about(event.subject, event.text), *moves)


def reopened(watch: Watch, event: CaseReopened, at: datetime, rules: Rules) -> Step:
    """To be solved a second time; a customer who reopens it also waits for an answer."""
    moves: list[Move] = [partial(_wants_an_answer, at=at, rules=rules)] if event.by == CUSTOMER else []
    return in_turn(
        watch.changed(status="open"),
        *moves,
        partial(promised, target="resolution", at=at, rules=rules),
        partial(watch_inactivity, at=at, rules=rules),
    )


_FOLLOWED: dict[type[EventData], Callable[[Watch, Any, datetime, Rules], Step]] = {
    CaseContactAdded: contact_added,
    CaseResponded: responded,
    CaseNoted: noted,
    CaseWaiting: waiting,
    CaseResumed: resumed,
    CaseReclassified: reclassified,
    CaseReprioritised: reprioritised,
    CaseFactsChecked: better_known,
    CaseResolved: settled,
    CaseClosed: settled,
    CaseMerged: merged,
    CaseAbsorbed: absorbed,
    CaseReopened: reopened,
}


def _met(target: Promised, at: datetime, rules: Rules) -> Move:
    def move(watch: Watch) -> Step:
        running = watch.live(target)
        return clock.meet(watch, running, at, rules) if running else (watch, ())

    return move


def _becomes(watch: Watch, status: Status, at: datetime, rules: Rules, *, stirred: bool) -> Step:
    """The clocks stand exactly while the customer has the ball."""
    step = clock.pause if status == "waiting_customer" else clock.resume
    moves: list[Move] = [partial(stir, at=at, rules=rules)] if stirred else []
    ours = [one.target for one in watch.live_clocks if one.target in (*PROMISED, "inactivity")]
    moves += [partial(_with, step=step, target=target, at=at, rules=rules) for target in ours]
    return in_turn(watch.changed(status=status), *moves)


def _with(watch: Watch, *, step: Callable[..., Step], target: Any, at: datetime, rules: Rules) -> Step:
    running = watch.live(target)
    return step(watch, running, at, rules) if running else (watch, ())


def _by(event: Any) -> str:
    return getattr(event, "by", CUSTOMER)


def _words(event: Any) -> str:
    """What it says, for whoever is called for help."""
    match event:
        case CaseWaiting():
            return " ".join(filter(None, (event.on, event.party)))
        case CaseFactsChecked():
            return " ".join(event.flags)
        case CaseReclassified() | CaseReprioritised():
            return f"{_path(event.was)} -> {_path(event.to)}"
        case _:
            said = (getattr(event, field, None) for field in ("text", "resolution", "reason", "why"))
            return next(filter(None, said), "")


def _path(what: str | tuple[str, ...]) -> str:
    return what if isinstance(what, str) else " / ".join(what)
