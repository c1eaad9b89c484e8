"""IN-15: merge, link and split; nothing is moved, everything points."""

from functools import partial
from typing import Any

import pytest

from services.intake.domain.case import Case, Escalation, Link
from services.intake.domain.choose_case import Place
from services.intake.domain.close import lacking_for_close
from services.intake.domain.customer import Customer
from services.intake.domain.hear import hear
from services.intake.domain.link import MAX_LINKS, link_case, linked_from
from services.intake.domain.merge_cases import absorb_case, in_order, merge_case, whose
from services.intake.domain.receive import receive
from services.intake.domain.settle_category import UNCERTAIN
from services.intake.domain.split import contact_of, new_case, split
from shared.decisions import Decision
from shared.events.cases import Reach, Sentiment
from shared.events.work import Work
from shared.ids import contact_id
from tests.unit.intake.given import HOUR, NOW, RULES, contact, did, opened, refusal, types


def case(id_: str, text: str = "机器坏了", **changes: Any) -> Case:
    return opened(text, id=id_).changed(case_id=id_, **changes)


def asked(**more: Any) -> Work:
    return Work.model_validate({"id": "w1", "agent_id": "Z01", "case_id": "b", "to": "a", "reason": "同一件事", **more})


def absorbing(goes_on: Case, ends: Case, work: Work | None = None) -> Decision[Case]:
    customer_id = goes_on.customer_id
    return absorb_case(goes_on, NOW, other=ends, customer_id=customer_id, work=work or asked(), rules=RULES)


def test_IN_15_the_case_that_was_opened_first_goes_on_whichever_was_named() -> None:
    older, newer = case("b"), case("a", opened_at=NOW + HOUR)
    assert in_order(older, newer) == in_order(newer, older) == (older, newer)
    a, b = case("a"), case("b")
    assert in_order(a, b) == in_order(b, a) == (a, b), "of two that were opened at once the lower id"


def test_IN_15_the_case_that_goes_on_knows_what_was_told_to_both_and_is_as_urgent_as_the_more_urgent() -> None:
    a = case("a", "退款没到账，订单A20261121-553", priority="P3")
    b = case("b", "发票呢", priority="P1", tags=("#发票",), touched_at=NOW + HOUR)
    decision = absorbing(a, b)
    after = decision.state
    assert (after.priority, after.facts["order"], after.touched_at) == ("P1", "A20261121-553", NOW + HOUR)
    assert "#发票" in after.tags
    assert after.latest == "发票呢", "what the customer said last"
    assert types(decision) == ["case.absorbed", "case.reprioritised"]
    assert absorbing(after, b).state is after, "a repeat changes nothing"


def test_IN_15_what_an_agent_must_see_of_the_case_that_ends_is_on_the_one_that_goes_on() -> None:
    told = {"phone": "+8613800138000", "email": "w@x.example", "language": "zh", "name": "王芳"}
    ended = opened("打印机坏了，没人理", id="b", customer=told).changed(case_id="b")
    ended = did(ended, "responded", promise="明天上门", promise_at="2026-11-23T09:00:00Z", tried=["重启", "换线"]).state
    ended = did(ended, "summarised", text="要求上门，已约", demand="repair").state
    ended = ended.changed(agent_id="Z02", flags=("attachment_refused",), diagnostics=("log",))
    a = case("a", "你好", sentiment=Sentiment(score=0.5, label="positive"))
    decision = absorbing(a, ended)
    after, (absorbed, *_) = decision.state, decision.events
    assert after.tried == ("重启", "换线")
    assert after.promise is not None
    assert after.promise.what == "明天上门"
    assert after.summary.startswith("要求上门，已约")
    assert (after.demand, after.sentiment) == ("repair", ended.sentiment)
    assert (after.reach.name, after.reach.email) == ("王芳", "w@x.example")
    assert ("attachment_refused" in after.flags, after.diagnostics) == (True, ("log",))
    assert (absorbed.of, absorbed.of_number, absorbed.agent_id) == ("b", ended.number, "Z02")
    assert (absorbed.promise, absorbed.reach.email) == (ended.promise, "w@x.example")
    assert not absorbed.unanswered


def test_IN_15_what_is_known_and_said_on_the_case_that_goes_on_stays() -> None:
    a = did(case("a", reach=Reach(phone="+8613900139000")), "summarised", text="以此为准").state
    a = did(a, "responded", promise="今天回电", promise_at="2026-11-22T10:00:00Z").state
    b = did(case("b"), "responded", promise="明天回电", promise_at="2026-11-23T10:00:00Z").state
    after = absorbing(a, did(b, "summarised", text="不是这个").state).state
    assert after.summary_said == "以此为准"
    assert after.reach.phone == "+8613900139000"
    assert after.promise is not None
    assert after.promise.what == "今天回电", "what is due first"


