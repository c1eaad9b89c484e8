"""Self-service (IN-11): a question is answered from the knowledge base, or a person takes over at once.

A person takes over when he is asked for, when no entry is sure enough, when the steps of an entry are at their end, and
after many questions; also when the customer system does not say how an order stands. From then on whatever is said in
the conversation goes to the case.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.intake.domain.case import Case, beginning
from services.intake.domain.entry import Wording
from services.intake.domain.knowledge import Found, Library, brief
from services.intake.domain.language import language_of
from services.intake.domain.order_state import ORDER, OrderState
from services.intake.domain.rules import Rules
from services.intake.domain.rules_ask import FALLBACK, AskTexts
from services.intake.domain.visible import visible
from shared.decisions import Decision
from shared.events.base import PersonalText
from shared.events.contacts import Channel, Contact, ContactCustomer, Turn

MOST_CASES = 5
MAX_WORDS = 48 * 1024
SELF_SERVICE = "self_service"
Why = Literal["", "asked", "unsure", "steps_ended", "many_questions", "look_up_away"]


class Asked(BaseModel):
    """Something that is said to self-service. A conversation belongs to its source."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    source: Annotated[str, Field(min_length=1, max_length=200)]
    conversation: Annotated[str, Field(min_length=1, max_length=160)]
    text: Annotated[PersonalText, Field(min_length=1, max_length=1000)]
    channel: Channel | None = None
    language: Annotated[str | None, Field(max_length=35)] = None
    customer: ContactCustomer = ContactCustomer()

    @field_validator("text")
    @classmethod
    def says_something(cls, text: str) -> str:
        if not visible(text).strip():
            raise ValueError("a question is wanted")
        return text


class Reply(BaseModel):
    """`steps`: all of the entry, of which number `step` is to be done now. `why`: why a person takes over."""

    model_config = ConfigDict(frozen=True)
    answer: str = ""
    steps: tuple[dict[str, str], ...] = ()
    step: int | None = None
    options: tuple[dict[str, Any], ...] = ()
    source: dict[str, Any] | None = None
    confidence: float = 0.0
    why: Why = ""


class Conversation(BaseModel):
    """What was said so far, and where it stands.

    `turns`: until a person took over; `waiting`: what is not in the case yet, by number, as it will be there.
    `entry`, `step`: which step of which entry he is at. `case_id`: whose case it is, once that is certain.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    source: str
    conversation: str
    channel: Channel
    language: str
    customer: ContactCustomer = ContactCustomer()
    begun_at: datetime
    forget_at: datetime
    turns: tuple[Turn, ...] = ()
    reply: Reply = Reply()
    entry: str | None = None
    step: int = 0
    handed_over: bool = False
    waiting: dict[str, Contact] = {}
    said: int = 0
    case_id: str | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What an answer is taken from, where the asker's channel vouches for who he is.

    `cases`: his own open ones. `order`: what was found of the order that he asks for.
    """

    library: Library
    cases: Sequence[Case] = ()
    order: OrderState | None = None


def decide_ask(
    state: Conversation | None, now: datetime, *, asked: Asked, known: Known, rules: Rules
) -> Decision[Conversation]:
    talk = _heard(state or _begun(asked, now, rules), asked, now, rules)
    if talk.handed_over:
        return Decision(_with(talk, _contact(talk, asked.text, now)))
    after = _answered(talk, asked, known, rules)
    if after.handed_over:
        return Decision(_with(after, _whole(after, now)))
    reply = after.reply
    turn = Turn(by=SELF_SERVICE, text=reply.answer, at=now, source=_named(reply), step=_asked_to_do(reply))
    return Decision(after.model_copy(update={"turns": (*after.turns, turn)}))


