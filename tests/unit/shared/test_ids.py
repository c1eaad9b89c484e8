from uuid import UUID

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import case_number, contact_event_id, contact_id, event_id, named, partition_of


@given(st.text(max_size=60), st.integers(1, 64))
def test_a_key_falls_into_the_partition_that_kafkas_clients_choose(key: str, partitions: int) -> None:
    all_partitions = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key.encode(), all_partitions, all_partitions)


@given(st.uuids())
def test_a_case_number_is_eight_crockford_characters_that_nobody_misreads(id_: UUID) -> None:
    number = case_number(str(id_))
    assert len(number) == 9
    assert number[4] == "-"
    assert set(number) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")


def test_a_case_number_is_always_the_same() -> None:
    assert case_number("00000000-0000-5000-8000-0000000003e7") == "0000-00Z7"


def test_ids_are_uuids_of_version_5_and_can_be_computed_again() -> None:
    assert UUID(event_id("cases.v1", "c", 1)).version == 5
    assert event_id("cases.v1", "c", 1) == event_id("cases.v1", "c", 1) == named("cases.v1", "c", 1)


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_what_is_named_differently_has_another_id(a: str, b: str, c: str, d: str) -> None:
    if (a, b) != (c, d) and "\x1f" not in a + b + c + d:
        assert named(a, b) != named(c, d)


def test_a_contact_keeps_its_id_through_its_revisions_and_each_revision_has_its_own() -> None:
    assert contact_id("s", "1") != contact_id("s", "2")
    assert contact_event_id("s", "1", 1) != contact_event_id("s", "1", 2)
