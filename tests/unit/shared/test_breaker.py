"""DESIGN section 5: many bugs of ours stop the partition instead of parking everything."""

from datetime import timedelta

from shared.breaker import Breaker
from tests.unit.shared.tally import T0

PLACE = ("numbers.v1", 3)


def after(verdicts: list[bool], breaker: Breaker | None = None, spread: float = 0.0) -> Breaker:
    breaker = breaker or Breaker()
    for i, bug in enumerate(verdicts):
        breaker.saw(PLACE, bug, T0 + timedelta(seconds=i * spread))
    return breaker


def test_twenty_bugs_in_a_row_are_borne_and_the_next_stops() -> None:
    assert not after([True] * 20).is_open(PLACE)
    assert after([True] * 21).is_open(PLACE)


def test_one_good_record_ends_the_row() -> None:
    assert not after([True] * 20 + [False] + [True] * 20).is_open(PLACE)


def test_one_in_a_hundred_of_five_hundred_stops() -> None:
    assert not after([True, *[False] * 99] * 4 + [True, *[False] * 98]).is_open(PLACE)
    assert after([True, *[False] * 99] * 5).is_open(PLACE)


def test_less_than_one_in_a_hundred_never_stops() -> None:
    assert not after([True, *[False] * 150] * 20).is_open(PLACE)


def test_what_is_older_than_five_minutes_does_not_count() -> None:
    early = after([True, False] * 10)
    late = T0 + timedelta(minutes=5, seconds=2)
    for _ in range(600):
        early.saw(PLACE, False, late)
    assert not early.is_open(PLACE)


def test_a_partition_stands_for_itself() -> None:
    breaker = after([True] * 21)
    assert breaker.open_places() == {PLACE}
    assert not breaker.is_open(("numbers.v1", 4))


def test_an_operator_lets_it_go_on_from_nothing() -> None:
    breaker = after([True] * 21)
    breaker.set_open(())
    assert not after([True] * 20, breaker).is_open(PLACE)


def test_its_memory_does_not_grow_with_the_traffic() -> None:
    breaker = after([False] * 50_000, spread=0.001)
    assert len(breaker._seen[PLACE].recent) < 1000
