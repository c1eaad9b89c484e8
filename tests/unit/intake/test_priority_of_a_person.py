"""IN-7: the priority that a person set stands until the customer says something that weighs more by itself."""

import pytest

from services.intake.domain.case import Case
from tests.unit.intake.given import HOUR, NOW, arrive, contact, did, opened
from tests.unit.intake.test_phone import told
from tests.unit.intake.test_silent_calls import dialled


def not_urgent(text: str) -> Case:
    case = did(opened(text), "reclassified", priority="P3", reason="不急").state
    assert (case.priority, case.priority_by) == ("P3", "Z01")
    return case


@pytest.mark.parametrize("text", ["打印机坏了，无法打印", "我要投诉"])
@pytest.mark.parametrize(
    "said",
    [
        contact("谢谢", id="c2"),
        contact("好的", id="c2"),
        contact("订单号是A20261121-553", id="c2"),
        dialled(),
        dialled(state="ended", transcript="打印机坏了，起火了吗？没有"),
        told(),
    ],
    ids=["thanks", "ok", "order", "our-call", "our-words", "silent-call"],
)
def test_IN_7_what_the_case_is_does_not_undo_it_whoever_says_anything(text: str, said: object) -> None:
    after = arrive(not_urgent(text), said, NOW + HOUR).state  # type: ignore[arg-type]
    assert (after.priority, after.priority_by) == ("P3", "Z01")


@pytest.mark.parametrize(("text", "priority"), [("打印机又坏了", "P2"), ("现在起火了", "P0"), ("我要投诉", "P2")])
def test_IN_7_what_the_customer_says_further_counts_by_its_own_weight(text: str, priority: str) -> None:
    after = arrive(not_urgent("打印机坏了，无法打印"), contact(text, id="c2"), NOW + HOUR).state
    assert (after.priority, after.priority_by) == (priority, "rules")
