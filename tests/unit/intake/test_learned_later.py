"""What is learned of a case after it was opened is told to its readers: tier, tags, demand, and what was tried."""

from functools import partial
from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.customer import Customer
from services.intake.domain.found import Found
from services.intake.domain.merge_cases import absorb_case
from services.intake.domain.verify import rechecked, verified
from shared.decisions import Decision
from shared.events.cases import CaseAbsorbed
from shared.events.work import INTAKE_VERBS, Work
from tests.unit.intake.given import HOUR, NOW, RULES, arrive, contact, did, opened, types

GOLD = {"phone": "+8613800138000", "tier": "gold", "language": "zh"}


def joins(state: Case, text: str = "还在等", **more: Any) -> Decision[Case]:
    said = contact(text, id="c2", **{"customer": GOLD, **more})
    return arrive(state, said, NOW + HOUR, Customer(customer_id=state.customer_id, points=("phone:+8613800138000",)))


def absorbing(goes_on: Case, ends: Case) -> Decision[Case]:
    work = Work(id="m", agent_id="Z01", case_id=ends.case_id, to=goes_on.case_id)
    return absorb_case(goes_on, NOW, other=ends, customer_id=goes_on.customer_id, work=work, rules=RULES)


def test_IN_7_a_tier_that_a_further_contact_tells_goes_out_with_it() -> None:
    decision = joins(opened("打印机卡纸"))
    assert decision.events[0].tier == decision.state.tier == "gold"


def test_IN_7_a_tier_that_is_learned_later_makes_a_case_as_urgent_as_if_it_had_been_known() -> None:
    stopped = opened("机器坏了，完全无法使用")
    assert (stopped.priority, stopped.priority_reason.rule) == ("P2", "user-stopped")
    decision = joins(stopped)
    assert types(decision) == ["case.contact_added", "case.reprioritised"]
    assert (decision.state.priority, decision.state.priority_reason.rule) == ("P1", "valued-customer-stopped")
    assert (decision.events[1].to, decision.events[1].priority_reason.tier) == ("P1", "gold")


def test_IN_7_a_priority_that_a_person_set_stays_whatever_the_tier() -> None:
    stopped = opened("机器坏了，完全无法使用").changed(priority_by="Z01")
    assert joins(stopped).state.priority == "P2"


def crm(tier: str) -> Found:
    return Found.model_validate({"source": "crm", "customer": {"id": "C1", "tier": tier}, "facts": {}})


def looked_up(state: Case) -> Decision[Case]:
    later = state.changed(recheck_at=NOW)
    return rechecked(later, NOW, asked=later.facts, found=crm("gold"), rules=RULES)


def test_IN_8_a_tier_that_the_crm_tells_later_raises_the_priority() -> None:
    decision = looked_up(opened("机器坏了，完全无法使用"))
    assert types(decision) == ["case.facts_checked", "case.reprioritised"]
    assert (decision.events[0].tier, decision.events[1].to, decision.state.priority) == ("gold", "P1", "P1")


def test_IN_8_of_a_solved_case_it_raises_nothing_until_that_is_open_again() -> None:
    solved = did(opened("机器坏了，完全无法使用"), "resolved", result="好了").state
    later = looked_up(solved)
    assert (types(later), later.state.priority) == (["case.facts_checked"], "P2")
    assert "case.reprioritised" in types(joins(later.state, "又不行了"))


def test_IN_8_a_tier_that_the_crm_tells_in_time_goes_out_with_the_contact() -> None:
    opening = verified(
        None,
        NOW,
        decide=lambda state, now: arrive(state, contact("卡纸"), now),
        asked={},
        found=crm("gold"),
        rules=RULES,
    )
    assert opening.events[0].customer.tier == "gold"
    joining = verified(
        opened("卡纸"), NOW, asked={}, found=crm("vip"), rules=RULES,
        decide=lambda state, now: arrive(state, contact("还在等", id="c2"), now),
    )  # fmt: skip
    assert joining.events[0].tier == "vip"


