"""Self-service (IN-11): a question is answered from the knowledge base, or a person takes over at once.

A person takes over when he is asked for, when no entry is sure enough, when the steps of an entry are at their end, and
after many questions or a long one; also when the customer system does not say how an order stands, and before anything
else when the words speak of a danger. From then on whatever is said in the conversation goes to the case.
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
from services.intake.domain.rules_ask import AskTexts
from services.intake.domain.visible import visible
from services.intake.domain.wishes import Said, read
from shared.decisions import Decision
from shared.events.contacts import MAX_TEXT_BYTES, Channel, Contact, ContactCustomer, Text, Turn

MOST_CASES = 5
MOST_CHARS = 1000
"""A longer question is for a person to read."""
TURN_BYTES = 900
CUSTOMER_BYTES = 4096
"""So that 39 turns, all the customer's words and who he is fit into one contact, even if JSON doubles every sign."""
SELF_SERVICE = "self_service"
Why = Literal["", "risk", "asked", "long", "unsure", "steps_ended", "many_questions", "look_up_away"]


class Asked(BaseModel):
    """Something that is said to self-service. A conversation belongs to its source."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    source: Annotated[str, Field(min_length=1, max_length=200)]
    conversation: Annotated[str, Field(min_length=1, max_length=160)]
    text: Annotated[Text, Field(min_length=1)]
    channel: Channel | None = None
    language: Annotated[str | None, Field(max_length=35)] = None
    customer: ContactCustomer = ContactCustomer()

    @field_validator("text")
    @classmethod
    def says_something(cls, text: str) -> str:
        if not visible(text).strip():
            raise ValueError("a question is wanted")
        return text

    @field_validator("customer")
    @classmethod
    def fits(cls, customer: ContactCustomer) -> ContactCustomer:
        if len(customer.model_dump_json().encode()) > CUSTOMER_BYTES:
            raise ValueError(f"longer than {CUSTOMER_BYTES} bytes")
        return customer


class Reply(BaseModel):
    """`steps`: all of the entry, of which number `step` is to be done now.

    `why`: why a person takes over. `risk`: the one that is spoken of.
    """

    model_config = ConfigDict(frozen=True)
    answer: str = ""
    steps: tuple[dict[str, str], ...] = ()
    step: int | None = None
    options: tuple[dict[str, Any], ...] = ()
    source: dict[str, Any] | None = None
    confidence: float = 0.0
    why: Why = ""
    risk: str = ""


class Conversation(BaseModel):
    """What was said so far, and where it stands.

    `turns`: until a person took over; `waiting`: what is not in the case yet, by number, as it will be there.
    `entry`, `step`: which step of which entry he is at; `thanked`: since then he only said thanks.
    `case_id`: whose case it is, once that is certain. `passed_on`: what he said last went to who had taken over before.
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
    thanked: bool = False
    handed_over: bool = False
    passed_on: bool = False
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
        return Decision(_with(_passed_on(talk, asked, rules), _contact(talk, asked.text, now)))
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
    """The answer of the door. `first`: whether it is this message at which a person took over."""
    if talk.handed_over:
        more = {"answer": _taken_over(talk, rules), "case_id": talk.case_id, "number": talk.number}
        first = {"first": not talk.passed_on}
        return {"handed_over": True, **first, "why": talk.reply.why, "conversation": talk.conversation, **more}
    reply = talk.reply.model_dump(mode="json", exclude={"why", "risk"})
    return {"handed_over": False, "conversation": talk.conversation, "language": talk.language, **reply}


def waits_since(talk: Conversation) -> datetime | None:
    """When the first was said of what is not in the case yet."""
    return min((contact.occurred_at for contact in talk.waiting.values() if contact.occurred_at), default=None)


def forget_at(talk: Conversation) -> datetime | None:
    """Never while something waits."""
    return None if talk.waiting else talk.forget_at


def _taken_over(talk: Conversation, rules: Rules) -> str:
    """At length once; what is said later is passed on."""
    texts = rules.ask.text(talk.language)
    said = texts.passed_on if talk.passed_on and texts.passed_on else texts.handed_over
    return _first(talk, rules) + said.format(number=talk.number)


def _passed_on(talk: Conversation, asked: Asked, rules: Rules) -> Conversation:
    """A danger is answered whenever he speaks of one."""
    reply = talk.reply.model_copy(update={"risk": _risk(asked.text, rules)})
    return talk.model_copy(update={"passed_on": True, "reply": reply})


def _first(talk: Conversation, rules: Rules) -> str:
    """What is said before a person takes over."""
    if talk.reply.why == "look_up_away" and not talk.passed_on:
        return rules.ask.text(talk.language).order_away
    return rules.ask.risks.get(talk.reply.risk, {}).get(rules.ask.spoken(talk.language), "")


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
    if risk := _risk(asked.text, rules):
        return _handed_over(talk, "risk", risk)
    said = read(asked.text, rules)
    talk = _unless_in_vain(talk, said)
    if why := _why_a_person(talk, asked, said, rules):
        return _handed_over(talk, why)
    if known.order:
        return _of_order(talk, known.order, rules)
    if "progress" in said.wishes and known.cases:
        return _of_cases(talk, known.cases, rules)
    return _to_words(talk, said, known.library, rules)


