"""One message to one person, in his words and language; or why it is not sent."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notify.domain import channel, log, render
from services.notify.domain.casefile import Casefile, Message
from services.notify.domain.channel import Way
from services.notify.domain.events import given_out
from services.notify.domain.rules import Rules, Template
from services.notify.domain.speak import Tongue
from services.notify.domain.together import then
from shared.decisions import Decision, Note
from shared.events.base import CaseEvent
from shared.events.notifications import NotificationSuppressed
from shared.ids import named

NO_WAY = "no_way_to_reach"
DRILL = "drill"
SUPERSEDED = "superseded"
TOO_MANY = "too_many_waiting"
NOWHERE = Way("none", "")


@dataclass(frozen=True, slots=True)
class News:
    """What there is to tell: a milestone, the event that caused it, and the template's values in a language.

    `once`: what it is told once for, where that is not its cause. `about`: what a later fact may make untrue.
    """

    milestone: str
    cause: str
    say: Callable[[Tongue], Mapping[str, str]]
    once: str = ""
    about: str = ""


def file_of(state: Casefile | None, event: CaseEvent) -> Casefile:
    return state or Casefile(case_id=event.case_id, number=event.number)


def customer(file: Casefile, now: datetime, news: News, rules: Rules) -> Decision[Casefile]:
    language = rules.language(file.language, news.milestone)
    way = channel.best(file.channel, file.reach, rules)
    return _tell(file, now, news, _id(file, news), way, Tongue(language, rules))


def staff(file: Casefile, now: datetime, news: News, to: Iterable[str], rules: Rules) -> Decision[Casefile]:
    """Each desk once; nobody's desk is counted as no way to reach."""
    tongue = Tongue(rules.language(rules.channels.staff.language, news.milestone), rules)
    decision = Decision(file)
    for desk in dict.fromkeys(to) or ("",):
        way, id_ = channel.at_desk(desk, rules), _id(file, news, desk)
        decision = then(decision, _tell(decision.state, now, news, id_, way, tongue))
    return decision


def superseded(file: Casefile, now: datetime, milestone: str, about: str = "") -> Decision[Casefile]:
    """What was not sent yet and is no longer true is not sent."""
    decision = Decision(file)
    for message in file.messages:
        if (message.template, message.about) == (milestone, about) and message.untouched:
            line = log.line("suppressed", message, now, why=SUPERSEDED)
            decision = then(decision, _suppressed(decision.state, now, message, SUPERSEDED, line))
    return decision


def _id(file: Casefile, news: News, *recipient: str) -> str:
    return named("notification", file.case_id, news.milestone, news.once or news.cause, *recipient)


def _tell(file: Casefile, now: datetime, news: News, id_: str, way: Way | None, tongue: Tongue) -> Decision[Casefile]:
    if file.was_told(id_):
        return Decision(file)
    message = _written(file, id_, news, way or NOWHERE, tongue)
    if why := _why_not(file, way):
        return _suppressed(file, now, message, why, log.suppressed(message, now, why=why))
    first = tongue.rules.channels.channels[message.channel].providers[0]
    message = message.model_copy(update={"provider": first, "next_at": now})
    return Decision(file.plus(message), note=log.queued(message, now))


def _why_not(file: Casefile, way: Way | None) -> str:
    if file.drill:
        return DRILL
    if way is None:
        return NO_WAY
    return TOO_MANY if file.is_full else ""


def _written(file: Casefile, id_: str, news: News, way: Way, tongue: Tongue) -> Message:
    template = tongue.rules.templates.templates[news.milestone]
    name = tongue.rules.channels.channels[way.channel].name[tongue.language] if way.to else ""
    every = {"number": file.number, "customer_name": render.person(file.reach.name), "way": name}
    subject, text = _words(template, way, {**every, **news.say(tongue)}, tongue)
    return Message(
        id=id_, template=news.milestone, template_version=template.version, channel=way.channel, to=way.to,
        language=tongue.language, subject=subject, text=text, cause=news.cause, about=news.about,
    )  # fmt: skip


def _words(template: Template, way: Way, values: Mapping[str, str], tongue: Tongue) -> tuple[str, str]:
    if not way.to:
        return "", ""
    words, kind = template.words(tongue.language), tongue.rules.channels.channels[way.channel]
    source = words.short if kind.form == "short" and words.short else words.text
    return render.subject(words.subject, values) if kind.subject else "", render.text(source, values)


def _suppressed(file: Casefile, now: datetime, message: Message, why: str, note: Note) -> Decision[Casefile]:
    event = given_out(NotificationSuppressed, file, message, why=why)
    return Decision(file.finish(message, "suppressed", now, why=why), (event,), note)