def settle(
    state: Conversation | None, now: datetime, *, settled: Collection[str], case: Case
) -> Decision[Conversation]:
    """What waited under these numbers is in this case now."""
    assert state is not None, "only a conversation that was handed over is in a case"
    waiting = {number: contact for number, contact in state.waiting.items() if number not in settled}
    return Decision(state.model_copy(update={"case_id": case.case_id, "number": case.number, "waiting": waiting}))


def told(talk: Conversation, rules: Rules) -> dict[str, Any]:
    """The answer of the door."""
    if talk.handed_over:
        texts = rules.ask.text(talk.language)
        away = texts.order_away if talk.reply.why == "look_up_away" else ""
        text = away + texts.handed_over.format(number=talk.number)
        more = {"answer": text, "case_id": talk.case_id, "number": talk.number}
        return {"handed_over": True, "why": talk.reply.why, "conversation": talk.conversation, **more}
    reply = talk.reply.model_dump(mode="json", exclude={"why"})
    return {"handed_over": False, "conversation": talk.conversation, "language": talk.language, **reply}


def _begun(asked: Asked, now: datetime, rules: Rules) -> Conversation:
    return Conversation(
        source=asked.source, conversation=asked.conversation, channel=asked.channel or rules.ask.channel,
        language=rules.lifecycle.default_language, begun_at=now, forget_at=now,
    )  # fmt: skip


def _heard(talk: Conversation, asked: Asked, now: datetime, rules: Rules) -> Conversation:
    language = language_of(
        asked.text, stated=asked.language or asked.customer.language, known=talk.language if talk.said else None,
        default=talk.language,
    )  # fmt: skip
    turn = () if talk.handed_over else (Turn(by="customer", text=visible(asked.text), at=now),)
    return talk.model_copy(
        update={
            "language": language,
            "customer": talk.customer.model_copy(update=asked.customer.model_dump(exclude_none=True)),
            "turns": (*talk.turns, *turn),
            "said": talk.said + 1,
            "forget_at": now + rules.ask.forget_after,
        }
    )


def _answered(talk: Conversation, asked: Asked, known: Known, rules: Rules) -> Conversation:
    wishes, text = rules.ask.read(asked.text)
    if "person" in wishes:
        return _handed_over(talk, "asked")
    if talk.said >= rules.ask.most_questions:
        return _handed_over(talk, "many_questions")
    if known.order:
        return _of_order(talk, known.order, rules)
    texts = rules.ask.text(talk.language)
    if "progress" in wishes and known.cases:
        lines = [_line(case, texts) for case in known.cases[:MOST_CASES]]
        return _replied(talk, Reply(answer="\n".join(lines), confidence=1.0))
    if "solved" in wishes and talk.entry:
        return _helped(talk, texts)
    return _from_library(talk, wishes, text, known.library, rules)


def _from_library(
    talk: Conversation, wishes: Collection[str], text: str, library: Library, rules: Rules
) -> Conversation:
    texts = rules.ask.text(talk.language)
    found = library.answer(text)
    sure = found if found and found.score >= rules.ask.sure_from else None
    if "still_not" in wishes and talk.entry and (sure is None or sure.entry.id == talk.entry):
        return _next_step(talk, library, texts)
    return _at_step(talk, sure, 1, texts) if sure else _handed_over(talk, "unsure")


def _handed_over(talk: Conversation, why: Why) -> Conversation:
    return talk.model_copy(update={"handed_over": True, "reply": Reply(why=why), "entry": None})


def _of_order(talk: Conversation, order: OrderState, rules: Rules) -> Conversation:
    """As the customer system has it, with its name; what is another's, or not known, is no word about whose it is."""
    if not order.answered:
        return _handed_over(talk, "look_up_away")
    language, known = talk.language if talk.language in rules.ask.texts else FALLBACK, order.known or {}
    told = [f"{names[language]} {known[fact]}" for fact, names in rules.ask.order_tells.items() if fact in known]
    if not told:
        return _handed_over(talk, "unsure")
    texts = rules.ask.text(language)
    answer = texts.order.format(number=order.number, told=texts.between.join(told))
    source = {"id": order.number, "kind": ORDER, "of": order.source}
    return _replied(talk, Reply(answer=answer, source=source, confidence=1.0))