def _to_words(talk: Conversation, said: Said, library: Library, rules: Rules) -> Conversation:
    if "solved" in said.wishes and "still_not" not in said.wishes and talk.entry:
        return _helped(talk, rules.ask.text(talk.language))
    if said.courtesy:
        return _courteous(talk, said, rules)
    return _from_library(talk, said, library, rules)


def _of_cases(talk: Conversation, cases: Sequence[Case], rules: Rules) -> Conversation:
    lines = [_line(case, talk.language, rules) for case in cases[:MOST_CASES]]
    return _replied(talk, Reply(answer="\n".join(lines), confidence=1.0))


def _from_library(talk: Conversation, said: Said, library: Library, rules: Rules) -> Conversation:
    texts = rules.ask.text(talk.language)
    found = library.answer(said.rest)
    sure = found if found and found.score >= rules.ask.sure_from else None
    if "still_not" in said.wishes and talk.entry and (sure is None or sure.entry.id == talk.entry):
        return _next_step(talk, library, texts)
    return _at_step(talk, sure, 1, texts) if sure else _handed_over(talk, "unsure")


def _why_a_person(talk: Conversation, asked: Asked, said: Said, rules: Rules) -> Why:
    if "person" in said.wishes:
        return "asked"
    if len(asked.text) > MOST_CHARS:
        return "long"
    return "many_questions" if talk.said >= rules.ask.most_questions else ""


def _risk(text: str, rules: Rules) -> str:
    spoken_of = rules.risk_words.values(rules.scanner.scan(text))
    return next((risk for risk in rules.ask.risks if risk in spoken_of), "")


def _handed_over(talk: Conversation, why: Why, risk: str = "") -> Conversation:
    return talk.model_copy(update={"handed_over": True, "reply": Reply(why=why, risk=risk), "entry": None})


def _of_order(talk: Conversation, order: OrderState, rules: Rules) -> Conversation:
    """As the customer system has it, with its name; what is another's, or not known, is no word about whose it is."""
    if not order.answered:
        return _handed_over(talk, "look_up_away")
    language, known = rules.ask.spoken(talk.language), order.known or {}
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
    return _replied(_without_steps(talk), Reply(answer=texts.solved, confidence=1.0))


def _without_steps(talk: Conversation) -> Conversation:
    """What helped was not tried in vain."""
    turns = tuple(turn.model_copy(update={"step": None}) for turn in talk.turns)
    return talk.model_copy(update={"turns": turns, "entry": None})


def _unless_in_vain(talk: Conversation, said: Said) -> Conversation:
    """Whoever said thanks was helped, unless what he asks for next is that it still does not work."""
    if not talk.thanked or said.courtesy:
        return talk
    talk = talk.model_copy(update={"thanked": False})
    return talk if "still_not" in said.wishes else _without_steps(talk)


def _courteous(talk: Conversation, said: Said, rules: Rules) -> Conversation:
    """He greets, thanks or wants to try: no reason for a person. Where he is at a step he stays at it."""
    texts = rules.ask.text(talk.language)
    if talk.entry:
        reply = Reply(answer=texts.courtesy or texts.solved, confidence=talk.reply.confidence)
        return talk.model_copy(update={"reply": reply, "thanked": said.wishes.isdisjoint(("no_person", "trying"))})
    answer = texts.greeting if said.courtesy == "greeting" else ""
    return _replied(talk, Reply(answer=answer or texts.solved, confidence=1.0))


def _next_step(talk: Conversation, library: Library, texts: AskTexts) -> Conversation:
    """The entry may be gone by now, or be shorter."""
    entry = library.for_customers.get(talk.entry or "")
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


def _line(case: Case, language: str, rules: Rules) -> str:
    texts, category = rules.ask.text(language), rules.categories.name_in(case.category, rules.ask.spoken(language))
    due = texts.due.format(due_at=f"{case.due_at:%Y-%m-%d %H:%M} UTC") if case.due_at else ""
    return texts.case.format(number=case.number, category=category, status=texts.statuses[case.status], due=due)


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
    """The customer's words, by which it is understood, and beside them both sides, of each turn its beginning."""
    said, _ = beginning("\n".join(turn.text for turn in talk.turns if turn.by == "customer"), MAX_TEXT_BYTES)
    return _contact(talk, said or "", now, self_service=tuple(map(_begun_turn, talk.turns)))


def _begun_turn(turn: Turn) -> Turn:
    return turn.model_copy(update={"text": _beginning(turn.text), "step": turn.step and _beginning(turn.step)})


def _beginning(text: str) -> str:
    begun, cut = beginning(text, TURN_BYTES)
    return f"{begun}…" if cut else text


def _contact(talk: Conversation, text: str, now: datetime, **more: Any) -> Contact:
    begun = int(talk.begun_at.timestamp() * 1000)
    return Contact(
        source=talk.source, id=f"ask:{talk.conversation}:{begun}:{talk.said}", channel=talk.channel,
        conversation=talk.conversation, occurred_at=now, text=text,
        customer=talk.customer.model_copy(update={"language": talk.language}), **more,
    )  # fmt: skip
