"""NT-1, IN-3: whose case it is, and by which channel he is told, as far as that is known by now."""

from typing import Any

from services.notify.domain import tell
from services.notify.domain.casefile import Casefile
from shared.events.cases import CaseAbsorbed, CaseContactAdded, ContactRef
from tests.unit.notify.build import CASE, NOW, NUMBER, RULES, opened

IDS = {"case_id": CASE, "number": NUMBER}


def added(state: Casefile, **more: Any) -> Casefile:
    said = {"contact_id": "c2", "contact": ContactRef(source="s", id="2"), "channel": "phone", **more}
    return tell.contact_added(state, NOW, event=CaseContactAdded(**IDS, **said), cause="e2", rules=RULES).state


def test_IN_3_whoever_turns_out_to_be_the_customer_is_whose_messages_these_are() -> None:
    file = added(opened(), customer_id="known")
    assert file.customer == "known"
    assert added(file).customer == "known", "an event that names nobody takes nobody away"
    event = CaseAbsorbed(**IDS, by="Z01", of="b", of_number="M7JX-HSCM", customer_id="another")
    assert tell.absorbed(file, NOW, event=event).state.customer == "another"


def test_NT_1_a_call_of_ours_does_not_change_the_channel_that_the_customer_uses() -> None:
    file = opened(channel="email")
    assert (added(file, asks=False).channel, added(file).channel) == ("email", "phone")
