"""IN-15: merge, link and split; nothing is moved, everything points."""

from functools import partial
from typing import Any

import pytest

from services.intake.domain.case import Case
from services.intake.domain.link import link_case, linked_from
from services.intake.domain.merge_cases import absorb_case, in_order, merge_case
from services.intake.domain.split import contact_of, new_case, split
from shared.events.work import Work
from tests.unit.intake.given import HOUR, NOW, RULES, did, opened, refusal, types


def case(id_: str, text: str = "机器坏了", **changes: Any) -> Case:
    return opened(text, id=id_).changed(case_id=id_, **changes)


def asked(**more: Any) -> Work:
    return Work.model_validate({"id": "w1", "agent_id": "Z01", "case_id": "b", "to": "a", "reason": "同一件事", **more})


def test_IN_15_the_higher_id_is_merged_into_the_lower_whichever_was_named() -> None:
    a, b = case("a"), case("b")
    assert in_order(a, b) == in_order(b, a) == (a, b)


def test_IN_15_the_case_that_goes_on_knows_what_was_told_to_both_and_is_as_urgent_as_the_more_urgent() -> None:
    a = case("a", "订单A20261121-553未收到", priority="P3")
    b = case("b", "发票呢", priority="P1", tags=("#发票",), touched_at=NOW + HOUR)
    decision = absorb_case(a, NOW, other=b, work=asked(), rules=RULES)
    after = decision.state
    assert (after.priority, after.facts["order"], after.touched_at) == ("P1", "A20261121-553", NOW + HOUR)
    assert "#发票" in after.tags
    assert types(decision) == ["case.reprioritised"]
    assert absorb_case(after, NOW, other=b, work=asked(), rules=RULES).state is after, "a repeat changes nothing"


def test_IN_15_the_other_ends_gives_up_its_names_and_says_where_it_goes_on() -> None:
    a, b = case("a"), case("b", claims=("cu|order|A1",))
    decision = merge_case(b, NOW, into=a, work=asked())
    after = decision.state
    assert (after.status, after.merged_into) == ("closed", "a")
    assert (after.contacts, after.open_conversations, after.claims) == (b.contacts, (), ())
    assert (after.past_conversations, after.past_claims) == (b.open_conversations, b.claims), "by which it leads on"
    (event,) = decision.events
    assert (event.TYPE, event.into, event.into_number, event.by) == ("case.merged", "a", a.number, "Z01")
    assert merge_case(after, NOW, into=a, work=asked()).events == ()


def test_IN_15_work_on_a_merged_case_is_refused_and_names_the_other() -> None:
    merged = merge_case(case("b"), NOW, into=case("a"), work=asked()).state
    refused = refusal(partial(did, merged, "responded", text="好"))
    assert refused.code == "merged_case"
    assert "a" in refused.message


@pytest.mark.parametrize("status", ["closed"])
def test_IN_15_a_case_that_is_over_is_not_merged(status: str) -> None:
    refused = refusal(partial(in_order, case("a", status=status), case("b")))
    assert (refused.code, refused.status) == ("wrong_transition", 409)
    assert "reopened" in refused.message


def test_IN_15_a_case_cannot_be_merged_or_linked_with_itself() -> None:
    assert refusal(partial(in_order, case("a"), case("a"))).code == "same_case"
    assert refusal(partial(link_case, case("a"), NOW, other=case("a"), work=asked())).code == "same_case"


def test_IN_15_linked_cases_point_to_each_other_once() -> None:
    a, b = case("a"), case("b")
    back = linked_from(a, NOW, from_="b", kind="related", by="Z01")
    decision = link_case(b, NOW, other=a, work=asked())
    assert (decision.state.links[0].to, back.state.links[0].to) == ("a", "b")
    assert types(decision) == ["case.linked"]
    assert link_case(decision.state, NOW, other=a, work=asked()).state is decision.state
    assert linked_from(back.state, NOW, from_="b", kind="related", by="Z01").state is back.state


def test_IN_15_a_split_quotes_the_contact_for_the_customer_who_said_it() -> None:
    b = case("b", "退款没到，另外发票抬头错了")
    work = asked(contact_id="x", to=None)
    contact = contact_of(b, {"text": "发票抬头错了", "channel": "email"}, work)
    assert (contact.text, contact.channel, contact.customer.phone) == ("发票抬头错了", "email", "+8613800138000")
    assert contact_of(b, {"text": "发票抬头错了"}, asked(text="只谈发票")).text == "只谈发票"
    assert new_case(work) == new_case(asked(id="again", contact_id="x", to=None)), "asked twice it opens one case"


def test_IN_15_a_split_that_says_nothing_is_refused() -> None:
    refused = refusal(partial(contact_of, case("b"), {}, asked(to=None)))
    assert (refused.code, refused.field, refused.status) == ("missing_field", "text", 422)


def test_IN_15_the_old_case_points_to_the_new_one_and_goes_on() -> None:
    decision = split(case("b"), NOW, into=case("n"), work=asked(to=None, text="发票"))
    assert (decision.state.status, decision.state.links[0].to) == ("new", "n")
    assert types(decision) == ["case.linked"]
