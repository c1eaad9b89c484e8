"""From an event to the change that it asks for."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from shared.decisions import Decision
from shared.doors import Handlers, cause_of, ignore, inbound_record
from shared.errors import Unreadable
from shared.metrics import Metrics
from tests.unit.shared.tally import T0, Added, Counted, Named, Tally, add, event


def handlers() -> tuple[Handlers[Tally], Metrics]:
    metrics = Metrics("test")
    on: Handlers[Tally] = Handlers(metrics)
    on.ours(Added, lambda added, told: partial(add, n=added.n, step=told.id))
    on.ours(Counted, ignore)
    on.outsiders(
        "name.given",
        Named,
        lambda named, _: partial(add, n=1, step=named.name),
        key=lambda n: n.name,
        once=lambda n: f"x:{n.name}",
    )
    return on, metrics


def test_our_own_event_goes_to_the_document_of_its_subject() -> None:
    on, _ = handlers()
    told = event("numbers.v1", 1, n=7)
    change = on(told)
    assert (change.key, change.cause, change.event, change.once) == ("k", told.id, told, "")
    assert change.decide(None, T0).state.total == 7


def test_an_outsiders_record_goes_where_its_data_says_and_counts_once() -> None:
    on, _ = handlers()
    told = replace(event("names.v1", None), type="name.given", data={"name": "王芳"})
    change = on(told)
    assert (change.key, change.once, change.cause) == ("王芳", "x:王芳", cause_of("names.v1", "王芳", "x:王芳"))


def test_a_type_that_is_not_known_has_no_effect_and_is_counted() -> None:
    """A newer neighbour must not stop an older one."""
    on, metrics = handlers()
    change = on(replace(event("numbers.v1", 1), type="number.squared"))
    state = Tally(total=3)
    assert change.decide(state, T0) == Decision(state)
    assert change.event is not None
    assert metrics.events_unknown.labels("number.squared")._value.get() == 1


def test_what_is_known_and_ignored_has_no_effect_and_is_not_counted() -> None:
    on, metrics = handlers()
    change = on(replace(event("tallies.v1", 1), type="tally.counted", data={"total": 1}))
    assert change.decide(None, T0) == Decision(None)
    assert metrics.events_unknown._children == {}


@pytest.mark.parametrize("data", [{"n": "many"}, {"n": None}, {"n": {}}])
def test_data_that_is_not_what_its_type_promises_is_unreadable(data: dict[str, Any]) -> None:
    on, _ = handlers()
    with pytest.raises(Unreadable, match=r"^n: "):
        on(replace(event("numbers.v1", 1), data=data))


def test_fields_that_a_newer_neighbour_adds_are_ignored() -> None:
    on, _ = handlers()
    assert on(event("numbers.v1", 1, n=2, squared=True)).decide(None, T0).state.total == 2


def test_a_record_written_by_an_http_door_says_all_that_was_said_and_has_no_sequence() -> None:
    entry = inbound_record("names.v1", "name.given", "k", Named(name="王芳"), T0, "id-1")
    assert (entry.value, entry.sequence, entry.key) == ('{"name":"王芳"}'.encode(), None, "k")
