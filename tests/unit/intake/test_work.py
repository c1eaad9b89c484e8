from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.intake.change import PAIRS
from services.intake.domain.case import Case
from services.intake.domain.work import pass_on
from shared.decisions import Decision
from shared.events.work import INTAKE_VERBS, Work
from tests.unit.intake.given import HOUR, NOW, arrive, contact, did, opened, refusal, types


def event(decision: Decision[Case]) -> Any:
    return decision.events[-1]


def complaint() -> Case:
    return opened("态度恶劣，我要投诉")


def test_unknown_cases_are_named() -> None:
    refused = refusal(lambda: did(None, "noted", text="x"))
    assert (refused.code, refused.field, refused.status) == ("unknown_case", "case_id", 404)


def test_only_the_first_answer_is_the_first() -> None:
    one = did(opened().changed(status="assigned"), "responded", text="您好")
    two = did(one.state, "responded", NOW + HOUR, text="还在吗")
    assert (event(one).first, event(two).first) == (True, False)
    assert (one.state.status, two.state.first_responded_at) == ("in_progress", NOW)


def test_SL_13_a_promise_says_what_and_until_when() -> None:
    decision = did(opened(), "responded", promise="今天退款", promise_at=NOW + HOUR)
    assert (event(decision).promise.what, event(decision).promise.until) == ("今天退款", NOW + HOUR)
    refused = refusal(lambda: did(opened(), "responded", promise="今天退款"))
    assert (refused.status, refused.field) == (422, "promise_at")


def test_S1_waiting_for_a_third_party_names_it_and_its_promise() -> None:
    decision = did(opened(), "waiting", party="支付平台", promise_at=NOW + 24 * HOUR)
    assert (event(decision).on, event(decision).party) == ("third_party", "支付平台")
    assert decision.state.status == "waiting_third_party"
    assert did(opened(), "waiting").state.status == "waiting_customer"


def test_a_customer_does_not_end_the_wait_for_a_third_party() -> None:
    waiting = did(opened(), "waiting", party="支付平台").state
    decision = arrive(waiting, contact("到了吗", id="c2"))
    assert decision.state.status == "waiting_third_party"


def test_resuming_says_what_was_waited_for() -> None:
    waiting = did(opened().changed(agent_id="Z01"), "waiting", party="支付平台").state
    decision = did(waiting, "resumed")
    assert (event(decision).on, decision.state.status, decision.state.waiting_party) == (
        "third_party",
        "in_progress",
        None,
    )


def test_S8_reclassified_by_an_agent_with_who_and_why() -> None:
    decision = did(opened("嗯嗯哦哦"), "reclassified", category=["Payments", "Refunds"], reason="客户说明是退款")
    assert (event(decision).by, event(decision).why) == ("Z01", "客户说明是退款")
    assert (event(decision).was, event(decision).to) == (("产品咨询", "其他咨询"), ("支付问题", "退款异常"))
    assert decision.state.category_by == "Z01"


@pytest.mark.parametrize(
    ("category", "code"),
    [(["支付问题", "占星"], "unknown_category"), (["支付问题"], "missing_field"), (None, "missing_field")],
)
def test_IN_5_a_category_outside_the_tree_is_refused(category: list[str] | None, code: str) -> None:
    refused = refusal(lambda: did(opened(), "reclassified", category=category))
    assert (refused.code, refused.field, refused.status) == (code, "category", 422)


def test_IN_5_a_refused_category_names_the_possible_ones() -> None:
    refused = refusal(lambda: did(opened(), "reclassified", category=["支付问题", "占星"]))
    assert "退款异常" in refused.message


@pytest.mark.parametrize(
    ("said", "counted"),
    [("软件逻辑错误", "software"), ("Hardware", "hardware"), ("操作不当", "operation"), ("月亮", "月亮"), (None, None)],
)
def test_IN_18_the_cause_is_recorded_with_its_evidence(said: str | None, counted: str | None) -> None:
    decision = did(opened(), "resolved", result="已修好", cause=said, evidence=["日志 7", "客户原话"])
    assert (event(decision).cause, event(decision).evidence) == (counted, ("日志 7", "客户原话"))
    assert (decision.state.cause, decision.state.evidence) == (counted, ("日志 7", "客户原话"))


def test_a_reopened_case_has_no_end_any_more() -> None:
    case = did(did(opened(), "resolved", result="好了", cause="软件").state, "closed").state
    again = did(case, "reopened", reason="又坏了")
    assert types(again) == ["case.reopened"]
    assert (again.state.closed_at, again.state.resolution, again.state.cause, again.state.reopened) == (
        None,
        None,
        None,
        1,
    )


@pytest.mark.parametrize(
    ("given", "field"), [({}, "result"), ({"result": "已道歉"}, "measure"), ({"measure": "培训"}, "result")]
)
@pytest.mark.parametrize("resolved_first", [False, True])
def test_FB_12_a_complaint_is_not_closed_without_result_and_measure(
    given: dict[str, str], field: str, resolved_first: bool
) -> None:
    case = did(complaint(), "resolved").state if resolved_first else complaint()
    refused = refusal(lambda: did(case, "closed", **given))
    assert (refused.code, refused.field, refused.status) == ("missing_field", field, 422)


