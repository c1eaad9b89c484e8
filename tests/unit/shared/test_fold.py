"""What one change does to one document."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

import bson
import pytest
from bson.codec_options import CodecOptions

from shared.decisions import Decision, Elsewhere, Refused
from shared.document import Document, Entry, from_body, to_body
from shared.fold import MAX_HELD, Change, HeldFull, Outcome, drain, fold
from tests.unit.shared.tally import T0, Addressed, Bug, Tally, add, change_for, event, fail, folding, nothing, refuse

A, B = "numbers.v1", "names.v1"
BOTH = folding(A, B)


def empty() -> Document[Tally]:
    return Document(key="k", shard=0)


def take(document: Document[Tally], *events: Any, by: Any = BOTH) -> list[str]:
    return [fold(document, change_for(e), T0, by).status for e in events]


def command(decide: Any = None, **more: Any) -> Change[Tally]:
    return Change("k", decide or partial(add, n=1), "asked", **more)


def steps(document: Document[Tally]) -> tuple[str, ...]:
    return document.state.steps if document.state else ()


def reloaded(document: Document[Tally]) -> Document[Tally]:
    """The document as another process reads it."""
    body = bson.decode(bson.encode(to_body(document, "nonce")), CodecOptions(tz_aware=True))
    return from_body(body, document.state)


def test_a_first_event_is_applied_and_its_number_is_kept() -> None:
    document = empty()
    assert take(document, event(A, 1, n=5)) == ["applied"]
    assert (document.state.total if document.state else None, document.seen) == (5, {A: 1})


def test_a_repeat_changes_nothing() -> None:
    document = empty()
    take(document, event(A, 1), event(A, 2))
    before = (document.state, list(document.outbox), dict(document.seen))
    assert take(document, event(A, 1), event(A, 2)) == ["repeat", "repeat"]
    assert (document.state, document.outbox, document.seen) == before


def test_a_repeat_is_recognised_after_a_restart() -> None:
    document = empty()
    take(document, event(A, 1))
    assert take(reloaded(document), event(A, 1)) == ["repeat"]


def test_events_beyond_a_gap_wait_and_follow_in_order() -> None:
    document = empty()
    assert take(document, event(A, 3), event(A, 2), event(A, 1)) == ["held", "held", "applied"]
    assert steps(document) == (f"{A}:1", f"{A}:2", f"{A}:3")
    assert document.held == []


def test_what_waits_survives_a_restart() -> None:
    document = empty()
    take(document, event(A, 2, n=7, after={B: 1}))
    document = reloaded(document)
    take(document, event(A, 1), event(B, 1))
    assert steps(document) == (f"{A}:1", f"{B}:1", f"{A}:2")


def test_a_record_that_waits_already_is_not_kept_twice() -> None:
    document = empty()
    assert take(document, event(A, 2), event(A, 2)) == ["held", "held"]
    assert len(document.held) == 1


def test_no_effect_before_its_cause() -> None:
    document = empty()
    assert take(document, event(A, 1, after={B: 2}), event(B, 1), event(B, 2)) == ["held", "applied", "applied"]
    assert steps(document) == (f"{B}:1", f"{B}:2", f"{A}:1")


def test_causes_on_topics_that_this_service_does_not_read_are_not_waited_for() -> None:
    assert take(empty(), event(A, 1, after={B: 9}), by=folding(A)) == ["applied"]


def test_one_arrival_can_release_a_chain() -> None:
    document = empty()
    take(document, event(A, 2, after={B: 1}), event(B, 1, after={A: 1}))
    assert take(document, event(A, 1)) == ["applied"]
    assert steps(document) == (f"{A}:1", f"{B}:1", f"{A}:2")


def test_what_waited_is_told_of_when_it_was_applied() -> None:
    document, by = empty(), folding(A)
    take(document, event(A, 2), event(A, 1), by=by)
    assert [(e.sequence, o.status) for e, o in by.drained] == [(2, "applied")]


def test_compacted_topics_take_any_higher_number() -> None:
    document = empty()
    by = folding(A, compacted=[A])
    assert take(document, event(A, 4), event(A, 9), event(A, 4), by=by) == ["applied", "applied", "repeat"]
    assert document.seen == {A: 9}


def test_a_number_moves_on_even_if_there_was_nothing_to_do() -> None:
    document = empty()
    first = replace_decide(event(A, 1), nothing)
    assert fold(document, first, T0, BOTH).status == "unchanged"
    assert document.seen == {A: 1}


def replace_decide(e: Any, decide: Any) -> Change[Tally]:
    change = change_for(e)
    change.decide = decide
    return change


# Outsiders and commands


def test_an_outsiders_record_counts_once_wherever_it_comes_from() -> None:
    document = empty()
    first, again = command(once="agent:1"), replace_decide(event(A, None, once="agent:1"), partial(add, n=1))
    assert [fold(document, first, T0, BOTH).status, fold(document, again, T0, BOTH).status] == ["applied", "repeat"]
    assert fold(reloaded(document), command(once="agent:1"), T0, BOTH).status == "repeat"


def test_commands_without_an_identity_are_each_decided() -> None:
    document = empty()
    assert [fold(document, command(), T0, BOTH).status for _ in range(2)] == ["applied", "applied"]


def test_a_record_that_had_nothing_to_do_once_has_nothing_to_do_ever() -> None:
    """Promise 2: read again after a crash, it must not meet a later state and act on it."""
    document = empty()
    fold(document, command(), T0, BOTH)
    fold(document, command(nothing, once="agent:6"), T0, BOTH)
    assert fold(document, command(once="agent:6"), T0, BOTH).status == "repeat"


def test_an_outsider_who_is_wrong_is_refused_and_nothing_changes() -> None:
    document = empty()
    outcome = fold(document, replace_decide(event(A, None, once="agent:1"), refuse), T0, BOTH)
    assert (outcome.status, outcome.refused and outcome.refused.field) == ("refused", "n")
    assert document == empty()


def test_inbound_records_are_written_beside_an_effect_and_only_then() -> None:
    record = Entry("work.v1", "work.noted", "k", "k", "id", T0, b"{}")
    applied, idle = empty(), empty()
    fold(applied, command(records=(record,)), T0, BOTH)
    fold(idle, command(nothing, records=(record,)), T0, BOTH)
    assert ([e.topic for e in applied.outbox], idle.outbox) == (["work.v1", "tallies.v1"], [])


def test_a_fact_for_another_document_changes_nothing_here() -> None:
    def elsewhere(state: Any, now: Any) -> Decision[Any]:
        raise Elsewhere("closed")

    document = empty()
    assert fold(document, command(elsewhere), T0, BOTH).status == "elsewhere"
    assert document == empty()


# Errors of ours: parking


def test_a_refusal_of_our_own_event_is_an_error_of_ours_and_parks_the_key() -> None:
    document = empty()
    assert take(document, event(A, 1, wrong=True)) == ["parked"]
    assert document.parked
    assert "Refused" in document.parked.error
    assert document.seen == {}


def test_a_bug_parks_the_key_and_what_follows_waits_in_order_of_arrival() -> None:
    document = empty()
    assert take(document, event(A, 1), event(A, 2, broken=True), event(B, 1), event(A, 3)) == [
        "applied",
        "parked",
        "parked",
        "parked",
    ]
    assert [(w.event.topic, w.event.sequence) for w in document.held] == [(A, 2), (B, 1), (A, 3)]
    assert document.state
    assert document.state.total == 1


def test_the_bug_is_reported_once_where_it_happened() -> None:
    document = empty()
    outcomes = [fold(document, change_for(e), T0, BOTH) for e in (event(A, 1, broken=True), event(A, 2))]
    assert [type(o.bug) for o in outcomes] == [Bug, type(None)]


def test_a_parked_key_still_recognises_repeats() -> None:
    document = empty()
    take(document, event(A, 1), event(A, 2, broken=True))
    assert take(document, event(A, 1), event(A, 2, broken=True)) == ["repeat", "parked"]
    assert len(document.held) == 1


def test_unparking_drains_in_order() -> None:
    document = empty()
    take(document, event(A, 1, broken=True), event(A, 2), event(B, 1, after={A: 2}))
    document = reloaded(document)
    document.parked = None
    mended = folding(A, B, interpret=lambda e: change_for(replace(e, data={**e.data, "broken": False})))
    drain(document, T0, mended)
    assert steps(document) == (f"{A}:1", f"{A}:2", f"{B}:1")
    assert (document.held, document.parked) == ([], None)


def test_unparking_before_the_bug_is_gone_parks_again_in_the_same_order() -> None:
    document = empty()
    take(document, event(A, 1, broken=True), event(A, 2), event(B, 1))
    document.parked = None
    drain(document, T0, BOTH)
    assert document.parked
    assert [(w.event.topic, w.event.sequence) for w in document.held] == [(A, 1), (A, 2), (B, 1)]


def test_a_bug_met_while_draining_parks_and_keeps_the_rest() -> None:
    document = empty()
    take(document, event(A, 2, broken=True), event(A, 3), event(A, 1))
    assert document.parked
    assert steps(document) == (f"{A}:1",)
    assert [w.event.sequence for w in document.held] == [2, 3]


def test_a_waiting_record_that_can_not_be_interpreted_any_more_parks_its_key() -> None:
    """A record may wait over an update of the service; what it meant then may be unknown now."""

    def forgotten(_: Any) -> Any:
        raise Bug("no such field")

    document = empty()
    take(document, event(A, 2))
    by = folding(A, interpret=forgotten)
    assert take(document, event(A, 1), by=by) == ["applied"]
    assert document.parked
    assert [w.event.sequence for w in document.held] == [2]


def test_an_outsiders_record_waits_on_a_parked_key_and_counts_once_afterwards() -> None:
    document = empty()
    take(
        document,
        event(A, 1, broken=True),
        event(A, None, once="agent:1", n=3, place=7),
        event(A, None, once="agent:1", n=3, place=8),
    )
    document.parked = None
    drain(document, T0, folding(A, interpret=lambda e: change_for(replace(e, data={**e.data, "broken": False}))))
    assert document.state
    assert document.state.total == 4


def test_a_waiting_record_refused_when_its_turn_comes_is_told_of() -> None:
    document, by = empty(), folding(A)
    take(document, event(A, 1, broken=True), event(A, None, wrong=True), by=by)
    document.parked = None
    mended = folding(A, interpret=lambda e: change_for(replace(e, data={**e.data, "broken": False})))
    drain(document, T0, mended)
    assert [o.status for _, o in mended.drained] == ["applied", "refused"]


def test_a_command_on_a_parked_key_does_nothing_and_is_told_so() -> None:
    document = empty()
    take(document, event(A, 1, broken=True))
    before = reloaded(document)
    assert fold(document, command(), T0, BOTH).status == "parked"
    assert reloaded(document) == before


def test_a_bug_in_a_command_is_its_callers_and_parks_nothing() -> None:
    document = empty()
    with pytest.raises(Bug):
        fold(document, command(fail), T0, BOTH)
    assert document == empty()


def test_a_bug_in_a_timer_parks_its_key() -> None:
    document = empty()
    outcome = fold(document, command(fail, timer=True), T0, BOTH)
    assert (outcome.status, document.held) == ("parked", [])
    assert document.parked
    assert fold(document, command(timer=True), T0, BOTH).status == "parked"


def test_a_key_holds_no_more_than_it_can() -> None:
    document = empty()
    take(document, *(event(A, n) for n in range(2, MAX_HELD + 2)))
    assert len(document.held) == MAX_HELD
    with pytest.raises(HeldFull):
        take(document, event(A, MAX_HELD + 2))


def test_a_full_key_still_takes_what_the_others_wait_for() -> None:
    document = empty()
    take(document, *(event(A, n) for n in range(2, MAX_HELD + 2)))
    assert take(document, event(A, 1)) == ["applied"]
    assert (document.held, document.seen) == ([], {A: MAX_HELD + 1})


# What is given out


def given(*events: Any) -> list[Entry]:
    document = empty()
    take(document, *events)
    return document.outbox


def test_events_are_numbered_without_gaps_from_one() -> None:
    assert [e.sequence for e in given(event(A, 1), event(B, 1), event(A, 2))] == [1, 2, 3]


def test_numbers_go_on_after_the_outbox_was_emptied() -> None:
    document = empty()
    take(document, event(A, 1))
    document.outbox = []
    document = reloaded(document)
    take(document, event(A, 2))
    assert [e.sequence for e in document.outbox] == [2]


def test_an_events_id_is_a_uuid_of_topic_subject_and_sequence() -> None:
    first, second = given(event(A, 1), event(A, 2))
    assert UUID(first.id).version == 5
    assert first.id != second.id
    assert first.id == given(event(B, 1))[0].id, "whatever caused it"


def test_an_event_says_what_its_decision_had_seen() -> None:
    assert [e.after for e in given(event(A, 1), event(B, 1), event(B, 2))] == [f"{A}=1", f"{B}=1;{A}=1", f"{B}=2;{A}=1"]


def test_what_one_writer_gives_out_on_several_topics_keeps_its_order() -> None:
    document = empty()
    for data in (Addressed(to="left"), Addressed(to="right"), Addressed(to="left")):
        fold(document, command(lambda state, now, data=data: Decision(state or Tally(), (data,))), T0, BOTH)
    left, right, again = document.outbox
    assert (left.topic, left.sequence, left.after) == ("to.left.v1", 1, "")
    assert (right.topic, right.sequence, right.after) == ("to.right.v1", 1, "to.left.v1=1")
    assert (again.topic, again.sequence, again.after) == ("to.left.v1", 2, "to.right.v1=1")


def test_an_entry_keeps_its_bytes_through_the_database() -> None:
    document = empty()
    take(document, event(A, 1, n=5))
    assert reloaded(document).outbox == document.outbox
    assert document.outbox[0].value == b'{"total":5}'


def test_the_trace_of_the_cause_goes_on_with_its_effects() -> None:
    document = empty()
    fold(document, change_for(replace(event(A, 1), trace="00-aa-bb-01")), T0, BOTH)
    assert reloaded(document).outbox[0].trace == "00-aa-bb-01"


def test_a_parked_key_is_told_why_even_without_a_cause() -> None:
    document = empty()
    fold(document, Change("k", fail, "", timer=True), T0, BOTH)
    assert (again := reloaded(document).parked)
    assert again.error == "Bug: ours"


def test_an_outcome_tells_the_state_before_and_after() -> None:
    document = empty()
    fold(document, command(), T0, BOTH)
    outcome: Outcome[Tally] = fold(document, command(), T0, BOTH)
    assert outcome.before
    assert outcome.state
    assert (outcome.before.total, outcome.state.total) == (1, 2)
    assert isinstance(outcome.refused, Refused) is False
