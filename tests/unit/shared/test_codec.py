"""From bytes to an event, or to the reason why not. Nothing that an outsider can send may raise anything else."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import wire
from shared.codec import MAX_DEPTH, Inbound, decode, parse
from shared.document import Entry, Waiting, pack_waiting, unpack_waiting
from shared.errors import Unreadable
from shared.events.base import Event
from shared.events.contacts import Contact
from shared.outbox import headers
from tests.unit.shared.tally import T0, Added, Raw

CONTACTS = Inbound(frozenset({"contact.received"}), default="contact.received")
WORK = Inbound(frozenset({"work.noted", "work.resolved"}))
CONTACT = {"source": "hotline", "id": "1", "channel": "phone", "text": "重复扣款"}


def record(body: Any, topic: str = "contacts.v1", headers: Any = (), **more: Any) -> Raw:
    value = body if isinstance(body, bytes) or body is None else json.dumps(body, ensure_ascii=False).encode()
    return Raw(topic=topic, value=value, headers=tuple(headers), **more)


def why_not(raw: Raw, inbound: Inbound | None = CONTACTS) -> Unreadable:
    with pytest.raises(Unreadable) as told:
        decode(raw, inbound)
    return told.value


# The three forms of an outsider's record


def test_a_bare_record_has_the_topics_own_type() -> None:
    read = decode(record(CONTACT), CONTACTS)
    assert (read.type, read.data, read.source, read.sequence) == ("contact.received", CONTACT, "hotline", None)


def test_a_bare_record_of_work_names_its_verb() -> None:
    assert decode(record({"type": "work.noted", "agent_id": "a"}), WORK).type == "work.noted"


def test_a_bare_contact_may_have_a_field_called_type() -> None:
    """Unknown fields of a contact are ignored; this one is no event type."""
    assert decode(record({**CONTACT, "type": "complaint"}), CONTACTS).type == "contact.received"


def test_a_binary_cloud_event_names_its_type_in_a_header() -> None:
    headers = [("ce_type", b"contact.received"), ("ce_source", b"elsewhere"), ("traceparent", b"00-aa-bb-01")]
    read = decode(record(CONTACT, headers=headers), CONTACTS)
    assert (read.type, read.source, read.trace) == ("contact.received", "hotline", "00-aa-bb-01")


def test_a_structured_cloud_event_carries_the_contact_in_data() -> None:
    body = {"specversion": "1.0", "id": "x", "source": "gateway", "type": "contact.received", "data": CONTACT}
    read = decode(record(body, headers=[("content-type", b"application/cloudevents+json; charset=utf-8")]), CONTACTS)
    assert (read.type, read.data) == ("contact.received", CONTACT)


def test_the_source_of_a_structured_event_counts_where_its_data_names_none() -> None:
    body = {"specversion": "1.0", "id": "x", "source": "gateway", "type": "work.noted", "data": {"text": "x"}}
    assert decode(record(body, headers=[("content-type", b"application/cloudevents+json")]), WORK).source == "gateway"


def test_when_it_was_written_is_when_it_happened_unless_it_says() -> None:
    assert decode(record(CONTACT, timestamp=1_795_334_400_123), CONTACTS).time == datetime(
        2026, 11, 22, 8, 0, 0, 123000, UTC
    )


# What can not be read, and why


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty_value"),
        (b"", "empty_value"),
        (b"{", "bad_json"),
        (b"\xff\xfe", "bad_json"),
        (b'{"a": "\\ud800"}', "bad_json"),
        (b'{"a": NaN}', "bad_json"),
        (b'{"a": 1e400}', "bad_json"),
        (b"[]", "bad_json"),
        (b'"text"', "bad_json"),
        (b"null", "bad_json"),
        (b"[" * 5000, "bad_json"),
        (b'{"text": "' + b"x" * 300 * 1024 + b'"}', "too_large"),
        (b'{"a\\u0000b": 1}', "invalid"),
        (b'{"n": 18446744073709551615}', "invalid"),
    ],
)
def test_a_value_that_can_not_be_read_has_its_reason(value: bytes | None, reason: str) -> None:
    assert why_not(record(value)).reason == reason


def nested(depth: int) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for _ in range(depth - 1):
        body = {"a": body}
    return body


def test_forty_levels_are_too_deep_and_thirty_two_are_not() -> None:
    assert why_not(record({**CONTACT, "diagnostics": nested(40)})).reason == "too_deep"
    assert decode(record(nested(MAX_DEPTH)), CONTACTS)


def test_depth_counts_through_lists_too() -> None:
    assert why_not(record(b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}")).reason == "too_deep"


@pytest.mark.parametrize("headers", [[("ce_type", None)], [("x", b"\xff")], [(None, b"x")], [("x", 7)]])
def test_a_header_that_is_null_or_not_utf_8_sets_the_record_aside(headers: Any) -> None:
    assert why_not(record(CONTACT, headers=headers)).reason == "bad_headers"


@pytest.mark.parametrize("type_", ["work.unheard_of", "", None, 7, ["work.noted"], {"a": 1}])
def test_a_type_nobody_takes_is_named_with_those_that_are_taken(type_: Any) -> None:
    told = why_not(record({"type": type_, "agent_id": "a-1"}, topic="work.v1"), WORK)
    assert told.reason == "unknown_type"
    assert "work.noted, work.resolved" in str(told)
    assert told.source == "a-1"


@pytest.mark.parametrize("type_", [["contact.received"], {"a": 1}, 7])
def test_a_structured_event_with_a_type_that_is_no_text_is_set_aside(type_: Any) -> None:
    body = {"type": type_, "data": CONTACT}
    assert why_not(record(body, headers=[("content-type", b"application/cloudevents+json")])).reason == "unknown_type"


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_a_structured_event_without_an_object_is_set_aside_under_its_source(data: Any) -> None:
    told = why_not(
        record(
            {"type": "contact.received", "source": "gw", "data": data},
            headers=[("content-type", b"application/cloudevents+json")],
        )
    )
    assert (told.reason, told.source) == ("invalid", "gw")


def test_a_cloud_event_of_a_newer_major_version_is_set_aside() -> None:
    assert why_not(record(CONTACT, headers=[("ce_specversion", b"2.0")])).reason == "newer_version"


def test_what_the_database_would_read_as_a_reference_is_refused() -> None:
    """It would come back as an object of the driver, and its document could not be read any more."""
    told = why_not(record({**CONTACT, "diagnostics": {"$ref": "x", "$id": 1}}))
    assert (told.reason, "$ref" in str(told)) == ("invalid", True)


@pytest.mark.parametrize("name", ["$ref", "$id", "$where", "$schema", "a.b", ".", ""])
def test_odd_names_are_taken_as_they_are(name: str) -> None:
    assert decode(record({**CONTACT, "diagnostics": {name: "x"}}), CONTACTS).data["diagnostics"] == {name: "x"}


def test_a_source_is_told_even_of_a_contact_that_is_wrong() -> None:
    read = decode(record({"source": "hotline", "id": "1"}), CONTACTS)
    with pytest.raises(Unreadable, match=r"^channel: ") as told:
        parse(Contact, read)
    assert (told.value.reason, told.value.source) == ("invalid", "hotline")


def test_a_key_that_is_not_text_harms_nothing() -> None:
    assert decode(record(CONTACT, key=b"\xff\x00"), CONTACTS).data == CONTACT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from(["type", "source", "id", "data", "$ref", "$id", "specversion"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["ce_type", "ce_source", "content-type", "ce_specversion", "x"]) | st.none(),
        st.none() | st.binary(max_size=8) | st.sampled_from([b"application/cloudevents+json", b"work.noted", b"1.0"]),
    ),
    max_size=4,
)


REASONS = {
    "too_large",
    "empty_value",
    "bad_headers",
    "bad_json",
    "too_deep",
    "invalid",
    "unknown_type",
    "newer_version",
}


def read_or_reason(raw: Raw, inbound: Inbound | None) -> tuple[str, Event | None]:
    try:
        return "", decode(raw, inbound)
    except Unreadable as error:
        return error.reason, None


@given(
    JSON.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=40) | st.none(),
    HEADERS,
    st.none() | st.binary(max_size=5),
    st.integers(-1, 1 << 42),
)
@settings(max_examples=200, deadline=None)
def test_whatever_an_outsider_sends_is_an_event_or_a_reason(value: Any, headers: Any, key: Any, timestamp: int) -> None:
    for inbound in (CONTACTS, WORK, None):
        reason, read = read_or_reason(Raw(value=value, headers=tuple(headers), key=key, timestamp=timestamp), inbound)
        if read is None:
            assert reason in REASONS
        else:
            kept = bson.decode(bson.encode(pack_waiting(Waiting(read, T0))), CodecOptions(tz_aware=True))
            assert unpack_waiting(kept).event == read, "it can wait in a document and come back as it was"


# Our own topics


def ours(**changed: bytes | None) -> Raw:
    entry = Entry(
        "numbers.v1",
        "number.added",
        "k",
        "k",
        "id-1",
        T0,
        b'{"n":2}',
        sequence=3,
        after="a.v1=1;b.v1=2",
        trace="00-aa-bb-01",
    )
    told = dict(headers(entry, "test")) | {k: v for k, v in changed.items() if v is not None}
    return Raw(
        topic=entry.topic,
        key=b"k",
        value=entry.value,
        headers=tuple((k, v) for k, v in told.items() if k not in changed or changed[k] is not None),
    )


def test_what_the_relay_writes_is_read_back_whole() -> None:
    assert decode(ours(), None) == Event(
        "numbers.v1",
        "number.added",
        "k",
        "id-1",
        T0,
        {"n": 2},
        3,
        {"a.v1": 1, "b.v1": 2},
        "/switchboard/test",
        "00-aa-bb-01",
    )


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_subject", "ce_time", "ce_sequence"])
@pytest.mark.parametrize("value", [None, b""])
def test_our_own_records_need_each_of_our_headers(name: str, value: bytes | None) -> None:
    told = why_not(ours(**{name: value}), None)
    assert (told.reason, name in str(told)) == ("bad_headers", True)


@pytest.mark.parametrize("sequence", [b"0", b"-1", b"one", b"1.5", b"9223372036854775808"])
def test_a_sequence_is_a_number_from_one_on(sequence: bytes) -> None:
    assert why_not(ours(ce_sequence=sequence), None).reason == "bad_headers"


@pytest.mark.parametrize("after", [b"a.v1", b"a.v1=", b"a.v1=x", b"a.v1=99999999999999999999"])
def test_what_it_had_seen_is_topics_with_numbers(after: bytes) -> None:
    assert why_not(ours(ce_after=after), None).reason == "bad_headers"


@pytest.mark.parametrize("time", [b"yesterday", b"2026-11-22T08:00:00", b"0001-01-01T00:00:00+14:00"])
def test_a_time_needs_its_zone(time: bytes) -> None:
    assert why_not(ours(ce_time=time), None).reason == "bad_headers"


def test_a_type_that_is_newer_than_we_are_is_read_like_any() -> None:
    assert decode(ours(ce_type=b"number.squared"), None).type == "number.squared"


def test_data_of_ours_that_lacks_a_field_is_unreadable() -> None:
    read = replace(decode(ours(), None), data={"n": "many"})
    with pytest.raises(Unreadable, match=r"^n: ") as told:
        parse(Added, read)
    assert told.value.reason == "invalid"


def test_moments_on_the_wire_are_utc_in_milliseconds() -> None:
    assert (
        dict(headers(Entry("t", "t", "k", "k", "i", T0, b""), "test"))["ce_time"].decode()
        == wire(T0)
        == "2026-11-22T08:00:00.000Z"
    )
