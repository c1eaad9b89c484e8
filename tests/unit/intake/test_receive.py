from datetime import timedelta
from typing import Any

import bson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.case import MAX_TEXT, Case
from services.intake.domain.contact_hash import contact_hash
from services.intake.domain.customer import Customer
from services.intake.domain.join import MAX_CONVERSATIONS
from services.intake.domain.receive import conversation_of
from shared.decisions import Elsewhere
from shared.events.cases import CaseContactAdded, CaseOpened, CaseReclassified, CaseReprioritised
from shared.events.contacts import Contact
from shared.ids import case_number, contact_id
from tests.unit.intake.given import HOUR, NOW, RULES, S1, arrive, contact, did, opened, refusal, types


def first(decision: Any, kind: Any) -> Any:
    return next(event for event in decision.events if isinstance(event, kind))


def test_S1_a_repeated_charge_opens_a_case_with_everything_known() -> None:
    decision = arrive(None, Contact.model_validate(S1))
    event = first(decision, CaseOpened)
    assert event.category[:2] == ("支付问题", "退款异常")
    assert event.facts == {"order": "A20261121-553"}
    assert event.missing == ()
    assert event.priority_reason.rule
    assert (event.customer.tier, event.customer.reach.phone) == ("gold", "+8613800138000")
    assert event.number == case_number(event.case_id)
    assert event.contact_id == contact_id("hotline-cti", "call-20261122-77812")
    assert decision.state.open_conversations == ("hotline-cti:call-77812",)
    assert decision.state.status == "new"


def test_S3_model_and_serial_are_facts() -> None:
    case = opened("一体机E500开不了机，序列号SN88210，请派工程师上门", channel="phone")
    assert case.facts == {"device_model": "E500", "serial": "SN88210"}
    assert (case.demand, case.kind) == ("repair", "fault")


def test_S10_a_bad_review_without_a_phone() -> None:
    case = opened("退款拖了一个月，态度恶劣，再也不买了", channel="review", rating=1, customer={})
    assert case.kind == "complaint"
    assert case.sentiment is not None
    assert case.sentiment.label.endswith("negative")
    assert "#时效延误" in case.tags
    assert "contact_point" in case.missing


def test_IN_10_the_whole_contact_goes_to_the_timeline() -> None:
    said = contact(
        "长" * 20_000, attachments=[{"url": "https://files.example/1", "name": "bill.png"}], diagnostics={"os": 1}
    )
    note = arrive(None, said).note
    assert note is not None
    assert (note.kind, len(note.text)) == ("contact", 20_000)
    assert note.data["attachments"][0]["name"] == "bill.png"
    assert "diagnostics" not in note.data


def test_IN_13_diagnostics_are_kept_only_with_consent() -> None:
    note = arrive(None, contact(diagnostics={"os": 1}, diagnostics_consent=True)).note
    assert note is not None
    assert note.data["diagnostics"] == {"os": 1}


