"""Promises 2 and 3 for any order, repetition and crash: exactly once, in order, no effect before its cause."""

from typing import Any

import bson
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.document import Document, from_body, to_body
from shared.events.base import Event
from shared.fold import Change, drain, fold
from tests.unit.shared.tally import T0, Tally, change_for, event, fail, folding

A, B = "numbers.v1", "names.v1"
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Events of two topics as they happened: each may have seen any part of what the other had given out."""
    counts, seen = {A: 0, B: 0}, {A: 0, B: 0}
    events = []
    for topic in draw(st.lists(st.sampled_from([A, B]), min_size=1, max_size=14)):
        other = B if topic == A else A
        counts[topic] += 1
        seen[topic] = draw(st.integers(seen[topic], counts[other]))
        after = {other: seen[topic]} if seen[topic] else {}
        events.append(event(topic, counts[topic], after=after, place=len(events)))
    return events


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Event], list[Event | None]]:
    """A history, and how it arrives: everything at least once, in any order; None is a restart."""
    history = draw(histories())
    extra = draw(st.lists(st.sampled_from(history), max_size=10))
    restarts: list[Event | None] = [None] * draw(st.integers(0, 4))
    return history, draw(st.permutations([*history, *extra, *restarts]))


def reloaded(document: Document[Tally]) -> Document[Tally]:
    return from_body(bson.decode(bson.encode(to_body(document, "n")), AWARE), document.state)


def arrive(deliveries: list[Event | None], broken: frozenset[str] = frozenset()) -> Document[Tally]:
    document: Document[Tally] = Document(key="k", shard=0)
    by = folding(A, B, interpret=lambda e: decision_on(e, broken))
    for one in deliveries:
        if one is None:
            document = reloaded(document)
        else:
            fold(document, decision_on(one, broken), T0, by)
    return document


def decision_on(one: Event, broken: frozenset[str]) -> Change[Tally]:
    change = change_for(one)
    if one.id in broken:
        change.decide = fail
    return change


def assert_exactly_once_in_order(document: Document[Tally], history: list[Event]) -> None:
    steps = document.state.steps if document.state else ()
    for topic in (A, B):
        wanted = [f"{topic}:{e.sequence}" for e in history if e.topic == topic]
        assert [s for s in steps if s.startswith(topic)] == wanted
    for effect in history:
        for topic, number in effect.after.items():
            assert steps.index(f"{topic}:{number}") < steps.index(f"{effect.topic}:{effect.sequence}")
    assert document.held == []
    assert document.state
    assert document.state.total == len(history)
    assert [e.sequence for e in document.outbox] == list(range(1, len(history) + 1))


@given(deliveries())
@settings(max_examples=200, deadline=None)
def test_any_arrival_of_two_topics_is_applied_exactly_once_in_order_and_after_its_causes(
    case: tuple[list[Event], list[Event | None]],
) -> None:
    history, arrivals = case
    assert_exactly_once_in_order(arrive(arrivals), history)


@given(deliveries(), st.data())
@settings(max_examples=100, deadline=None)
def test_the_same_holds_when_a_bug_parks_the_key_and_it_is_unparked_later(
    case: tuple[list[Event], list[Event | None]], data: st.DataObject
) -> None:
    history, arrivals = case
    broken = frozenset(e.id for e in data.draw(st.lists(st.sampled_from(history), max_size=2)))
    document = reloaded(arrive(arrivals, broken))
    document.parked = None
    drain(document, T0, folding(A, B))
    assert_exactly_once_in_order(document, history)
