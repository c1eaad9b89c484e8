from dataclasses import replace

from demo.tally import Seen
from tests.unit.demo.seen import A, B, added, assigned, event, opened, sent, tally


def test_a_contact_opens_a_case_or_joins_one() -> None:
    seen = tally(opened("c1", A), added("c1", B, 2))
    assert (list(seen.opened), seen.joined, seen.amended) == (["c1"], {B}, set())
    assert seen.cases_of == {A: {"c1"}, B: {"c1"}}
    assert seen.knows_all()


def test_an_amendment_is_no_second_contact() -> None:
    seen = tally(opened("c1", A), added("c1", A, 2, revision=2))
    assert (seen.joined, seen.amended) == (set(), {(A, 2)})


def test_a_record_that_comes_again_counts_once() -> None:
    seen = tally(opened("c1", A), opened("c1", A), sent("c1", 1, "n1"), sent("c1", 1, "n1"))
    assert (len(seen.opened), seen.outcomes["notification.sent"], seen.disorder) == (1, 1, [])


def test_what_happened_before_and_is_given_out_again_does_not_count() -> None:
    seen = tally(opened("c1", A, at=-0.001), added("c1", B, 2))
    assert (dict(seen.opened), seen.joined) == ({}, {B})


def test_contacts_that_were_not_fed_do_not_count() -> None:
    seen = tally(opened("c1", ("elsewhere", "1")))
    assert dict(seen.opened) == {}


def test_a_gap_in_a_topic_is_noticed() -> None:
    assert tally(opened("c1", A), added("c1", B, 3)).disorder == ["cases.v1 of c1: 3 came after 1"]


def test_a_number_given_to_two_events_is_noticed() -> None:
    twice = event("cases.v1", "case.noted", "c1", 1, id_="another")
    assert tally(opened("c1", A), twice).disorder == ["cases.v1 of c1: number 1 was given to two events"]


def test_each_topic_counts_for_itself() -> None:
    seen = tally(opened("c1", A), assigned("c1", number=1), sent("c1", 1, "n1"))
    assert seen.disorder == seen.late_starts() == []


def test_a_new_case_whose_first_event_is_missing_is_noticed() -> None:
    assert tally(opened("c1", A), assigned("c1", number=2)).late_starts() == ["assignments.v1 of c1 begins with 2"]


def test_a_case_waits_until_somebody_has_it() -> None:
    seen = tally(opened("c1", A), opened("c2", B), assigned("c2"))
    assert seen.waiting() == ["c1"]
    seen.add(assigned("c1", at=9.0))
    assert (seen.waiting(), seen.first_assigned_at(), seen.all_assigned_at()) == ([], 2.0, 9.0)


def test_the_first_assignment_counts_although_its_case_is_read_later() -> None:
    seen = tally(assigned("old"), assigned("c1"))
    assert seen.first_assigned() is None
    seen.add(opened("c1", A))
    first = seen.first_assigned()
    assert first is not None
    assert first["case_id"] == "c1"


def test_what_is_set_aside_counts_once_per_place() -> None:
    copy = Seen("contacts.v1.dlq", {"switchboard_place": "contacts.v1/3/17"}, {}, 1.0)
    seen = tally(copy, copy, replace(copy, headers={"switchboard_place": "contacts.v1/3/18"}))
    assert len(seen.aside["contacts.v1.dlq"]) == 2
