"""What is first in the way of a key, and that nothing is given up but that."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.blocked import Blocker, blocker_of, give_up
from shared.decisions import Refused
from shared.document import Document
from shared.events.base import Event
from shared.fold import Change, drain, fold
from tests.unit.shared.tally import T0, Tally, TestClock, change_for, event, fail, folding
from tests.unit.shared.test_fold_orders import histories

CASES, ASSIGNMENTS = "cases.v1", "assignments.v1"
BY = folding(CASES, ASSIGNMENTS)


def holding(*events: Event, seen: dict[str, int] | None = None) -> Document[Tally]:
    document: Document[Tally] = Document(key="k", shard=0, seen=seen or {})
    for one in events:
        fold(document, change_for(one), T0, BY)
    return document


def given_up(document: Document[Tally], by: Any = BY) -> list[dict[str, Any]]:
    clock = TestClock()
    clock.forward(minutes=1)
    lost = give_up(document, by, clock())
    drain(document, clock(), by)
    return lost


def test_a_gap_ends_before_the_first_number_that_has_come_whatever_a_record_of_another_topic_waits_for() -> None:
    document = holding(
        event(CASES, 50), event(CASES, 51), event(ASSIGNMENTS, 3, after={CASES: 51}), seen={CASES: 48, ASSIGNMENTS: 2}
    )

    assert blocker_of(document, BY) == Blocker(topic=CASES, first=49, last=49)
    assert given_up(document) == [{"topic": CASES, "first": 49, "last": 49}]
    assert document.state is not None
    assert document.state.steps == (f"{CASES}:50", f"{CASES}:51", f"{ASSIGNMENTS}:3")


def test_also_if_what_waits_for_a_number_beyond_it_came_first() -> None:
    document = holding(event(ASSIGNMENTS, 1, after={CASES: 3}), event(CASES, 2), event(CASES, 3))

    assert given_up(document) == [{"topic": CASES, "first": 1, "last": 1}]
    assert document.held == []


def test_what_a_cause_that_has_come_waits_for_is_the_gap() -> None:
    document = holding(event(ASSIGNMENTS, 3, after={CASES: 1}), event(CASES, 1, after={ASSIGNMENTS: 1}))

    assert blocker_of(document, BY) == Blocker(topic=ASSIGNMENTS, first=1, last=2)


def test_what_is_not_followed_is_not_missed() -> None:
    document = holding(event(CASES, 1, after={"agents.v1": 9, ASSIGNMENTS: 1}))

    assert blocker_of(document, BY) == Blocker(topic=ASSIGNMENTS, first=1, last=1)


def test_two_gaps_are_given_up_one_after_the_other() -> None:
    document = holding(event(CASES, 3), event(CASES, 5))

    assert given_up(document) == [{"topic": CASES, "first": 1, "last": 2}]
    assert given_up(document) == [{"topic": CASES, "first": 4, "last": 4}]
    assert document.held == []


def test_where_numbers_may_be_left_out_only_a_cause_is_missed() -> None:
    by = folding(CASES, ASSIGNMENTS, compacted=[CASES])
    document: Document[Tally] = Document(key="k", shard=0)
    fold(document, change_for(event(CASES, 7, after={ASSIGNMENTS: 1})), T0, by)

    assert blocker_of(document, by) == Blocker(topic=ASSIGNMENTS, first=1, last=1)


def test_what_a_newer_version_follows_is_not_ours_to_give_up() -> None:
    document = holding(event(CASES, 3))

    assert blocker_of(document, folding(ASSIGNMENTS)) == Blocker()
    assert given_up(document, folding(ASSIGNMENTS)) == []
    assert document.seen == {}


def test_a_gap_younger_than_a_minute_is_refused_since_it_may_close() -> None:
    document, clock = holding(event(CASES, 3)), TestClock()
    clock.forward(seconds=59)

    with pytest.raises(Refused, match=r"cases.v1 1 to 2 has been missed for 59 s and may .* for 60 s") as no:
        give_up(document, BY, clock())
    assert (no.value.code, no.value.status, document.seen) == ("too_soon", 409, {})
    clock.forward(seconds=1)
    assert give_up(document, BY, clock())


def test_a_young_gap_is_not_made_old_by_another_that_is() -> None:
    document, clock = holding(event(CASES, 3)), TestClock()
    clock.forward(minutes=5)
    fold(document, change_for(event(CASES, 5)), clock(), BY)
    give_up(document, BY, clock())
    drain(document, clock(), BY)

    with pytest.raises(Refused, match=r"cases\.v1 4 has been missed for 0 s"):
        give_up(document, BY, clock())


def test_a_young_gap_is_not_made_old_by_what_waits_behind_it() -> None:
    by, clock = folding(CASES, ASSIGNMENTS, "agents.v1"), TestClock()
    document = holding(event(ASSIGNMENTS, 1, after={CASES: 1}))
    clock.forward(minutes=5)
    fold(document, change_for(event(CASES, 1, after={"agents.v1": 2})), clock(), by)

    with pytest.raises(Refused, match=r"agents\.v1 1 to 2 has been missed for 0 s"):
        give_up(document, by, clock())


@pytest.mark.parametrize(
    "expected", [Blocker(), Blocker(event="e-1"), Blocker(topic=CASES, first=1, last=1), Blocker(topic=ASSIGNMENTS)]
)
def test_nothing_is_given_up_but_what_is_expected(expected: Blocker) -> None:
    document, clock = holding(event(CASES, 3)), TestClock()
    clock.forward(minutes=1)

    with pytest.raises(Refused, match=r"first in the way of k is cases.v1 1 to 2, not .*; nothing was") as no:
        give_up(document, BY, clock(), expected)
    assert (no.value.code, no.value.status, document.seen) == ("not_first", 409, {})
    assert give_up(document, BY, clock(), Blocker(topic=CASES, first=1, last=2))


def test_the_record_that_parked_a_key_is_given_up_by_its_id_and_at_once() -> None:
    broken = event(CASES, 1, broken=True)
    document = holding(broken, event(CASES, 2))

    with pytest.raises(Refused, match=f"first in the way of k is record {broken.id}, not nothing that can be given up"):
        give_up(document, BY, T0, Blocker())
    assert document.parked
    (lost,) = give_up(document, BY, T0, Blocker(event=broken.id))
    assert (lost["number"], lost["data"]["broken"], document.parked) == (1, True, None)
    with pytest.raises(Refused, match="is nothing that can be given up, not record"):
        give_up(document, BY, T0, Blocker(event=broken.id))


def test_a_key_that_its_timer_parked_loses_nothing() -> None:
    document: Document[Tally] = Document(key="k", shard=0)
    fold(document, Change("k", fail, "timer", timer=True), T0, BY)
    fold(document, change_for(event(CASES, 3)), T0, BY)

    assert blocker_of(document, BY) == Blocker()
    assert give_up(document, BY, T0, Blocker()) == []
    assert (document.parked, document.seen) == (None, {})


@given(st.data(), histories())
def test_whatever_never_comes_all_that_came_is_applied_once_its_gaps_are_given_up(
    data: st.DataObject, history: list[Event]
) -> None:
    by = folding("numbers.v1", "names.v1")
    never = data.draw(st.sets(st.sampled_from([one.id for one in history])))
    come = data.draw(st.permutations([one for one in history if one.id not in never]))
    document: Document[Tally] = Document(key="k", shard=0)
    for one in come:
        fold(document, change_for(one), T0, by)
    lost = 0
    while document.held:
        (gap,) = given_up(document, by)
        lost += gap["last"] - gap["first"] + 1

    applied = document.state.steps if document.state else ()
    assert sorted(applied) == sorted(f"{one.topic}:{one.sequence}" for one in come)
    assert lost <= len(never)
