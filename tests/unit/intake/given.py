"""What intake's tests start from: the shipped rules, a moment, contacts and cases made by the real decisions."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import Customer
from services.intake.domain.receive import receive
from services.intake.domain.rules import Rules
from services.intake.domain.work import decide_work
from shared.decisions import Decision, Refused
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.ids import contact_id, named
from shared.rules import load

RULES = load("intake", Rules.parse, None)
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
S1 = {
    "source": "hotline-cti", "id": "call-20261122-77812", "channel": "phone", "conversation": "call-77812",
    "occurred_at": "2026-11-22T08:00:00Z",
    "customer": {"name": "王芳", "phone": "+8613800138000", "language": "zh", "tier": "gold"},
    "subject": "重复扣款",
    "text": "昨天支付了两次，订单 A20261121-553，请尽快退款",
    "facts": {"order": "A20261121-553"},
}  # fmt: skip


def contact(text: str | None = "机器坏了", **fields: Any) -> Contact:
    said = {"source": "chat", "id": "c1", "channel": "chat", "conversation": "talk-1", "text": text, **fields}
    said.setdefault("customer", {"phone": "+8613800138000", "language": "zh"})
    return Contact.model_validate(said)


def arrive(
    state: Case | None, said: Contact, now: datetime = NOW, customer: Customer | None = None, rules: Rules = RULES
) -> Decision[Case]:
    identity = contact_id(said.source, said.id)
    case_id = state.case_id if state else named("case", identity)
    place = Place(case_id, "conversation" if state else "")
    return receive(state, now, contact=said, contact_id=identity, place=place, customer=customer, rules=rules)


def opened(text: str | None = "机器坏了", **fields: Any) -> Case:
    return arrive(None, contact(text, **fields)).state


def did(state: Case | None, verb: str, now: datetime = NOW, **fields: Any) -> Decision[Case]:
    work = Work.model_validate(
        {"id": f"{verb}-1", "agent_id": "Z01", "case_id": state.case_id if state else "x", **fields}
    )
    return decide_work(state, now, work=work, verb=verb, rules=RULES)


def types(decision: Decision[Any]) -> list[str]:
    return [event.TYPE for event in decision.events]


def refusal(call: Any) -> Refused:
    """The refusal that a call ends in."""
    try:
        call()
    except Refused as refused:
        return refused
    raise AssertionError("nothing was refused")
