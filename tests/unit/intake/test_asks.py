"""Whoever only says thanks asks nothing of us, whether his case is open or solved (IN-4, SL-1)."""

from typing import Any

import pytest

from services.intake.domain.case import Case
from shared.decisions import Decision
from tests.unit.intake.given import HOUR, NOW, arrive, contact, did, opened, types


def answered() -> Case:
    return did(opened("打印机卡纸"), "responded", text="请重启试试").state


def says(state: Case, text: str, **more: Any) -> Decision[Case]:
    return arrive(state, contact(text, id="c9", **more), NOW + HOUR)


@pytest.mark.parametrize("thanks", ["谢谢", "好的，谢谢！", "Thanks, that helped"])
@pytest.mark.parametrize(
    "state", [answered(), did(answered(), "resolved", result="好了").state], ids=["open", "solved"]
)
def test_SL_1_thanks_are_told_as_asking_nothing(state: Case, thanks: str) -> None:
    decision = says(state, thanks)
    assert types(decision) == ["case.contact_added"]
    assert not decision.events[0].asks
    assert not decision.state.unanswered


@pytest.mark.parametrize("said", ["谢谢，还是卡纸", "？？？", "!!!", "🙏"])
def test_SL_1_a_question_with_thanks_asks_and_so_do_signs_alone(said: str) -> None:
    decision = says(answered(), said)
    assert (decision.events[0].asks, decision.state.unanswered) == (True, True)


def test_IN_16_the_summary_keeps_what_was_asked_last() -> None:
    asked = says(answered(), "墨盒也要换").state
    thanked = arrive(asked, contact("谢谢", id="c10"), NOW + HOUR).state
    assert thanked.latest == "墨盒也要换"
    assert "谢谢" not in thanked.summary


def test_SL_1_an_ok_that_answers_our_question_gives_us_the_ball() -> None:
    waits = did(answered(), "waiting", on="customer").state
    decision = says(waits, "好的")
    assert types(decision) == ["case.contact_added", "case.resumed"]
    assert decision.events[0].asks