def test_IN_15_a_promise_that_is_over_is_not_made_again() -> None:
    b = did(case("b"), "responded", promise="回电", promise_at="2026-11-22T08:00:00Z").state
    decision = absorbing(case("a"), b)
    assert (decision.state.promise, decision.events[0].promise) == (None, None)


def test_FB_12_a_case_that_takes_in_a_complaint_is_one() -> None:
    complaint = case("b", "投诉：没人理我")
    assert complaint.kind == "complaint"
    decision = absorbing(case("a", "打印机问题"), complaint)
    (event,) = [event for event in decision.events if event.TYPE == "case.reclassified"]
    assert (event.kind, event.was, event.to) == ("complaint", decision.state.category, decision.state.category)
    assert lacking_for_close(decision.state) == ("result", "measure")


def test_IN_15_a_case_of_which_nothing_was_understood_is_about_what_the_other_is() -> None:
    unclear, clear = case("a", "你好"), case("b", "退款没到账")
    assert unclear.category_confidence == 0
    decision = absorbing(unclear, clear)
    assert (decision.state.category, decision.state.review) == (clear.category, clear.review)
    assert "case.reclassified" in types(decision)
    unlike = absorbing(clear, unclear.changed(review=UNCERTAIN)).state
    assert (unlike.category, unlike.review) == (clear.category, None)


def test_IN_15_a_complex_matter_is_still_looked_at_first_unless_a_person_has() -> None:
    b = case("b", "退款没到账", review="complex_matter")
    assert absorbing(case("a", "退款没到账"), b).state.review == "complex_matter"
    looked_at = did(case("a"), "reclassified", category=["支付问题", "退款异常"]).state
    assert absorbing(looked_at, b).state.review is None


def test_IN_15_an_open_matter_merged_into_a_solved_case_opens_that_again() -> None:
    solved = did(case("a").changed(agent_id="Z01"), "resolved", result="清了纸").state
    decision = absorbing(solved, case("b", "又坏了", priority="P1"))
    assert (decision.state.status, decision.state.auto_close_at, decision.state.reopened) == ("in_progress", None, 1)
    assert types(decision)[:2] == ["case.reopened", "case.absorbed"]
    assert decision.events[1].unanswered, "nobody has answered there yet"


def test_IN_15_an_open_matter_merged_into_a_case_that_waits_for_the_customer_goes_on() -> None:
    waits = did(case("a", agent_id="Z01"), "waiting", on="customer").state
    decision = absorbing(waits, case("b"))
    assert (decision.state.status, types(decision)[0]) == ("in_progress", "case.resumed")
    both = absorbing(waits, did(case("b"), "waiting", on="customer").state)
    assert both.state.status == "waiting_customer", "he is waited for in both"


def test_IN_15_a_third_party_is_waited_for_whatever_is_merged() -> None:
    waits = did(case("a"), "waiting", party="物流").state
    assert absorbing(waits, case("b")).state.status == "waiting_third_party"


def test_IN_15_a_solved_case_merged_into_a_solved_one_wakes_nothing() -> None:
    solved = [did(case(id_), "resolved", result="好了").state for id_ in ("a", "b")]
    decision = absorbing(*solved)
    assert (decision.state.status, types(decision)) == ("resolved", ["case.absorbed"])


@pytest.mark.parametrize("over", [{"status": "closed"}, {"merged_into": "c"}])
def test_IN_15_a_case_that_was_closed_or_merged_meanwhile_takes_no_other(over: dict[str, str]) -> None:
    refused = refusal(partial(absorbing, case("a", **over), case("b")))
    assert refused.code == ("merged_case" if "merged_into" in over else "wrong_transition")


def test_IN_15_a_merger_that_has_begun_is_finished_though_the_other_was_closed_meanwhile() -> None:
    a = absorbing(case("a"), case("b")).state
    closed = did(case("b"), "closed", result="好了").state
    assert in_order(closed, a) == (a, closed)
    assert merge_case(closed, NOW, into=a, work=asked()).state.merged_into == "a"
    refused = refusal(partial(merge_case, case("b", merged_into="c"), NOW, into=a, work=asked()))
    assert refused.code == "merged_case"


