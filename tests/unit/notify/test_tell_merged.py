"""NT-1, IN-15: a customer whose case was merged hears once under which number it goes on, in his language."""

import pytest

from services.notify.domain import tell
from services.notify.domain.casefile import Casefile
from shared.events.cases import CaseAbsorbed, CaseMerged, Reach
from tests.unit.notify.build import CASE, NOW, NUMBER, RULES, WANG, delivered, opened, words

IDS = {"case_id": CASE, "number": NUMBER}
MERGED = CaseMerged(**IDS, by="Z01", into="other", into_number="M7JX-HSCM")


def merged(state: Casefile | None) -> Casefile:
    return tell.case_merged(state, NOW, event=MERGED, cause="event-m", rules=RULES).state


@pytest.mark.parametrize(
    ("language", "told"),
    [("zh", f"您的工单 {NUMBER} 已合并至工单 M7JX-HSCM"), ("en", f"Your case {NUMBER} goes on as case M7JX-HSCM")],
)
def test_NT_1_a_customer_is_told_the_number_under_which_his_case_goes_on(language: str, told: str) -> None:
    assert told in words(merged(opened(language=language)), "merged")


def test_NT_6_he_is_told_it_once() -> None:
    once = delivered(merged(opened()))
    assert merged(once) is once


def test_NT_1_the_case_that_goes_on_reaches_him_in_the_ways_that_the_other_knew() -> None:
    file = opened(reach=Reach(phone=WANG.phone))
    event = CaseAbsorbed(**IDS, by="Z01", of="b", of_number="M7JX-HSCM", reach=WANG)
    after = tell.absorbed(file, NOW, event=event)
    assert (after.state.reach, after.events) == (WANG, ())
    assert tell.absorbed(after.state, NOW, event=event).state is after.state
