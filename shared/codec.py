"""From the bytes of a record to an Event, or to the reason why not.

Our own topics carry CloudEvents in binary mode. The inbound topics also take structured CloudEvents and bare JSON.

Errors:
    Unreadable (shared.errors)    with one of the reasons: too_large empty_value bad_headers bad_json too_deep
                                  invalid unknown_type newer_version
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from pydantic import ValidationError

from shared.clock import to_milliseconds
from shared.errors import Unreadable
from shared.events.base import Event, EventData
from shared.events.contacts import MAX_RECORD_BYTES

MAX_DEPTH = 32
_LONGEST_INTEGER = 1 << 63
_NEEDED = ("ce_type", "ce_subject", "ce_id", "ce_time", "ce_sequence")


class Record(Protocol):
    """A Kafka record, as aiokafka names its parts."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[Any, Any]]


@dataclass(frozen=True, slots=True)
class Inbound:
    """A topic that outsiders write. `types` are the event types it takes, `default` the one a bare record has."""

    types: frozenset[str]
    default: str | None = None


def decode(record: Record, inbound: Inbound | None) -> Event:
    """The event a record carries; its data is a JSON object that MongoDB can hold, not yet checked against a model."""
    headers = _headers(record.headers)
    body = _json(record.value)
    if not headers.get("ce_specversion", "1.0").startswith("1."):
        raise Unreadable("newer_version", f"ce_specversion: 1.x is read here, not {headers['ce_specversion']}")
    if inbound is not None:
        return _outsiders(record, headers, body, inbound)
    return _ours(record, headers, body)


def _headers(raw: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    try:
        return {_text(name): _text(value) for name, value in raw}
    except (UnicodeDecodeError, TypeError) as error:
        raise Unreadable("bad_headers", f"a header is null or not UTF-8: {error}") from None


def _text(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if not isinstance(raw, bytes):
        raise TypeError("null")
    return raw.decode()


def _json(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise Unreadable("empty_value", "the record has no value")
    if len(value) > MAX_RECORD_BYTES:
        raise Unreadable("too_large", f"{len(value)} bytes; at most {MAX_RECORD_BYTES} are taken")
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Unreadable("bad_json", f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Unreadable("bad_json", f"a JSON object is wanted, not {type(body).__name__}")
    check_tree(body)
    return body


def check_tree(value: Any, depth: int = 1) -> None:
    """Raise Unreadable for what no document can hold and give back as it was: nesting beyond MAX_DEPTH, keys with NUL,
    integers beyond 64 bits, and `$ref` beside `$id` (the driver would make a reference of it)."""
    if depth > MAX_DEPTH:
        raise Unreadable("too_deep", f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        if "$ref" in value and "$id" in value:
            raise Unreadable("invalid", "fields named $ref and $id can't stand side by side")
        for key, item in value.items():
            if "\0" in key:
                raise Unreadable("invalid", "a field's name holds a NUL character")
            check_tree(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_tree(item, depth + 1)
    elif isinstance(value, int) and not -_LONGEST_INTEGER <= value < _LONGEST_INTEGER:
        raise Unreadable("invalid", f"the integer {value} needs more than 64 bits")


def _ours(record: Record, headers: dict[str, str], body: dict[str, Any]) -> Event:
    if absent := [name for name in _NEEDED if not headers.get(name)]:
        raise Unreadable("bad_headers", f"the header {absent[0]} is missing", record.topic)
    try:
        return Event(
            topic=record.topic,
            type=headers["ce_type"],
            subject=headers["ce_subject"],
            id=headers["ce_id"],
            time=_moment(headers["ce_time"]),
            data=body,
            sequence=_number(headers["ce_sequence"]),
            after=_after(headers.get("ce_after", "")),
            source=headers.get("ce_source", record.topic),
            trace=headers.get("traceparent", ""),
        )
    except (ValueError, OverflowError) as error:
        raise Unreadable("bad_headers", str(error), record.topic) from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"ce_time: {text} has no zone")
    return to_milliseconds(moment)


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < _LONGEST_INTEGER:
        raise ValueError(f"{text} is no sequence number")
    return number


def _after(text: str) -> dict[str, int]:
    pairs = (part.rsplit("=", 1) for part in text.split(";") if part)
    return {topic: _number(number) for topic, number in pairs}


def _outsiders(record: Record, headers: dict[str, str], body: dict[str, Any], inbound: Inbound) -> Event:
    if _is_structured(headers):
        return _structured(record, headers, body, inbound)
    named = headers.get("ce_type") or (
        None if inbound.default else body.get("type")
    )  # else `type` is the sender's own field
    return _event(record, named, headers, body, inbound)


def _is_structured(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").startswith("application/cloudevents+json")


def data_of(record: Record) -> dict[str, Any] | None:
    """The data of the event that an outsider's record carries; None where it can't be read."""
    try:
        headers, body = _headers(record.headers), _json(record.value)
    except Unreadable:
        return None
    data = body.get("data") if _is_structured(headers) else body
    return data if isinstance(data, dict) else None


def _structured(record: Record, headers: dict[str, str], body: dict[str, Any], inbound: Inbound) -> Event:
    data = body.get("data")
    if not isinstance(data, dict):
        raise Unreadable(
            "invalid", "data: a structured CloudEvent carries a JSON object here", str(body.get("source", record.topic))
        )
    told = {
        f"ce_{name}": value for name, value in body.items() if name in ("source", "time") and isinstance(value, str)
    }
    return _event(record, body.get("type"), {**headers, **told}, data, inbound)


def _event(record: Record, named: Any, headers: dict[str, str], data: dict[str, Any], inbound: Inbound) -> Event:
    source = str(data.get("source") or data.get("agent_id") or headers.get("ce_source") or record.topic)[:200]
    type_ = named or inbound.default
    if not isinstance(type_, str) or type_ not in inbound.types:
        raise Unreadable("unknown_type", f"type: {type_!r} is not one of {', '.join(sorted(inbound.types))}", source)
    return Event(
        topic=record.topic,
        type=type_,
        subject=(record.key or b"").decode(errors="replace"),
        id=f"{record.topic}/{record.partition}/{record.offset}",
        time=to_milliseconds(datetime.fromtimestamp(max(record.timestamp, 0) / 1000, UTC)),
        data=data,
        source=source,
        trace=headers.get("traceparent", ""),
    )


def parse(model: type[EventData], event: Event) -> Any:
    """The event's data as its model; Unreadable names the first field at fault."""
    try:
        return model.model_validate(event.data)
    except ValidationError as error:
        raise Unreadable("invalid", first_fault(error), event.source) from None


def first_fault(error: ValidationError) -> str:
    """`channel: Input should be ...`, for the first of the faults."""
    fault = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, fault["loc"])) or "body"
    return f"{where}: {fault['msg']}"
