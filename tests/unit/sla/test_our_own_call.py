"""SL-1: whoever asked for nothing waits for no answer; his matter is to be resolved all the same."""

import pytest

from services.sla.domain.follow import follow
from tests.unit.sla.build import NOON, opened_event, plain


@pytest.mark.parametrize("asks", [True, False])
def test_SL_1_a_case_that_our_own_call_opened_owes_no_first_answer(asks: bool) -> None:
    watch = follow(None, NOON, event=opened_event(asks=asks), at=NOON, rules=plain()).state
    assert bool(watch.live("first_response")) is asks
    assert watch.live("resolution")
