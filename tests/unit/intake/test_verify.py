"""What the customer system answered, before a decision or later (IN-8, IN-24)."""

from datetime import timedelta
from functools import partial
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.customer import Customer
from services.intake.domain.found import Found
from services.intake.domain.verify import entitled, rechecked, verified
from shared.decisions import Decision
from tests.unit.intake.given import NOW, RULES, arrive, contact, opened, types

TEXT = "订单 A20261121-553 还没到"
ASKED = {"order": "A20261121-553"}
FIRST = timedelta(seconds=RULES.facts.look_up.again_after_s)


def crm(owner: str | None = "C1", **customer: Any) -> Found:
    known = {"id": "C1", **customer}
    return Found.model_validate({"source": "crm", "customer": known, "facts": {"order": owner and {"customer": owner}}})


def arrives(found: Found | None, state: Case | None = None, text: str = TEXT, **said: Any) -> Decision[Case]:
    said = {"id": "c1", **said}
    decide = lambda state, now: arrive(state, contact(text, **said), now)  # noqa: E731 - the store's closure
    return verified(state, NOW, decide=decide, asked=ASKED, found=found, rules=RULES)


def statuses(case: Case) -> dict[str, str]:
    return {check.fact: check.status for check in case.fact_checks}


def test_IN_8_the_checks_go_out_with_the_opening() -> None:
    decision = arrives(crm(owner="C2"))
    (event,) = decision.events
    assert event.fact_checks[0]["status"] == "mismatch"
    assert "fact_mismatch" in event.flags == decision.state.flags
    assert "expected" not in event.fact_checks[0]


def test_IN_8_a_confirmed_fact_raises_no_flag_and_nothing_is_looked_up_again() -> None:
    case = arrives(crm()).state
    assert (statuses(case), case.flags, case.recheck_at) == ({"order": "confirmed"}, (), None)


def test_IN_8_without_an_answer_the_case_is_opened_all_the_same_and_looked_up_later() -> None:
    decision = arrives(None)
    assert types(decision) == ["case.opened"]
    assert (statuses(decision.state), decision.state.recheck_at) == ({"order": "unchecked"}, NOW + FIRST)


def test_IN_8_a_repeat_changes_nothing_whatever_the_crm_says_now() -> None:
    case = arrives(crm()).state
    decision = arrives(crm(owner="C2"), case)
    assert decision.state is case
    assert decision.events == ()


def test_IN_8_a_verdict_stays_when_a_further_contact_is_not_answered_for() -> None:
    case = arrives(crm(owner="C2")).state
    joined = arrives(None, case, "还在等", id="c2").state
    assert (statuses(joined), "fact_mismatch" in joined.flags) == ({"order": "mismatch"}, True)


def test_IN_8_the_checks_of_a_joined_contact_go_out_with_it() -> None:
    case = arrives(None, None, "还没到").state
    event = arrives(crm(owner="C2"), case, id="c2").events[0]
    assert [check.status for check in event.fact_checks] == ["mismatch"]


def test_IN_8_an_answer_about_another_value_than_the_cases_says_nothing_of_it() -> None:
    case = arrives(crm()).state
    other = partial(arrive, said=contact("订单 B20261121-777 呢", id="c2"))
    decide = lambda state, now: other(state, now=now)  # noqa: E731 - the store's closure
    asked = {"order": "B20261121-777"}
    after = verified(case, NOW, decide=decide, asked=asked, found=crm(owner="C2"), rules=RULES).state
    assert (after.facts["order"], statuses(after)) == (ASKED["order"], {"order": "confirmed"})


def test_IN_8_a_later_answer_is_given_out_once() -> None:
    case = arrives(None).state
    later = rechecked(case, NOW + FIRST, asked=case.facts, found=crm(owner="C2", tier="gold"), rules=RULES)
    (event,) = later.events
    assert (event.TYPE, event.tier, event.flags) == ("case.facts_checked", "gold", ("fact_mismatch",))
    assert later.note is not None
    assert "A20261121" not in str(later.note.data)
    again = rechecked(later.state, NOW + FIRST, asked=case.facts, found=crm(), rules=RULES)
    assert (again.state, again.events) == (later.state, ())


def test_IN_8_a_mismatch_that_is_put_right_takes_its_flag_with_it() -> None:
    case = arrives(crm(owner="C2")).state.changed(recheck_at=NOW)
    assert rechecked(case, NOW, asked=case.facts, found=crm(), rules=RULES).state.flags == ()


def test_IN_8_it_is_asked_again_later_and_later_and_at_last_not_any_more() -> None:
    case, waits = arrives(None).state, []
    while case.recheck_at:
        at = case.recheck_at
        case = rechecked(case, at, asked=case.facts, found=None, rules=RULES).state
        waits.append((case.recheck_at - at).total_seconds() if case.recheck_at else None)
    assert waits[:3] == [60, 120, 240]
    assert waits[-2:] == [RULES.facts.look_up.longest_s, None]
    assert len(waits) == RULES.facts.look_up.times
    assert statuses(case) == {"order": "unchecked"}


def test_IN_8_an_answer_to_what_the_case_no_longer_says_does_not_count() -> None:
    case = arrives(None).state
    decision = rechecked(case, NOW + FIRST, asked={"order": "OLD1"}, found=crm(), rules=RULES)
    assert decision.state is case


def test_IN_24_entitlements_and_a_higher_tier_stand_on_case_and_customer() -> None:
    given = [{"name": "延保", "until": "2027-05-01", "of": "SN1"}, {"name": "VIP lounge"}]
    found = crm(tier="gold", entitlements=given)
    case = arrives(found).state
    assert [(e.name, e.until) for e in case.entitlements] == [("warranty", "2027-05-01"), ("VIP lounge", None)]
    customer = entitled(Customer(customer_id="x", tier="silver"), NOW, decide=as_he_is, found=found, rules=RULES)
    assert (customer.state.tier, customer.state.entitlements) == ("gold", case.entitlements)
    assert [event.TYPE for event in customer.events] == ["customer.updated"]


def test_IN_24_what_is_known_already_changes_nothing_and_a_lower_tier_lowers_none() -> None:
    once = entitled(Customer(customer_id="x", tier="vip"), NOW, decide=as_he_is, found=crm(tier="gold"), rules=RULES)
    assert (once.state.tier, once.events) == ("vip", ())


def as_he_is(state: Any, now: Any) -> Decision[Any]:
    return Decision(state)


def test_IN_24_a_customer_that_the_crm_does_not_know_keeps_what_he_has() -> None:
    case = opened().changed(entitlements=crm(entitlements=[{"name": "onsite"}]).customer.entitlements, recheck_at=NOW)
    nobody = Found(source="crm", facts={})
    assert rechecked(case, NOW, asked=case.facts, found=nobody, rules=RULES).state.entitlements == case.entitlements
