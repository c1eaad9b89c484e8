"""What is new on `cases.v1` is known to its four readers: it parks no key of theirs. Some of it changes nothing there;
a tier that is learned after the opening reaches whoever goes by it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from services.feedback import handlers as feedback
from services.feedback.domain.rules import Rules as FeedbackRules
from services.notify import handlers as notify
from services.notify.domain.rules import Rules as NotifyRules
from services.routing import handlers as routing
from services.routing.domain.rules import Rules as RoutingRules
from services.routing.domain.ticket import unknown
from services.sla import handlers as sla
from services.sla.domain.rules import Rules as SlaRules
from shared.clock import utc_now
from shared.doors import Handlers
from shared.events.base import Event, EventData
from shared.events.cases import (
    EVENTS,
    BurstNoticed,
    CaseAbsorbed,
    CaseContactAdded,
    CaseFactsChecked,
    CaseLinked,
    CaseSummarised,
    ContactRef,
)
from shared.metrics import Metrics
from shared.rules import load
from tests.component.neighbours import case_opened

OPENED = case_opened("new")
IDS = {"case_id": OPENED.case_id, "number": OPENED.number}
NEW: tuple[EventData, ...] = (
    BurstNoticed(burst_id="b1", category=("技术故障", "系统故障"), words=("崩溃",), cases=("k1",)),
    CaseSummarised(**IDS, by="Z01", was="a", to="b"),
    CaseLinked(**IDS, by="sla", to="i1", kind="incident"),
)
READERS: dict[str, Callable[[Metrics], Handlers[Any]]] = {
    "routing": lambda m: routing.ticket_changes(lambda: load("routing", RoutingRules.parse, None), m, unknown),
    "sla": lambda m: sla.watch_changes(lambda: load("sla", SlaRules.parse, None), m),
    "feedback": lambda m: feedback.case_changes(lambda: load("feedback", FeedbackRules.parse, None), m),
    "notify": lambda m: notify.case_changes(lambda: load("notify", NotifyRules.parse, None), m),
}


def said(data: EventData, sequence: int, subject: str) -> Event:
    value = data.model_dump(mode="json")
    return Event("cases.v1", data.TYPE, subject, f"e{sequence}", utc_now(), value, sequence)


@pytest.mark.parametrize("reader", READERS)
def test_every_event_of_cases_is_known_to_its_readers(reader: str) -> None:
    """`case.merged` and `case.absorbed` change what they keep; how, their own tests say."""
    assert {event.TYPE for event in EVENTS} <= READERS[reader](Metrics(reader)).types


@pytest.mark.parametrize("event", NEW, ids=lambda event: event.TYPE)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_new_on_cases_is_known_and_changes_nothing(reader: str, event: EventData) -> None:
    changes = READERS[reader](Metrics(reader))
    assert event.TYPE in changes.types
    known = None
    if not isinstance(event, BurstNoticed):
        known = changes(said(OPENED, 1, OPENED.case_id)).decide(None, utc_now()).state
        assert known is not None
    decision = changes(said(event, 2, "subject")).decide(known, utc_now())
    assert decision.events == ()
    assert decision.state == known


REF = ContactRef(source="mail", id="2")
LEARNED: tuple[EventData, ...] = (
    CaseContactAdded(**IDS, contact_id="c", contact=REF, channel="email", tier="platinum"),
    CaseAbsorbed(**IDS, by="Z01", of="k2", of_number="M7JX-HSCM", tier="platinum"),
    CaseFactsChecked(**IDS, by="look-up", flags=("fact_mismatch",), tier="platinum"),
)


@pytest.mark.parametrize("event", LEARNED, ids=lambda event: event.TYPE)
@pytest.mark.parametrize("reader", ["routing", "sla", "feedback"])
def test_IN_7_a_tier_that_is_learned_later_reaches_whoever_goes_by_it(reader: str, event: EventData) -> None:
    changes = READERS[reader](Metrics(reader))
    known = changes(said(OPENED, 1, OPENED.case_id)).decide(None, utc_now()).state
    after = changes(said(event, 2, OPENED.case_id)).decide(known, utc_now()).state
    assert (known.tier, after.tier) == (OPENED.customer.tier, "platinum")