def _replied(talk: Conversation, reply: Reply) -> Conversation:
    """What is said ends the steps of an entry."""
    return talk.model_copy(update={"reply": reply, "entry": None})


def _helped(talk: Conversation, texts: AskTexts) -> Conversation:
    """What helped was not tried in vain."""
    turns = tuple(turn.model_copy(update={"step": None}) for turn in talk.turns)
    return _replied(talk.model_copy(update={"turns": turns}), Reply(answer=texts.solved, confidence=1.0))


def _next_step(talk: Conversation, library: Library, texts: AskTexts) -> Conversation:
    """The entry may be gone by now, or be shorter."""
    entry = library.entries.get(talk.entry or "")
    spoken = next(iter(entry.texts)) if entry else ""
    if entry is None or talk.step >= len(Found(entry, spoken, 0).wording(talk.language)[1].steps):
        return _handed_over(talk, "steps_ended")
    return _at_step(talk, Found(entry, spoken, talk.reply.confidence), talk.step + 1, texts)


def _at_step(talk: Conversation, found: Found, step: int, texts: AskTexts) -> Conversation:
    _, wording = found.wording(talk.language)
    source = brief(found, talk.language).model_dump(exclude={"score"})
    reply = Reply(
        answer=_worded(wording, step, texts),
        steps=tuple(one.model_dump() for one in wording.steps),
        step=step if wording.steps else None,
        options=tuple(one.model_dump(mode="json") for one in wording.options),
        source=source,
        confidence=found.score,
    )
    return talk.model_copy(update={"reply": reply, "entry": found.entry.id, "step": step})


def _worded(wording: Wording, step: int, texts: AskTexts) -> str:
    """One step at a time; an entry without steps says all it has."""
    if wording.steps:
        now = wording.steps[step - 1]
        return texts.step.format(title=wording.title, n=step, of=len(wording.steps), do=now.do, expect=now.expect)
    options = [texts.option.format(name=o.name, when=o.when, cost=o.cost) for o in wording.options]
    return "\n".join(filter(None, (wording.title, wording.body, *options)))


def _line(case: Case, texts: AskTexts) -> str:
    due = texts.due.format(due_at=f"{case.due_at:%Y-%m-%d %H:%M} UTC") if case.due_at else ""
    return texts.case.format(
        number=case.number, category=case.category[-1], status=texts.statuses[case.status], due=due
    )


def _named(reply: Reply) -> str | None:
    if not reply.source:
        return None
    id_, version = reply.source["id"], reply.source.get("version")
    return f"{id_}@{version}" if version else str(id_)


def _asked_to_do(reply: Reply) -> str | None:
    return reply.steps[reply.step - 1]["do"] if reply.step else None


def _with(talk: Conversation, contact: Contact) -> Conversation:
    """It is made once and kept until it is in the case, so that sent twice it is one."""
    return talk.model_copy(update={"waiting": {**talk.waiting, str(talk.said): contact}})


def _whole(talk: Conversation, now: datetime) -> Contact:
    """The customer's words, by which it is understood, and beside them the whole conversation."""
    said, _ = beginning("\n".join(turn.text for turn in talk.turns if turn.by == "customer"), MAX_WORDS)
    return _contact(talk, said or "", now, self_service=talk.turns)


def _contact(talk: Conversation, text: str, now: datetime, **more: Any) -> Contact:
    begun = int(talk.begun_at.timestamp() * 1000)
    return Contact(
        source=talk.source, id=f"ask:{talk.conversation}:{begun}:{talk.said}", channel=talk.channel,
        conversation=talk.conversation, occurred_at=now, text=text,
        customer=talk.customer.model_copy(update={"language": talk.language}), **more,
    )  # fmt: skip
