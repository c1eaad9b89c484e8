"""Which milestones of the case itself the customer is told: received, assigned, waiting, delay, merged, resolved."""

from datetime import datetime

from services.notify.domain import compose, upset
from services.notify.domain.casefile import Casefile, merged
from services.notify.domain.compose import News, file_of
from services.notify.domain.delay import delay
from services.notify.domain.rules import Rules
from services.notify.domain.speak import Tongue
from services.notify.domain.together import then
from shared.decisions import Decision
from shared.events.assignments import CaseAssigned, CaseQueued, CaseUnassigned
from shared.events.cases import (
    CaseAbsorbed,
    CaseContactAdded,
    CaseMerged,
    CaseNoted,
    CaseOpened,
    CaseResolved,
    CaseWaiting,
    Priority,
)


def opened(state: Casefile | None, now: datetime, *, event: CaseOpened, cause: str, rules: Rules) -> Decision[Casefile]:
    """Tell the number, the expected time 预计处理周期 and the way of contact 沟通方式 (NT-1, NT-8).

    What is missing is asked for here, and so once (IN-2). Whoever asked nothing is told nothing.
    """
    file = file_of(state, event)
    file = file.model_copy(
        update={
            "customer": event.customer.id,
            "language": event.language,
            "reach": merged(event.customer.reach, file.reach),
            "channel": file.channel or event.channel,
            "drill": event.drill,
            "unannounced": not event.asks,
        }
    )
    told = _received(file, now, event.priority, event.missing, cause, rules) if event.asks else Decision(file)
    return then(told, upset.heard(told.state, now, event.sentiment, cause, rules))


def contact_added(
    state: Casefile | None, now: datetime, *, event: CaseContactAdded, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The customer may be reached in a new way now; an amendment, or a call of ours, does not change his channel.

    Whoever writes into a case that our own call opened is told of it as if he had opened it.
    """
    file = file_of(state, event)
    uses = event.asks and not event.amends
    used = event.channel if uses or not file.channel else file.channel
    after = _known(file, event).model_copy(update={"channel": used})
    known = state if state is not None and after == state else after
    told = Decision(known)
    if uses and event.priority and known.unannounced:
        told = _received(_announced(known), now, event.priority, event.missing, cause, rules)
    return then(told, upset.heard(told.state, now, event.sentiment, cause, rules))


def _received(
    file: Casefile, now: datetime, priority: Priority, missing: tuple[str, ...], cause: str, rules: Rules
) -> Decision[Casefile]:
    def say(tongue: Tongue) -> dict[str, str]:
        return {"expected": tongue.expected(priority), "missing": tongue.missing(missing)}

    return compose.customer(file, now, News("received", cause, say), rules)


def _announced(file: Casefile) -> Casefile:
    return file.model_copy(update={"unannounced": False})


def queued(state: Casefile | None, now: datetime, *, event: CaseQueued, cause: str, rules: Rules) -> Decision[Casefile]:
    """Nobody has the case: what is to be said of it is said to the supervisors of the pool."""
    nobody = {"agent_id": "", "supervisor": "", "pool": event.pool}
    return upset.warned(file_of(state, event).model_copy(update=nobody), now, rules)


def unassigned(state: Casefile | None, now: datetime, *, event: CaseUnassigned) -> Decision[Casefile]:
    file = file_of(state, event)
    if file.agent_id != event.agent_id:
        return Decision(file)
    return Decision(file.model_copy(update={"agent_id": "", "supervisor": ""}))


def assigned(
    state: Casefile | None, now: datetime, *, event: CaseAssigned, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The opening line with agent number and team 工号/部门 (NT-7), again only for another agent."""
    file = file_of(state, event)
    known = file.introduced == event.agent_id
    owner = {"agent_id": event.agent_id, "supervisor": event.supervisor or "", "introduced": event.agent_id}
    file = _announced(file).model_copy(update=owner)
    if known:
        return Decision(file)
    values = {"agent_id": event.agent_id, "agent_name": event.agent_name, "team": event.team}
    outdated = compose.superseded(file, now, "assigned")
    news = News("assigned", cause, lambda _: values)
    return then(outdated, compose.customer(outdated.state, now, news, rules))


def waiting(
    state: Casefile | None, now: datetime, *, event: CaseWaiting, cause: str, rules: Rules
) -> Decision[Casefile]:
    """For which third party and until when (NT-10). A customer who is waited for was asked by the agent."""
    file = file_of(state, event)
    if event.on != "third_party":
        return Decision(file)
    news = News("waiting", cause, lambda tongue: {"party": event.party or "", "until": tongue.moment(event.promise_at)})
    return compose.customer(file, now, news, rules)


def noted(state: Casefile | None, now: datetime, *, event: CaseNoted, cause: str, rules: Rules) -> Decision[Casefile]:
    """A delay is told with its reason, the remedy and the new time (NT-2, NT-9); other remarks are internal."""
    file = file_of(state, event)
    if event.kind != "delay":
        return Decision(file)
    news = delay(cause, reason=event.why, remedy=event.remedy, until=event.promise_at)
    return compose.customer(file, now, news, rules)


def resolved(
    state: Casefile | None, now: datetime, *, event: CaseResolved, cause: str, rules: Rules
) -> Decision[Casefile]:
    """Tell that it is solved and how."""
    news = News("resolved", cause, lambda _: {"resolution": event.resolution})
    return compose.customer(file_of(state, event), now, news, rules)


def case_merged(
    state: Casefile | None, now: datetime, *, event: CaseMerged, cause: str, rules: Rules
) -> Decision[Casefile]:
    """Tell the number under which it goes on; whoever asks by the old one is understood all the same."""
    news = News("merged", cause, lambda _: {"into": event.into_number})
    return compose.customer(file_of(state, event), now, news, rules)


def absorbed(state: Casefile | None, now: datetime, *, event: CaseAbsorbed) -> Decision[Casefile]:
    """The customer may be reached in the ways that the other case knew too."""
    file = file_of(state, event)
    after = _known(file, event)
    return Decision(file if after == file else after)


def _known(file: Casefile, event: CaseContactAdded | CaseAbsorbed) -> Casefile:
    """Who the customer is, and how he may be reached, as far as it is known by now."""
    known = {"customer": event.customer_id or file.customer, "reach": merged(file.reach, event.reach)}
    return file.model_copy(update=known)