def test_IN_15_two_cases_that_were_linked_before_are_merged_all_the_same() -> None:
    b = case("b", "发票呢", tags=("#发票",))
    a = linked_from(case("a"), NOW, from_="b", kind="related", by="Z01").state
    after = absorbing(a, b).state
    assert [(link.to, link.kind) for link in after.links] == [("b", "merged")]
    assert "#发票" in after.tags


def test_IN_15_the_links_of_the_case_that_ends_are_the_others_too() -> None:
    b = case("b", links=(Link(to="i1", kind="incident"), Link(to="a", kind="related"), Link(to="c", kind="merged")))
    after = absorbing(case("a"), b).state
    assert [(link.to, link.kind) for link in after.links] == [("b", "merged"), ("i1", "incident"), ("c", "merged")]
    full = case("a", links=tuple(Link(to=str(n), kind="related") for n in range(MAX_LINKS)))
    assert refusal(partial(absorbing, full, b)).code == "too_many_links"


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


def test_IN_15_work_on_a_merged_case_is_refused_and_names_the_other_by_number() -> None:
    a = opened()
    merged = merge_case(case("b"), NOW, into=a, work=asked()).state
    refused = refusal(partial(did, merged, "responded", text="好"))
    assert refused.code == "merged_case"
    assert a.number in refused.message
    assert a.case_id in refused.message


@pytest.mark.parametrize("status", ["closed"])
def test_IN_15_a_case_that_is_over_is_not_merged(status: str) -> None:
    refused = refusal(partial(in_order, case("a", status=status), case("b")))
    assert (refused.code, refused.status) == ("wrong_transition", 409)
    assert "reopened" in refused.message


def customer(id_: str, *points: str, also: tuple[str, ...] = ()) -> Customer:
    return Customer(customer_id=id_, points=points, gained=dict.fromkeys(also, ()))


def test_IN_15_cases_of_two_customers_are_not_merged_before_the_customers_are() -> None:
    a, b = case("a", customer_id="cu-1"), case("b", customer_id="cu-2")
    one, two = customer("cu-1", "phone:+8613800138000"), customer("cu-2", "phone:+8613900139000")
    refused = refusal(partial(whose, a, one, b, two))
    assert (refused.code, refused.status, refused.field) == ("two_customers", 409, "to")
    for told in ("cu-1", "cu-2", "merge the customers first"):
        assert told in refused.message
    assert whose(a, one, b, customer("cu-1", "phone:+8613800138000", also=("cu-2",))) == "cu-1"


def test_IN_15_a_case_of_who_cannot_be_recognised_becomes_that_of_whom_the_other_is() -> None:
    a, b = case("a", customer_id="cu-1"), case("b", customer_id="cu-2")
    known, nobody = customer("cu-2", "phone:+8613900139000"), customer("cu-1")
    assert whose(a, nobody, b, known) == "cu-2"
    assert whose(b, known, a, nobody) == "cu-2"
    assert absorb_case(a, NOW, other=b, customer_id="cu-2", work=asked(), rules=RULES).state.customer_id == "cu-2"


def test_IN_15_what_is_said_better_of_a_merged_case_is_no_further_contact_of_the_other() -> None:
    said, place = contact("订单 A20261121-553 还没到", id="b", revision=5), Place("a", "contact")
    told: Any = {"contact": said, "contact_id": "b", "place": place, "customer": None, "rules": RULES}
    decision = hear(case("a", "退款没到账"), NOW, revision=9, **told)
    event: Any = decision.events[0]
    assert (event.TYPE, event.revision, event.joined_by) == ("case.contact_added", 9, "")
    assert (decision.state.facts["order"], len(decision.state.contacts)) == ("A20261121-553", 1)
    assert hear(decision.state, NOW, revision=9, **told).events == ()


def test_IN_15_a_merged_case_is_linked_with_no_other_any_more() -> None:
    said = contact("订单 A20261121-553 还没到", id="b", revision=2)
    id_, place = contact_id(said.source, said.id), Place("b", "contact", related="a")
    over = case("b", merged_into="a", status="closed")
    after = receive(over, NOW, contact=said, contact_id=id_, place=place, customer=None, rules=RULES).state
    assert (after.links, after.contacts[0].revision) == ((), 2)


def test_IN_15_an_escalation_of_the_case_that_goes_on_stays_open() -> None:
    called = (Escalation(id="e", level=2, department="technical"),)
    assert absorbing(case("a", escalations=called), case("b")).state.escalations == called


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
