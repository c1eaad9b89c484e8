"""Which shards this replica owns, and up to when their topics are applied."""

from datetime import UTC, datetime

from shared.ownership import Ownership
from tests.unit.shared.tally import Raw

A, B = "a.v1", "b.v1"


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def owner(*places: tuple[str, int], keyed: tuple[str, ...] = (A, B)) -> Ownership:
    ownership = Ownership(keyed)
    ownership.assign(places)
    return ownership


def applied(ownership: Ownership, topic: str, partition: int, second: int, offset: int = 0) -> None:
    ownership.applied(
        {(topic, partition): offset + 1},
        [Raw(topic=topic, partition=partition, offset=offset, timestamp=second * 1000)],
    )


def test_a_shard_is_owned_where_every_keyed_topics_partition_is() -> None:
    assert owner((A, 1), (A, 2), (B, 2), (B, 3), ("other.v1", 1)).shards == {2}


def test_a_service_without_keyed_topics_owns_no_shard() -> None:
    assert owner((A, 1), keyed=()).shards == frozenset()


def test_without_an_assignment_nothing_is_owned() -> None:
    ownership = owner((A, 1), (B, 1))
    ownership.revoke()
    assert ownership.shards == frozenset()


def test_a_shard_is_applied_as_far_as_its_slowest_topic() -> None:
    ownership = owner((A, 1), (B, 1))
    applied(ownership, A, 1, 100)
    assert ownership.applied_until(1) is None, "nothing is known of the other topic"
    applied(ownership, B, 1, 90)
    assert ownership.applied_until(1) == at(90)


def test_an_empty_partition_is_applied_up_to_the_last_look_at_it() -> None:
    ownership = owner((A, 1), (B, 1))
    ownership.horizon = lambda place: at(200) if place == (B, 1) else None
    applied(ownership, A, 1, 100)
    assert ownership.applied_until(1) == at(100)
    ownership.horizon = lambda place: at(200)
    assert ownership.applied_until(1) == at(200)


def test_what_was_known_before_a_rebalance_counts_no_more() -> None:
    ownership = owner((A, 1), (B, 1))
    applied(ownership, A, 1, 100)
    applied(ownership, B, 1, 100)
    ownership.assign([(A, 1), (B, 1)])
    assert ownership.applied_until(1) is None
    assert ownership.next_offset((A, 1)) is None


def test_reading_begins_where_it_was_committed_unless_it_went_on_meanwhile() -> None:
    ownership = owner((A, 1), (B, 1))
    applied(ownership, A, 1, 100, offset=41)
    assert ownership.unknown == [(B, 1)]
    ownership.begins({(A, 1): 7, (B, 1): 8, (A, 9): 9}, ownership.generation)
    assert [ownership.next_offset(place) for place in ((A, 1), (B, 1), (A, 9))] == [42, 8, None]
    assert ownership.unknown == []


def test_where_reading_began_before_a_rebalance_says_nothing_about_after_it() -> None:
    ownership = owner((A, 1))
    asked_at = ownership.generation
    ownership.assign([(A, 1)])
    ownership.begins({(A, 1): 13}, asked_at)
    assert ownership.unknown == [(A, 1)], "a stale offset would leave the shard's timers waiting for ever"


def test_what_was_applied_stays_applied_while_new_records_are_on_their_way() -> None:
    """A record that is being worked on says nothing about the time before the last look that found nothing."""
    ownership = owner((A, 1), keyed=(A,))
    applied(ownership, A, 1, 100)
    ownership.horizon = lambda place: at(200)
    assert ownership.applied_until(1) == at(200)
    ownership.horizon = lambda place: None
    assert ownership.applied_until(1) == at(200)
    applied(ownership, A, 1, 150, offset=1)
    assert ownership.applied_until(1) == at(200)
