"""NT-1: whoever asked for nothing is not told that he is being served."""

from typing import Any

import pytest

from services.notify.domain import tell
from services.notify.domain.casefile import Casefile
from tests.unit.notify.build import NOW, RULES, added_event, assigned_event, opened, words


@pytest.mark.parametrize("asks", [True, False])
def test_NT_1_a_case_that_our_own_call_opened_is_not_told_as_received(asks: bool) -> None:
    templates = [message.template for message in opened(asks=asks).messages]
    assert ("received" in templates) is asks
    assert opened(asks=asks).customer == "customer-1"


def said(state: Casefile, **changes: Any) -> Casefile:
    event = added_event().model_copy(update={"joined_by": "topic", "priority": "P1", "missing": ("order",), **changes})
    return tell.contact_added(state, NOW, event=event, cause="event-2", rules=RULES).state


def told(state: Casefile) -> list[str]:
    return [message.template for message in state.messages]


def test_NT_1_who_writes_into_a_case_that_our_own_call_opened_is_told_of_it_once() -> None:
    state = opened(asks=False)
    transcript = said(state, asks=False, revision=9, joined_by="")
    assert told(transcript) == []
    mailed = said(transcript)
    assert told(mailed) == ["received"]
    assert all(word in words(mailed, "received") for word in ("预计处理周期：8 小时", "订单"))
    assert told(said(mailed)) == ["received"]


@pytest.mark.parametrize(
    "changes",
    [{"asks": False}, {"revision": 2, "joined_by": ""}, {"priority": None}],
    ids=["thanks", "an-amendment", "from-the-version-before"],
)
def test_NT_1_he_is_told_only_when_he_asks_something(changes: dict[str, Any]) -> None:
    assert told(said(opened(asks=False), **changes)) == []
    assert told(said(said(opened(asks=False), **changes))) == ["received"]


def test_NT_1_who_opened_the_case_himself_is_not_told_again() -> None:
    assert told(said(opened())) == ["received"]


def test_NT_1_who_knows_the_number_from_his_agent_is_not_told_that_it_was_received() -> None:
    state = tell.assigned(opened(asks=False), NOW, event=assigned_event(), cause="event-a", rules=RULES).state
    assert told(said(state)) == ["assigned"]