def test_FB_12_a_complaint_with_result_and_measure_is_closed() -> None:
    at_once = did(complaint(), "closed", result="已道歉", measure="培训")
    assert types(at_once) == ["case.resolved", "case.closed"]
    resolved = did(complaint(), "resolved", result="已道歉", measure="培训").state
    assert did(resolved, "closed").state.status == "closed"
    assert did(did(complaint(), "resolved").state, "closed", result="已道歉", measure="培训").state.measure == "培训"


def test_RT_15_solved_and_closed_in_one_command() -> None:
    decision = did(opened("咨询保修政策"), "closed", result="两年保修")
    assert types(decision) == ["case.resolved", "case.closed"]
    assert (event(decision).how, decision.state.resolution) == ("agent", "两年保修")


def test_IN_15_an_open_case_without_result_is_not_closed() -> None:
    refused = refusal(lambda: did(opened("咨询保修政策"), "closed", text="算了"))
    assert (refused.code, refused.status) == ("wrong_transition", 409)


def test_NT_2_a_delay_names_reason_remedy_and_the_new_time() -> None:
    waiting = did(opened(), "waiting", party="仓库", promise_at=NOW + HOUR).state
    decision = did(waiting, "delay_noticed", reason="配件缺货", remedy="临时替代机", promise_at=NOW + 9 * HOUR)
    noted = event(decision)
    assert (noted.kind, noted.why, noted.remedy, noted.promise_at) == (
        "delay",
        "配件缺货",
        "临时替代机",
        NOW + 9 * HOUR,
    )
    assert (decision.state.status, decision.state.waiting_until) == ("waiting_third_party", NOW + 9 * HOUR)
    assert refusal(lambda: did(waiting, "delay_noticed")).field == "reason"


def test_a_note_needs_words() -> None:
    assert refusal(lambda: did(opened(), "noted", text="  ")).field == "text"


def test_IN_10_every_deed_leaves_a_line_with_who_and_what() -> None:
    note = did(opened(), "resolved", result="已修好", cause="软件").note
    assert note is not None
    assert (note.kind, note.by, note.data["cause"]) == ("resolved", "Z01", "软件")


DEEDS: dict[str, tuple[Case, dict[str, Any]]] = {
    "responded": (opened(), {"promise": "今天退款", "promise_at": NOW + HOUR}),
    "noted": (opened(), {"text": "备注"}),
    "waiting": (opened(), {"party": "仓库", "promise_at": NOW + HOUR}),
    "resumed": (did(opened(), "waiting").state, {}),
    "reclassified": (opened(), {"category": ["Payments", "Refunds"]}),
    "resolved": (opened(), {"result": "已修好"}),
    "closed": (opened(), {"result": "已修好"}),
    "reopened": (did(opened(), "resolved").state, {}),
    "delay_noticed": (did(opened(), "waiting", party="仓库", promise_at=NOW).state, {"reason": "缺货"}),
    "summarised": (opened(), {"text": "重复扣款，等待退款"}),
}


@pytest.mark.parametrize("verb", ["responded", "waiting", "resumed", "resolved", "closed"])
def test_SL_2_work_says_when_it_was_done_if_that_was_before_we_heard_of_it(verb: str) -> None:
    case, what = DEEDS[verb]
    done_at = NOW + timedelta(minutes=5, microseconds=1500)
    decision = did(case, verb, NOW + HOUR, at=done_at.isoformat(), **what)
    assert {e.happened_at for e in decision.events} == {NOW + timedelta(minutes=5, milliseconds=1)}
    assert {e.happened_at for e in did(case, verb, NOW + HOUR, **what).events} == {None}


def test_SL_2_what_the_case_keeps_is_dated_by_our_clock() -> None:
    decision = did(opened(), "resolved", NOW + HOUR, at=NOW.isoformat(), result="已修好")
    assert (event(decision).happened_at, decision.state.resolved_at) == (NOW, NOW + HOUR)


@pytest.mark.parametrize("verb", sorted(INTAKE_VERBS - PAIRS))
@pytest.mark.parametrize("at", ["2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z"])
def test_IN_10_a_desktops_wrong_clock_moves_no_promise_no_timer_and_no_line(verb: str, at: str) -> None:
    """Ahead of us, or before the case: what an agent says of the time is kept as his word, and ours counts."""
    case, what = DEEDS[verb]
    right, wrong = did(case, verb, **what), did(case, verb, at=at, **what)
    assert (wrong.state, wrong.events) == (right.state, right.events)
    assert wrong.note is not None
    assert (wrong.note.at, wrong.note.data["at"]) == (NOW, datetime.fromisoformat(at))


def test_what_routing_decides_is_written_down_and_passed_on() -> None:
    case = opened()
    work = Work(id="w1", agent_id="Z01", case_id=case.case_id, reason="去开会")
    decision = pass_on(case, NOW, work=work, verb="declined")
    assert decision.state is case
    assert decision.note is not None
    assert decision.note.kind == "declined"
    assert refusal(lambda: pass_on(None, NOW, work=work, verb="declined")).status == 404


def test_a_promise_is_kept_in_utc_and_whole_milliseconds() -> None:
    case = did(opened(), "waiting", party="支付平台", promise_at="2026-11-22T18:00:00.123456+08:00").state
    assert case.waiting_until == datetime(2026, 11, 22, 10, 0, 0, 123_000, tzinfo=UTC)
    assert case.waiting_until.utcoffset() == timedelta(0)
