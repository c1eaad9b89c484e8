"""Which milestones the customer is told, once each: received, assigned, resolved."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from services.notify.domain import channel, log, render
from services.notify.domain.casefile import Casefile, Message, merged
from services.notify.domain.events import given_out
from services.notify.domain.rules import Rules, Template
from shared.decisions import Decision
from shared.events.assignments import CaseAssigned
from shared.events.base import CaseEvent
from shared.events.cases import CaseContactAdded, CaseOpened, CaseResolved
from shared.events.notifications import NotificationSuppressed
from shared.ids import named

NO_WAY = "no_way_to_reach"
DRILL = "drill"
SUPERSEDED = "superseded"
NOWHERE = "none"


def opened(state: Casefile | None, now: datetime, *, event: CaseOpened, cause: str, rules: Rules) -> Decision[Casefile]:
    """Tell the number, the expected time 预计处理周期 and the way of contact 沟通方式 (NT-1, NT-8)."""
    file = _file(state, event)
    file = file.model_copy(
        update={
            "customer": event.customer.id,
            "language": event.language,
            "reach": merged(event.customer.reach, file.reach),
            "channel": file.channel or event.channel,
            "drill": event.drill,
        }
    )
    minutes = rules.channels.expected_minutes[event.priority]
    values = {"expected": render.duration(minutes, rules.language(event.language, "received"))}
    return _tell(file, now, "received", values, cause=cause, rules=rules)


def contact_added(state: Casefile | None, now: datetime, *, event: CaseContactAdded) -> Decision[Casefile]:
    """The customer may be reached in a new way now; an amendment of an old contact does not change the channel."""
    file = _file(state, event)
    used = event.channel if event.revision == 1 or not file.channel else file.channel
    after = file.model_copy(update={"reach": merged(file.reach, event.reach), "channel": used})
    return Decision(state if state is not None and after == state else after)


def assigned(
    state: Casefile | None, now: datetime, *, event: CaseAssigned, cause: str, rules: Rules
) -> Decision[Casefile]:
    """The opening line with agent number and team 工号/部门 (NT-7), again only for another agent."""
    file = _file(state, event)
    if file.agent_id == event.agent_id:
        return Decision(file)
    file = file.model_copy(update={"agent_id": event.agent_id})
    values = {"agent_id": event.agent_id, "agent_name": event.agent_name, "team": event.team}
    outdated = next((m for m in file.messages if m.template == "assigned" and _untouched(m)), None)
    if outdated is None:
        return _tell(file, now, "assigned", values, cause=cause, rules=rules)
    return _instead(file, now, outdated, _tell_after(file, outdated, now, values, cause, rules))


def resolved(
    state: Casefile | None, now: datetime, *, event: CaseResolved, cause: str, rules: Rules
) -> Decision[Casefile]:
    """Tell that it is solved and how."""
    return _tell(_file(state, event), now, "resolved", {"resolution": event.resolution}, cause=cause, rules=rules)


def _file(state: Casefile | None, event: CaseEvent) -> Casefile:
    return state or Casefile(case_id=event.case_id, number=event.number)


def _tell(
    file: Casefile, now: datetime, milestone: str, values: Mapping[str, str], *, cause: str, rules: Rules
) -> Decision[Casefile]:
    id_ = named("notification", file.case_id, milestone, cause)
    if file.was_told(id_):
        return Decision(file)
    way = channel.best(file.channel, file.reach, rules)
    message = _written(file, id_, milestone, values, way or channel.Way(NOWHERE, ""), cause, rules)
    if file.drill or way is None:
        return _suppressed(file, now, message, DRILL if file.drill else NO_WAY)
    message = message.model_copy(update={"provider": rules.channels.channels[way.channel].providers[0], "next_at": now})
    return Decision(file.plus(message), note=log.queued(message, now))


def _written(
    file: Casefile, id_: str, milestone: str, values: Mapping[str, str], way: channel.Way, cause: str, rules: Rules
) -> Message:
    template = rules.templates.templates[milestone]
    language = rules.language(file.language, milestone)
    name = rules.channels.channels[way.channel].name[language] if way.to else ""
    every = {"number": file.number, "customer_name": render.person(file.reach.name), "way": name, **values}
    subject, text = _words(template, language, way, every, rules)
    return Message(
        id=id_, template=milestone, template_version=template.version, channel=way.channel, to=way.to,
        language=language, subject=subject, text=text, cause=cause,
    )  # fmt: skip


def _words(
    template: Template, language: str, way: channel.Way, values: Mapping[str, str], rules: Rules
) -> tuple[str, str]:
    if not way.to:
        return "", ""
    words, kind = template.words(language), rules.channels.channels[way.channel]
    source = words.short if kind.form == "short" and words.short else words.text
    return render.subject(words.subject, values) if kind.subject else "", render.text(source, values)


def _suppressed(file: Casefile, now: datetime, message: Message, why: str) -> Decision[Casefile]:
    return Decision(
        file.finish(message, "suppressed", now, why=why),
        (given_out(NotificationSuppressed, file, message, why=why),),
        log.suppressed(message, now, why=why),
    )


def _untouched(message: Message) -> bool:
    return message.state == "queued" and not message.open


def _tell_after(
    file: Casefile, outdated: Message, now: datetime, values: Mapping[str, str], cause: str, rules: Rules
) -> Decision[Casefile]:
    without = file.finish(outdated, "suppressed", now, why=SUPERSEDED)
    return _tell(without, now, "assigned", values, cause=cause, rules=rules)


def _instead(file: Casefile, now: datetime, outdated: Message, new: Decision[Casefile]) -> Decision[Casefile]:
    """What was not sent yet and is no longer true is not sent; the new words take its place in the log."""
    note = new.note and replace(new.note, data={**new.note.data, "supersedes": outdated.id})
    return Decision(new.state, (given_out(NotificationSuppressed, file, outdated, why=SUPERSEDED), *new.events), note)
