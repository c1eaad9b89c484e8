"""Whose words a contact is (IN-3, IN-4): a case listens to everybody, and is taken over by nobody but its customer."""

from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import Customer
from services.intake.domain.receive import receive
from shared.decisions import Decision
from shared.events.cases import CaseContactAdded
from shared.events.contacts import Contact
from shared.ids import contact_id, named
from tests.unit.intake.given import NOW, RULES, contact

FANG = Customer(customer_id="cu-fang", name="王芳", points=("social:fang", "phone:+8613800138000"))
EVE = Customer(customer_id="cu-eve", name="赵六", points=("social:eve",))
HERS = {"social": "fang", "name": "王芳"}
EVES = {"social": "eve", "name": "赵六", "tier": "diamond"}


def say(
    state: Case | None, said: Contact, who: Customer | None, by: str = "conversation", claims: tuple[str, ...] = ()
) -> Decision[Case]:
    identity = contact_id(said.source, said.id)
    place = Place(state.case_id if state else named("case", identity), by if state else "", claims)
    return receive(state, NOW, contact=said, contact_id=identity, place=place, customer=who, rules=RULES)


def told_of(decision: Decision[Case]) -> CaseContactAdded:
    return next(event for event in decision.events if isinstance(event, CaseContactAdded))


def hers(text: str = "订单A20261121-553重复扣款", **more: Any) -> Case:
    return say(None, contact(text, customer=HERS, **more), FANG).state


@pytest.mark.parametrize("by", ["conversation", "thread", "topic"])
def test_IN_3_whoever_speaks_in_anothers_case_is_heard_and_not_taken_for_its_customer(by: str) -> None:
    case = hers()
    decision = say(case, contact("我也被重复扣款了", id="c2", customer=EVES), EVE, by, claims=("cu-eve|topic|x/y",))
    after = decision.state
    assert (after.reach, after.customer_id, after.tier, after.claims) == (case.reach, "cu-fang", None, ())
    assert told_of(decision).reach == case.reach, "so nobody else is told of her case"
    assert after.latest == "我也被重复扣款了"


def test_IN_3_a_stranger_who_says_it_better_stays_a_stranger() -> None:
    case = say(hers(), contact("请看附件", id="c2", customer=EVES), EVE).state
    better = contact("请看附件，我的笔记本开不了机", id="c2", revision=2, customer=EVES)
    after = say(case, better, EVE, "contact", claims=("cu-eve|topic|x/y",)).state
    assert (after.reach, after.claims, after.tier) == (case.reach, (), None)


def test_IN_3_who_was_known_under_another_id_is_no_stranger() -> None:
    now = Customer(customer_id="cu-0", points=FANG.points, gained={"cu-fang": ()})
    said = contact("退款", id="c2", customer={"email": "f@x.example"})
    after = say(hers(), said, now, claims=("cu-0|order|A1",)).state
    assert (after.reach.email, after.claims) == ("f@x.example", ("cu-0|order|A1",))


# who is unknown at first

NOBODY = Customer(customer_id="cu-nobody")


def unknown(**customer: str) -> Case:
    return say(None, contact("打印机卡纸，无法打印", customer=customer), NOBODY).state


def test_IN_3_who_says_later_who_he_is_is_the_cases_customer_from_then_on() -> None:
    decision = say(unknown(), contact("我是王芳", id="c2", customer=HERS), FANG, claims=("cu-fang|topic|x/y",))
    after = decision.state
    assert (after.customer_id, after.reach.social, after.claims) == ("cu-fang", "fang", ("cu-fang|topic|x/y",))
    assert told_of(decision).customer_id == "cu-fang"
    assert "contact_point" not in after.missing


def test_IN_3_so_is_who_says_it_in_a_better_version_of_the_same_contact() -> None:
    said = contact("打印机卡纸，无法打印", revision=2, customer=HERS)
    assert say(unknown(), said, FANG, "contact").state.customer_id == "cu-fang"


def test_IN_3_so_is_who_had_given_a_placeholder_only() -> None:
    case = unknown(phone="13800000000")
    after = say(case, contact("我是王芳", id="c2", customer={"phone": "13800138000"}), FANG).state
    assert (after.customer_id, after.reach.phone) == ("cu-fang", "+8613800138000")


def test_IN_3_once_he_is_known_the_next_stranger_does_not_take_his_place() -> None:
    case = say(unknown(), contact("我是王芳", id="c2", customer=HERS), FANG).state
    after = say(case, contact("我也是", id="c3", customer=EVES), EVE).state
    assert (after.customer_id, after.reach) == ("cu-fang", case.reach)


def test_IN_3_who_has_another_name_is_not_the_unknown_customer() -> None:
    after = say(unknown(name="王芳"), contact("我也是", id="c2", customer=EVES), EVE, claims=("cu-eve|order|A1",)).state
    assert (after.customer_id, after.reach.social, after.claims) == ("cu-nobody", None, ())


def test_IN_3_an_unknown_customer_who_still_does_not_say_who_he_is_stays_unknown() -> None:
    after = say(unknown(), contact("还在吗", id="c2", customer={}), Customer(customer_id="cu-other")).state
    assert after.customer_id == "cu-nobody"


# how he is reached


def test_IN_3_a_number_that_he_just_stated_is_not_replaced_by_an_older_one() -> None:
    case = say(None, contact("请打这个电话", customer={"social": "fang", "phone": "13911112222"}), FANG).state
    after = say(case, contact("卡纸还是不行", id="c2", customer={"social": "fang"}), FANG).state
    assert after.reach.phone == "+8613911112222"


def test_IN_3_what_is_known_of_him_by_now_fills_the_gaps() -> None:
    case = say(None, contact("退款", customer={"social": "fang"}), FANG.model_copy(update={"points": ("social:fang",)}))
    assert case.state.reach.phone is None
    assert say(case.state, contact("退款呢", id="c2", customer=HERS), FANG).state.reach.phone == "+8613800138000"
