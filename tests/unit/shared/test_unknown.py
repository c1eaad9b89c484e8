"""What a newer version wrote is read, changed and written back by an older one (decision 36)."""

from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from pydantic import BaseModel, ConfigDict, ValidationError

from shared import unknown
from shared.document import ADDED, Document, Entry, Parked, Waiting, from_body, sealed, to_body
from shared.events.base import Body, Event
from shared.fold import fold
from tests.unit.shared.tally import T0, change_for, event, folding

A, B = "numbers.v1", "names.v1"


class Part(Body):
    """As the events' parts that states hold."""

    name: str = ""


class Item(BaseModel):
    model_config = ConfigDict(frozen=True)
    id: str
    part: Part = Part()


class Whole(BaseModel):
    model_config = ConfigDict(frozen=True)
    items: tuple[Item, ...] = ()
    by_name: dict[str, Item] = {}
    one: Item | None = None
    facts: dict[str, str] = {}


def item(id_: str, **more: Any) -> dict[str, Any]:
    return {"id": id_, "part": {"name": id_, "newer": [id_]}, **more}


NEWER = {
    "items": [item("a", newer=1), item("b", newer={"deep": True})],
    "by_name": {"c": item("c", newer=3)},
    "one": item("d", newer=4),
    "facts": {"known": "1"},
    "newer": ["whole"],
}


def test_a_state_is_written_back_with_what_is_not_known_of_it() -> None:
    state = unknown.read(Whole, NEWER)
    assert unknown.write(state.model_copy(update={"facts": {"known": "2"}})) == {**NEWER, "facts": {"known": "2"}}


def test_what_is_not_known_of_an_item_moves_and_goes_with_it() -> None:
    state = unknown.read(Whole, NEWER)
    a, b = state.items
    changed = state.model_copy(update={"items": (b, Item(id="new"), a.model_copy(update={"id": "z"})), "one": None})
    b_was, a_was = NEWER["items"][1], {**NEWER["items"][0], "id": "z"}  # type: ignore[index]
    assert unknown.write(changed) == {
        **NEWER, "items": [b_was, {"id": "new", "part": {"name": ""}}, a_was], "one": None
    }  # fmt: skip


def test_a_state_that_is_wholly_known_is_written_as_it_is() -> None:
    raw = {"items": ({"id": "a", "part": {"name": ""}},), "by_name": {}, "one": None, "facts": {}}
    assert unknown.write(unknown.read(Whole, raw)) == raw


def test_what_must_be_known_is_still_checked_beside_what_is_not() -> None:
    with pytest.raises(ValidationError, match=r"items\.1\.id"):
        unknown.read(Whole, {**NEWER, "items": [item("a"), {"newer": 1}]})


def test_no_event_says_what_its_writer_does_not_know() -> None:
    state = unknown.read(Whole, NEWER)
    assert b"newer" not in state.items[0].part.model_dump_json().encode()


def newest() -> dict[str, Any]:
    """A whole document, as a newer version may leave it."""
    document: Document[Any] = Document(
        key="k", shard=3, version=7, nonce="n", seq={"tallies.v1": 1}, seen={A: 1, "newer.v1": 4}, done=["w"],
        moved=True, pending=T0,
        outbox=[Entry("tallies.v1", "tally.counted", "k", "k", "id", T0, b"{}", 1, more={"newer": 1})],
        held=[Waiting(Event(A, "number.added", "k", "e", T0, {"n": 1}, 3, more={"newer": 2}), T0, {"newer": 3})],
        parked=Parked(T0, "ours", more={"newer": 4}),
    )  # fmt: skip
    return {**to_body(document, "n"), "newer": {"x": [1]}, "v": 7}


def stored(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bson.decode(bson.encode(body), CodecOptions(tz_aware=True))
    return found


def test_a_document_is_written_back_with_what_is_not_known_around_its_state() -> None:
    body = stored(newest())
    assert stored(to_body(from_body(body, None), "n")) == {**body, "v": 8}


def test_nothing_of_todays_documents_is_taken_for_unknown() -> None:
    body = {**stored(newest()), "state": {}, "schema": 1, "ix": {}, "due": T0}
    del body["newer"]
    assert from_body(body, None).more == {}


def test_numbers_of_topics_that_are_not_read_here_stay() -> None:
    document: Document[Any] = from_body(stored({**newest(), "held": []}), None)
    document.parked = None
    assert fold(document, change_for(event(A, 2)), T0, folding(A, B)).status == "applied"
    assert document.seen == {A: 2, "newer.v1": 4}


def test_a_record_of_a_topic_that_only_a_newer_version_reads_waits_for_that_one() -> None:
    waiting = Waiting(Event("newer.v1", "newer.told", "k", "e", T0, {"n": 1}, 1), T0)
    document: Document[Any] = Document(key="k", shard=3, held=[waiting])
    assert fold(document, change_for(event(A, 1)), T0, folding(A)).status == "applied"
    assert (document.held, document.seen) == ([waiting], {A: 1})


def test_a_state_that_can_not_be_read_parks_its_key_and_stays_as_it_is() -> None:
    kept = {"state": {"total": "?"}, "schema": 9, "ix": {"total": 1}}
    body = stored({**newest(), **kept, "due": T0})
    del body["parked"]
    document = sealed(body, T0, ValueError("no total"))
    assert fold(document, change_for(event(A, 2)), T0, folding(A, B)).status == "parked"
    written = stored(to_body(document, "n"))
    assert {name: written[name] for name in ADDED & written.keys()} == kept, "and no timer looks at it"
    assert "no total" in written["parked"]["error"]
    assert [waiting["event"]["sequence"] for waiting in written["held"]] == [3, 2]