def test_a_long_text_is_cut_between_characters_and_marked() -> None:
    case = opened("长" * 20_000)
    assert case.text is not None
    assert (len(case.text.encode()), case.text_truncated) == (MAX_TEXT // 3 * 3, True)


def test_IN_2_a_contact_from_the_future_counts_as_of_now_and_is_flagged() -> None:
    ahead = arrive(None, contact(occurred_at=NOW + timedelta(minutes=6)))
    assert ahead.note is not None
    assert ahead.note.data["occurred_at"] == NOW
    assert ahead.state.flags == ("occurred_at_ahead",)
    assert arrive(None, contact(occurred_at=NOW + timedelta(minutes=4))).state.flags == ()


def test_a_known_customer_is_reached_as_he_is_known() -> None:
    customer = Customer(customer_id="cu-9", tier="vip", language="es", points=("email:a@b.example",))
    case = arrive(None, contact("123456", customer={}), customer=customer).state
    assert (case.customer_id, case.tier, case.language, case.reach.email) == ("cu-9", "vip", "es", "a@b.example")


def test_IN_4_the_same_conversation_joins_the_open_case() -> None:
    decision = arrive(opened(), contact("还有一个问题", id="c2"))
    assert types(decision) == ["case.contact_added"]
    assert [seen.id for seen in decision.state.contacts] == [contact_id("chat", "c1"), contact_id("chat", "c2")]


def test_a_conversation_belongs_to_its_source() -> None:
    assert conversation_of(contact(source="a")) != conversation_of(contact(source="b"))
    assert conversation_of(contact(conversation=None)) == ""


def test_a_repeat_changes_nothing_in_any_status() -> None:
    case = opened()
    closed = did(did(case, "resolved", result="好了").state, "closed").state
    for state in (case, closed):
        assert arrive(state, contact()).state is state
        assert arrive(state, contact()).events == ()


def test_a_field_that_is_new_to_the_contract_changes_no_hash() -> None:
    class LaterContact(Contact):
        colour: str | None = None

    said = contact().model_dump()
    assert contact_hash(LaterContact.model_validate(said)) == contact_hash(Contact.model_validate(said))


def test_the_same_revision_with_other_words_is_refused() -> None:
    refused = refusal(lambda: arrive(opened(), contact("别的话")))
    assert (refused.code, refused.status, refused.field) == ("identity_reused", 422, "revision")


def test_a_hash_does_not_depend_on_what_was_left_out_or_spelled_out() -> None:
    assert contact_hash(contact(subject=None, attachments=[])) == contact_hash(contact())
    assert contact_hash(contact(subject="x")) != contact_hash(contact())
    assert contact_hash(contact(diagnostics={"a": 1, "b": 2})) == contact_hash(contact(diagnostics={"b": 2, "a": 1}))


def test_IN_4_a_customer_who_answers_sets_the_case_going_again() -> None:
    waiting = did(opened(), "waiting", on="customer").state
    decision = arrive(waiting, contact("照片在附件里", id="c2"))
    assert types(decision)[:2] == ["case.contact_added", "case.resumed"]
    assert decision.state.status == "new"


def test_a_customer_who_comes_back_reopens_a_resolved_case() -> None:
    resolved = did(opened(), "resolved", result="已修好").state
    decision = arrive(resolved, contact("又坏了", id="c2"))
    assert types(decision)[:2] == ["case.contact_added", "case.reopened"]
    assert (decision.state.reopened, decision.state.resolution, decision.state.auto_close_at) == (1, None, None)


def test_IN_4_a_closed_case_is_opened_again_for_a_while_and_then_takes_no_further_contact() -> None:
    closed = did(did(opened(), "resolved", result="好了").state, "closed").state
    assert closed.open_conversations == ()
    within = RULES.joining.reopen_within
    again = arrive(closed, contact("又坏了", id="c2"), NOW + within)
    assert (again.state.status, again.state.reopened, again.state.closed_at) == ("new", 1, None)
    assert types(again)[:2] == ["case.contact_added", "case.reopened"]
    with pytest.raises(Elsewhere):
        arrive(closed, contact("又坏了", id="c2"), NOW + within + HOUR)


def test_a_merged_case_takes_no_further_contact() -> None:
    with pytest.raises(Elsewhere):
        arrive(opened().changed(merged_into="other"), contact("又坏了", id="c2"))


def test_a_full_case_gives_up_its_conversations_and_takes_no_more() -> None:
    case = opened()
    for n in range(2, RULES.lifecycle.max_contacts + 1):
        assert case.open_conversations == ("chat:talk-1",)
        case = arrive(case, contact(f"第{n}句", id=f"c{n}")).state
    assert case.open_conversations == ()
    with pytest.raises(Elsewhere):
        arrive(case, contact("再来一句", id="one-more"))
    assert arrive(case, contact("第2句", id="c2")).state is case


def test_a_full_case_stays_well_under_64_kib() -> None:
    case = opened("长" * 20_000, subject="题" * 1000)
    for n in range(2, RULES.lifecycle.max_contacts + 1):
        conversation = f"{'talk' * 45}-{min(n, 20)}"
        case = arrive(case, contact("长" * 20_000, id=f"c{n}", conversation=conversation)).state
    ended = did(case, "resolved", result="果" * 9000, measure="施" * 9000, evidence=["证" * 900] * 50).state
    assert ended.past_conversations
    assert len(bson.encode(ended.model_dump(mode="python"))) < 52 * 1024


def test_IN_7_a_joining_contact_raises_priority_and_never_lowers_it() -> None:
    case = opened("咨询保修政策")
    worse = arrive(case, contact("系统崩溃，上海所有门店无法使用，不能收款", id="c2"))
    raised = first(worse, CaseReprioritised)
    assert (raised.was, raised.to, raised.priority_reason.impact) == ("P3", "P0", "region")
    calmer = arrive(worse.state, contact("谢谢，不急", id="c3"))
    assert calmer.state.priority == "P0"
    assert "case.reprioritised" not in types(calmer)


def test_IN_5_more_words_classify_what_had_none() -> None:
    decision = arrive(opened("嗯嗯哦哦"), contact("昨天扣了两次钱，要退款", id="c2"))
    changed = first(decision, CaseReclassified)
    assert changed.to[:2] == ("支付问题", "退款异常")
    assert decision.state.category == changed.to


def test_IN_19_a_later_complaint_makes_the_case_a_complaint() -> None:
    decision = arrive(opened("咨询保修政策"), contact("没人理，我要投诉", id="c2"))
    assert decision.state.kind == "complaint"
    assert decision.state.category == ("产品咨询", "保修政策")


def test_what_an_agent_decided_is_not_changed_by_rules() -> None:
    case = did(opened("嗯嗯哦哦"), "reclassified", category=["产品咨询", "保修政策"], reason="问的是保修").state
    decision = arrive(case, contact("扣了两次钱，要退款，投诉", id="c2"))
    assert decision.state.category == ("产品咨询", "保修政策")
    assert decision.state.kind == case.kind


def test_an_amendment_tells_more_of_the_same_contact() -> None:
    case = opened("开不了机")
    decision = arrive(case, contact("一体机E500开不了机，序列号SN88210，无法营业", revision=2))
    added = first(decision, CaseContactAdded)
    assert (added.revision, added.facts["serial"], added.missing) == (2, "SN88210", ())
    assert decision.state.text == "一体机E500开不了机，序列号SN88210，无法营业"
    assert len(decision.state.contacts) == 1
    assert "case.reprioritised" in types(decision)


def test_an_amendment_reaches_a_closed_case_and_wakes_nothing() -> None:
    closed = did(did(opened(), "resolved", result="好了").state, "closed").state
    decision = arrive(
        closed, contact("录音：所有门店不能收款", revision=2, attachments=[{"url": "https://files.example/1"}])
    )
    assert types(decision) == ["case.contact_added"]
    assert decision.state.status == "closed"


def test_an_older_revision_is_no_news() -> None:
    case = arrive(None, contact("新", revision=3)).state
    assert arrive(case, contact("旧", revision=2)).state is case


def test_a_given_fact_beats_a_fact_in_the_text() -> None:
    case = opened("订单 B20261101-1 没到", facts={"order": "A20261121-553"})
    assert case.facts["order"] == "A20261121-553"


TEXTS = st.sampled_from(
    ["坏了", "扣了两次", "系统崩溃，所有门店不能收款", "谢谢", "order no. AB-1234", "态度恶劣，投诉"]
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), TEXTS), min_size=1, max_size=8), st.integers(1, 4))
def test_IN_1_each_contact_counts_once_however_often_it_comes(arrivals: list[tuple[str, str]], times: int) -> None:
    texts = dict(reversed(arrivals))
    state: Case | None = None
    for id_, _ in arrivals * times:
        state = arrive(state, contact(texts[id_], id=id_)).state
    assert state is not None
    assert sorted(seen.id for seen in state.contacts) == sorted(contact_id("chat", id_) for id_ in texts)


