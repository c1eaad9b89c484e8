"""What must be true of any history once it has come to rest, whatever the services."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.simulation.world import World


def events(world: World, topic: str) -> dict[str, list[Any]]:
    """By subject, each event of a topic once, in the order of its first appearance."""
    seen: dict[str, dict[int, Any]] = {}
    for record in world.broker.records(topic):
        headers = dict(record.headers)
        subject, sequence = headers["ce_subject"].decode(), int(headers["ce_sequence"])
        first = seen.setdefault(subject, {}).setdefault(sequence, record)
        same = (first.key, first.value, first.headers) == (record.key, record.value, record.headers)
        assert same, f"{topic} {subject} {sequence} was published with two contents"
    return {subject: list(by_number.values()) for subject, by_number in seen.items()}


def numbers(records: Iterable[Any]) -> list[int]:
    return [int(dict(record.headers)["ce_sequence"]) for record in records]


def check_published(world: World, topics: Iterable[str]) -> None:
    """Each event has one content; first appearances are gap-free and in order; what documents have given out is out."""
    for topic in topics:
        for subject, records in events(world, topic).items():
            assert numbers(records) == list(range(1, len(records) + 1)), f"{topic} {subject}: {numbers(records)}"
    for name, collections in world.shapes.items():
        for collection in collections:
            for key, document in world.replicas.documents(f"switchboard_{name}", collection).items():
                _check_given_out(world, key, document)


def _check_given_out(world: World, key: str, document: dict[str, Any]) -> None:
    for topic, last in document.get("seq", {}).items():
        out = events_of(world, topic, key)
        assert len(out) == last, f"{topic} {key}: {last} given out, {len(out)} published"


def events_of(world: World, topic: str, subject: str) -> list[Any]:
    return events(world, topic).get(subject, [])


def digest(world: World) -> str:
    """The whole history in one line: every record with its place and time, every document, every step."""
    told = hashlib.sha256()
    for place in sorted(world.broker.logs):
        for record in world.broker.logs[place]:
            told.update(
                repr((place, record.offset, record.timestamp, record.key, record.value, record.headers)).encode()
            )
    for name in sorted(world.replicas.data):
        for key, stored in sorted(world.replicas.data[name].committed.items(), key=lambda item: str(item[0])):
            told.update(repr((name, key)).encode() + stored.raw)
    return f"{told.hexdigest()} {world.loop.steps} {world.loop.time():.9f}"


def check_causes(world: World, topics: Iterable[str]) -> None:
    """On the topics, too, no event stands before what its writer had seen of the same subject.

    What one writer gives out on several topics goes out together; there the reader keeps the order.
    """
    appeared: dict[tuple[str, str, int], int] = {}
    writer: dict[str, bytes] = {}
    firsts: list[tuple[int, str, str, Any]] = []
    for moment, record in enumerate(world.broker.history):
        if record.topic in topics:
            headers = dict(record.headers)
            subject, number = headers["ce_subject"].decode(), int(headers["ce_sequence"])
            writer[record.topic] = headers["ce_source"]
            if appeared.setdefault((record.topic, subject, number), moment) == moment:
                firsts.append((moment, record.topic, subject, headers.get("ce_after", b"").decode()))
    for moment, topic, subject, after in firsts:
        for part in after.split(";") if after else ():
            cause, _, number = part.rpartition("=")
            if cause in topics:
                seen = appeared.get((cause, subject, int(number)))
                assert seen is not None, f"{topic} {subject} rests on {part}, which never appeared"
                assert seen < moment or writer[cause] == writer[topic], (
                    f"{topic} {subject} stands before its cause {part}"
                )


def check_followed(world: World, topics: Iterable[str]) -> None:
    """Each consumer has seen all that was given out, and what had an effect had it once, in order, after its causes."""
    given = {topic: events(world, topic) for topic in topics}
    for name, shapes in world.shapes.items():
        for collection, shape in shapes.items():
            for key, document in world.replicas.documents(f"switchboard_{name}", collection).items():
                followed = {topic: given[topic].get(key, []) for topic in shape.reads & given.keys()}
                for topic, records in followed.items():
                    seen = document.get("seen", {}).get(topic, 0)
                    assert seen == len(records), f"{name} {key} saw {seen} of {len(records)} of {topic}"
                _check_effects(f"{name} {key}", document.get("state", {}).get("effects", ()), followed)


def _check_effects(who: str, log: Sequence[str], followed: Mapping[str, list[Any]]) -> None:
    """The log holds `topic=number`, as noted in the document by the write that had the effect."""
    applied: dict[str, int] = {}
    for entry in log:
        topic, _, number = entry.rpartition("=")
        assert int(number) > applied.get(topic, 0), f"{who}: {entry} had its effect again or too late: {log}"
        after = dict(followed[topic][int(number) - 1].headers).get("ce_after", b"").decode()
        for cause in after.split(";") if after else ():
            assert not _comes_later(cause, log[log.index(entry) :]), f"{who}: {entry} before its cause {cause}: {log}"
        applied[topic] = int(number)


def _comes_later(cause: str, rest: Sequence[str]) -> bool:
    topic, _, number = cause.rpartition("=")
    later = [int(entry.rpartition("=")[2]) for entry in rest if entry.rpartition("=")[0] == topic]
    return any(one <= int(number) for one in later)
