"""Simulated departments and customers: what they say keeps the contract, and the same call meets the same answer."""

from typing import Any

from demo.customers import Customers, answer
from demo.departments import REPLIES, Departments, replies
from shared.events.escalations import ANSWERS, EscalationReply
from shared.events.feedback import Scores
from tests.unit.demo.seen import event

CALLS = [(f"escalation-{number}", level) for number in range(300) for level in (1, 2, 3)]


def call(escalation: str, level: int, type_: str = "escalation.raised") -> Any:
    return event(
        "escalations.technical.v1", type_, "c1", 1, escalation_id=escalation, level=level, department="technical"
    )


class Broker:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        self.sent.append((topic, value, key))


def test_every_kind_of_answer_is_given_and_management_answers_every_call() -> None:
    said = {reply.answer for made in CALLS for reply in replies(*made)}
    assert said == set(ANSWERS) - {"progress"}
    assert all(replies(id_, level) for id_, level in CALLS if level == 3)
    assert any(not replies(id_, level) for id_, level in CALLS if level == 1)


async def test_a_call_delivered_twice_is_answered_once_and_the_reply_keeps_the_contract() -> None:
    broker = Broker()
    departments = Departments(broker)  # type: ignore[arg-type]
    for _ in range(2):
        departments.take(call("e1", 3))
    departments.take(call("e2", 3, "escalation.withdrawn"))
    planned = [body for _, _, body in departments._todo]
    assert len(planned) == len(replies("e1", 3))
    for body in planned:
        assert EscalationReply.model_validate(body).escalation_id == "e1"
        await departments._answer(body)
    assert {topic for topic, _, _ in broker.sent} == {REPLIES}
    assert {key for _, _, key in broker.sent} == {b"c1"}


def test_most_customers_answer_and_some_are_cross() -> None:
    forms = [answer(f"case-{number}") for number in range(1000)]
    given = [form for form in forms if form]
    assert 650 < len(given) < 850
    assert 100 < sum(form["solved"] == "no" for form in given) < 250
    for form in given:
        Scores.model_validate({name: value for name, value in form.items() if name not in ("solved", "words")})


def test_a_customer_opens_the_link_of_a_survey_message_once() -> None:
    customers = Customers()
    case = next(f"case-{n}" for n in range(100) if answer(f"case-{n}"))
    message = {
        "template": "survey", "notification_id": "n1", "case_id": case,
        "text": "请评价：http://127.0.0.1:8104/s/abc-D_9x 谢谢",
    }  # fmt: skip
    for told in (message, message, {**message, "template": "resolved", "notification_id": "n2"}):
        customers.take(told)
    assert [link for _, _, _, link in customers._todo] == ["http://127.0.0.1:8104/s/abc-D_9x"]