@settings(max_examples=60)
@given(st.permutations([1, 2, 3, 4, 5]), TEXTS)
def test_amendments_in_any_order_end_in_the_latest(order: list[int], text: str) -> None:
    state: Case | None = None
    for revision in order:
        state = arrive(state, contact(f"{text} 第{revision}版", revision=revision)).state
    assert state is not None
    assert state.contacts[0].revision == 5
    assert state.contacts[0].hash == contact_hash(contact(f"{text} 第5版", revision=5))
    assert state.text == f"{text} 第5版"


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_IN_7_priority_never_falls_while_a_customer_speaks(texts: list[str]) -> None:
    state, levels = None, []
    for n, text in enumerate(texts):
        state = arrive(state, contact(text, id=f"c{n}")).state
        levels.append(state.priority)
    assert levels == sorted(levels, reverse=True)


def test_a_case_is_the_same_after_being_stored() -> None:
    case = arrive(opened("订单 A20261121-553"), contact("又来", id="c2")).state
    assert Case.model_validate(case.model_dump(mode="python")) == case
    assert len(bson.encode(case.model_dump(mode="python"))) < 4096


def test_a_case_holds_a_bounded_number_of_conversations() -> None:
    case = opened()
    for n in range(2, MAX_CONVERSATIONS + 1):
        case = arrive(case, contact(id=f"c{n}", conversation=f"talk-{n}")).state
    with pytest.raises(Elsewhere):
        arrive(case, contact(id="more", conversation="one-more"))
    assert arrive(case, contact(id="more", conversation="talk-2")).state.seen(contact_id("chat", "more"))
