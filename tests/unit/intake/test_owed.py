"""What a case still owes its customer, and what a third party still owes it: kept once, moved, carried by a merger."""

from datetime import datetime
from typing import Any

from services.intake.customer_view import promises
from services.intake.domain.case import Case
from services.intake.domain.merge_cases import absorb_case
from shared.decisions import Decision
from shared.events.cases import CaseAbsorbed
from shared.events.work import Work
from tests.unit.intake.given import HOUR, NOW, RULES, arrive, contact, did, opened


def case(id_: str, text: str = "打印机卡纸") -> Case:
    return opened(text, id=id_, conversation=id_).changed(case_id=id_)


def answered(id_: str) -> Case:
    return did(case(id_), "responded", text="在看").state


def asks_again(state: Case, text: str = "退款到底什么时候到？") -> Case:
    return arrive(state, contact(text, id="again"), NOW + HOUR).state


def merged(ends: Case, goes_on: Case, now: datetime = NOW + 3 * HOUR) -> Decision[Case]:
    work = Work.model_validate({"id": "m", "agent_id": "Z01", "case_id": ends.case_id, "to": goes_on.case_id})
    return absorb_case(goes_on, now, other=ends, customer_id=goes_on.customer_id, work=work, rules=RULES)


def told(decision: Decision[Case]) -> Any:
    return next(event for event in decision.events if isinstance(event, CaseAbsorbed))


def test_IN_15_whoever_asked_again_after_the_answer_is_still_owed_one_after_a_merger() -> None:
    decision = merged(asks_again(answered("b")), answered("a"))
    assert told(decision).unanswered
    assert decision.state.unanswered, "and so by a further merger"
    assert not told(merged(answered("b"), answered("a"))).unanswered


def test_IN_15_an_answer_or_a_solution_pays_what_was_owed() -> None:
    asked = asks_again(answered("b"))
    assert not told(merged(did(asked, "responded", text="今天到").state, answered("a"))).unanswered
    solved = did(asked, "resolved", result="已退款").state
    assert not did(solved, "reopened").state.unanswered
    assert not told(merged(solved, answered("a"))).unanswered


def test_IN_15_a_solution_without_an_answer_is_the_answer_too() -> None:
    again = did(did(case("b"), "resolved", result="已退款").state, "reopened").state
    assert not told(merged(again, answered("a"))).unanswered


def test_IN_15_of_a_case_that_an_earlier_version_kept_only_the_first_answer_is_known_to_be_owed() -> None:
    before = {"awaits_answer": None}
    assert told(merged(case("b").changed(**before), answered("a"))).unanswered
    assert not told(merged(answered("b").changed(**before), answered("a"))).unanswered


def test_SL_1_thanks_and_amendments_are_owed_no_answer() -> None:
    assert not asks_again(answered("b"), "谢谢").unanswered
    amended = arrive(answered("b"), contact("打印机卡纸，E500", id="b", conversation="b", revision=2))
    assert not amended.state.unanswered


def waits(state: Case, party: str | None = "支付平台", hours: int = 20) -> Case:
    return did(state, "waiting", on="third_party", party=party, promise_at=(NOW + hours * HOUR).isoformat()).state


def test_SL_8_a_third_party_that_was_waited_for_is_waited_for_by_the_case_that_goes_on() -> None:
    decision = merged(waits(case("b")), answered("a"))
    assert (told(decision).party, told(decision).party_until) == ("支付平台", NOW + 20 * HOUR)
    after = decision.state
    assert (after.status, after.waiting_party, after.waiting_until) == (
        "waiting_third_party",
        "支付平台",
        NOW + 20 * HOUR,
    )
    assert did(after, "resumed").state.status == "new"


def test_SL_8_one_that_waits_for_a_third_party_itself_goes_on_waiting_for_its_own() -> None:
    decision = merged(waits(case("b")), waits(case("a"), "顺丰", 9))
    assert (decision.state.waiting_party, decision.state.waiting_until) == ("顺丰", NOW + 9 * HOUR)
    assert told(decision).party == "支付平台", "whose promise is kept in mind too"


def test_SL_8_a_third_party_without_a_name_or_in_time_past_is_told_as_such() -> None:
    nameless = told(merged(waits(case("b"), party=None), answered("a")))
    assert (nameless.party, nameless.party_until) == ("", NOW + 20 * HOUR)
    late = told(merged(waits(case("b"), hours=1), answered("a")))
    assert (late.party, late.party_until) == ("支付平台", None), "what broke was told where it broke"
    assert told(merged(case("b"), answered("a"))).party is None


def promised(state: Case, hours: int = 8) -> Case:
    return did(state, "responded", promise="回电", promise_at=(NOW + hours * HOUR).isoformat()).state


def test_SL_13_coming_back_to_the_customer_keeps_the_promise_which_no_merger_makes_again() -> None:
    kept = did(promised(case("b")), "responded", text="已回电").state
    assert kept.promise is None
    assert told(merged(kept, answered("a"))).promise is None
    assert told(merged(promised(case("b")), answered("a"))).promise is not None


def test_SL_13_a_solution_keeps_the_promise_and_it_is_none_when_the_case_is_opened_again() -> None:
    solved = did(promised(case("b")), "resolved", result="好了").state
    assert solved.promise is None
    assert list(promises(did(solved, "reopened").state)) == []


def put_off(state: Case, hours: int = 30, **more: Any) -> Case:
    new = {"reason": "缺件", "promise_at": (NOW + hours * HOUR).isoformat(), **more}
    return did(state, "delay_noticed", **new).state


def test_SL_13_word_of_a_delay_moves_the_promise_which_a_merger_carries_after_its_old_time() -> None:
    late = put_off(promised(case("b")))
    assert (late.promise.what, late.promise.until) == ("回电", NOW + 30 * HOUR)  # type: ignore[union-attr]
    assert told(merged(late, answered("a"), NOW + 9 * HOUR)).promise == late.promise


def test_NT_2_word_of_a_delay_is_a_promise_of_its_own_where_there_was_none() -> None:
    late = put_off(case("b"), remedy="备用机")
    assert (late.promise.what, late.promise.until) == ("备用机", NOW + 30 * HOUR)  # type: ignore[union-attr]
    nothing_new = did(promised(case("b")), "delay_noticed", reason="缺件").state
    assert nothing_new.promise.until == NOW + 8 * HOUR  # type: ignore[union-attr]


def test_SL_8_word_of_a_delay_while_a_third_party_is_waited_for_moves_its_promise_and_not_ours() -> None:
    late = put_off(waits(promised(case("b"))))
    assert (late.promise.until, late.waiting_until) == (NOW + 8 * HOUR, NOW + 30 * HOUR)  # type: ignore[union-attr]


def test_IN_3_the_view_of_a_customer_shows_what_we_and_what_third_parties_promised() -> None:
    ours, theirs = promises(waits(promised(case("b"))))
    assert (ours["what"], ours["party"], ours["until"]) == ("回电", None, "2026-11-22T17:00:00Z")
    assert (theirs["party"], theirs["until"], theirs["case_id"]) == ("支付平台", "2026-11-23T05:00:00Z", "b")
    back = did(waits(case("b")), "resumed").state
    assert list(promises(back)) == []


def test_IN_3_until_when_the_customer_is_waited_for_is_no_promise() -> None:
    until = (NOW + 9 * HOUR).isoformat()
    assert list(promises(did(case("b"), "waiting", on="customer", promise_at=until).state)) == []