def test_IN_15_a_merger_tells_the_tier_and_is_as_urgent_as_it_makes_the_case() -> None:
    other = opened("咨询保修", id="b", customer=GOLD).changed(case_id="b")
    decision = absorbing(opened("机器坏了，完全无法使用"), other)
    absorbed, reprioritised = decision.events
    assert (absorbed.tier, absorbed.customer_id) == ("gold", decision.state.customer_id)
    assert reprioritised.to == "P1"


def test_IN_17_tags_and_a_demand_that_are_learned_later_go_out_with_the_contact() -> None:
    decision = joins(opened("订单A20261121-991没有收到货"), "拖了一个月还没到，要求退货")
    event, after = decision.events[0], decision.state
    assert (event.tags, event.demand) == (after.tags, after.demand)
    assert "#时效延误" in event.tags
    assert event.demand == "return"


STEPS = [{"by": "self_service", "text": "长按复位键", "step": "长按复位键", "at": "2026-11-22T08:00:00Z"}]


def test_SL_4_the_steps_of_self_service_go_out_with_the_contact_that_hands_over() -> None:
    opening = arrive(None, contact("还是不行，转人工", self_service=STEPS))
    assert opening.events[0].tried == ("长按复位键",)
    joining = joins(opened("路由器连不上"), self_service=STEPS)
    assert joining.events[0].tried == ("长按复位键",)
    again = arrive(joining.state, contact("还在等", id="c3", self_service=STEPS), NOW + HOUR)
    assert again.events[0].tried == (), "told once"


WHAT: dict[str, tuple[Case, dict[str, Any]]] = {
    "waiting": (opened(), {"party": "仓库"}),
    "resumed": (did(opened(), "waiting").state, {}),
    "reclassified": (opened(), {"category": ["Payments", "Refunds"]}),
    "resolved": (opened(), {"result": "已修好"}),
    "closed": (opened(), {"result": "已修好"}),
    "reopened": (did(opened(), "resolved").state, {}),
    "delay_noticed": (opened(), {"reason": "缺货"}),
    "noted": (opened(), {"text": "备注"}),
    "summarised": (opened(), {"text": "重复扣款"}),
    "responded": (opened(), {"text": "在看"}),
}


@pytest.mark.parametrize("verb", sorted(INTAKE_VERBS - {"merged", "linked", "split"}))
def test_SL_4_what_an_agent_tried_goes_out_with_what_he_did(verb: str) -> None:
    case, more = WHAT[verb]
    first, *others = did(case, verb, tried=["重启", "换线"], **more).events
    assert first.tried == ("重启", "换线")
    assert all(event.tried == () for event in others)


def test_SL_4_a_solution_that_did_not_hold_is_told_as_tried_by_whoever_reopens() -> None:
    solved = did(opened(), "resolved", result="清了纸").state
    assert did(solved, "reopened").events[0].tried == ("清了纸",)
    (reopened,) = [e for e in joins(solved, "又卡纸了").events if e.TYPE == "case.reopened"]
    assert reopened.tried == ("清了纸",)
    open_one = partial(absorbing, solved, opened("又卡纸了", id="b").changed(case_id="b"))
    assert open_one().events[0].tried == ("清了纸",)


def test_SL_4_a_merger_tells_what_the_other_case_was_about_and_what_was_tried_there() -> None:
    b = did(opened("退款没到", id="b", subject="退款"), "noted", text="x", tried=["重新提交"]).state.changed(
        case_id="b"
    )
    decision = absorbing(did(opened(), "noted", text="x", tried=["重启"]).state, b)
    (absorbed,) = [event for event in decision.events if isinstance(event, CaseAbsorbed)]
    assert (absorbed.subject, absorbed.text, absorbed.tried) == ("退款", "退款没到", ("重新提交",))


def test_IN_7_a_tier_that_is_learned_later_lowers_no_priority() -> None:
    danger = opened("充电器冒烟了，很烫")
    assert danger.priority == "P0"
    decision = looked_up(danger)
    assert (types(decision), decision.state.priority) == (["case.facts_checked"], "P0")
