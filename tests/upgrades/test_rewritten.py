"""Documents of a whole story, written over by another version, and read again (decision 36)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bson
import pytest
from pydantic import BaseModel

from shared.events.base import Event
from shared.mongo import CODEC
from shared.service import Running
from tests.e2e.house import READS
from tests.simulation.house import House
from tests.upgrades import rewrite
from tests.upgrades.before import code_before, running
from tests.upgrades.shapes import shapes
from tests.upgrades.states import drawn_before
from tests.upgrades.tale import Document, Kept, kept_in, tell

STORES = shapes()
ANEW = {"v", "nonce", "schema", "ix", "due"}
"""What every writer says anew."""
NEWER = {"kept": [1]}


Unknown = dict[tuple[str, str], list[str]]
"""By service and topic, what became of an event of unknown type in each store it leads to."""


@pytest.fixture(scope="module")
def told() -> tuple[Kept, Unknown]:
    """What is seen in the midst of the story, with the documents of its end."""
    midst: Kept = {}
    became: Unknown = {}

    async def look(house: House) -> None:
        midst.update(kept_in(house))
        for one in house.world.running.values():
            became.update({(one.core.name, topic): await met(one, topic) for topic in one.parts.doors})

    end = tell(look)
    return {name: [*midst[name], *end[name]] for name in end}, became


async def met(service: Running, topic: str) -> list[str]:
    doors = [door for door in service.parts.doors[topic] if door.inbound is None]
    newer = Event(topic, "newer.told", "k", "id", rewrite.NOW, {"newer": NEWER}, 1)
    return [(await door.store.preview(change)).status for door in doors if (change := door.prepare(newer))]


@pytest.fixture(scope="module")
def tale(told: tuple[Kept, Unknown]) -> Kept:
    """The documents of each store, in the midst and at the end."""
    return told[0]


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the version before."""
    return code_before(tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def by_the_version_before(tale: Kept, code: Path) -> Kept:
    known = {name: bodies for name, bodies in tale.items() if name in drawn_before(code)}
    asked = b"".join(bson.encode({"store": name, "body": body}) for name, bodies in known.items() for body in bodies)
    answer = subprocess.run(
        [sys.executable, rewrite.__file__], env=running(code), input=asked, stdout=-1, check=True
    ).stdout
    written: Kept = {name: [] for name in known}
    for one in bson.decode_iter(answer, CODEC):
        written[one["store"]].append(one["body"])
    return written


def test_an_event_of_a_type_that_is_not_known_has_no_effect_anywhere(told: tuple[Kept, Unknown]) -> None:
    became = {place: statuses for place, statuses in told[1].items() if statuses}
    assert {service for service, _ in became} == set(READS)
    assert {status for statuses in became.values() for status in statuses} == {"unchanged"}


def test_what_the_version_before_writes_over_is_still_all_there(
    tale: Kept, by_the_version_before: Kept, code: Path
) -> None:
    """A version before that keeps only what it knows (it has no `shared/unknown.py`) leaves that as it was."""
    keeps_all = (code / "shared" / "unknown.py").exists()
    assert by_the_version_before
    for name, all_written in by_the_version_before.items():
        assert len(tale[name]) >= 2, name
        for body, written in zip(tale[name], all_written, strict=True):
            mine = noted(lasting(stored(body)))
            assert lasting(written) == (mine if keeps_all else of_what_is_known(lasting(written), mine))
            if keeps_all:
                assert rewrite.store_of(name)._state(written) == rewrite.store_of(name)._state(stored(body))


@pytest.mark.parametrize("name", STORES)
def test_whatever_the_version_after_adds_to_a_document_is_written_back_by_this_one(name: str, tale: Kept) -> None:
    assert tale[name]
    for body in tale[name]:
        newer = stored(marked(name, body))
        assert lasting(stored(rewrite.rewritten(rewrite.store_of(name), newer))) == noted(lasting(newer))


def test_no_decision_loses_what_the_version_after_keeps_in_a_state() -> None:
    marks: dict[str, set[str]] = {}

    async def mark(house: House) -> None:
        for name, bodies in kept_in(house).items():
            service, collection = name.split(".")
            of = house.world.replicas.client()[f"switchboard_{service}"][collection]
            for body in bodies:
                await mark_one(of, name, body["_id"])
            marks[name] = {key for key, body in (await found(of)).items() if body.get("newer") == NEWER}

    end = tell(mark)
    assert marks.keys() == STORES.keys()
    for name, keys in marks.items():
        assert keys, name
        for body in end[name]:
            kept = body.get("newer"), body["state"].get("newer")
            assert kept == (NEWER, NEWER) or body["_id"] not in keys, f"{name} of {body['_id']}"


async def mark_one(collection: Any, name: str, key: str) -> None:
    """As a process of the version after would: again, if somebody wrote meanwhile."""
    for _ in range(20):
        body = (await found(collection))[key]
        whole = {**marked(name, body), "v": body["v"] + 1}
        if (await collection.replace_one({"_id": key, "v": body["v"]}, whole)).matched_count:
            return


async def found(collection: Any) -> dict[str, Document]:
    return {body["_id"]: body for body in await collection.find({}).to_list(None)}


def of_what_is_known(known: Any, mine: Any) -> Any:
    """What is mine, without the fields that are not known there."""
    if isinstance(known, dict) and isinstance(mine, dict):
        return {name: of_what_is_known(known[name], value) for name, value in mine.items() if name in known}
    if isinstance(known, list) and isinstance(mine, list) and len(known) == len(mine):
        return [of_what_is_known(one, other) for one, other in zip(known, mine, strict=True)]
    return mine


def stored(body: Document) -> Document:
    found: Document = bson.decode(bson.encode(body), CODEC)
    return found


def lasting(body: Document) -> Document:
    return {name: value for name, value in body.items() if name not in ANEW and value != []}


def noted(body: Document) -> Document:
    return {**body, "seen": {**body.get("seen", {}), rewrite.TOPIC: 1}}


def marked(name: str, body: Document) -> Document:
    """The document as a newer version might have left it: more in it, wherever it has named fields."""
    state = STORES[name].model.model_validate(body["state"])
    entries = [{**entry, "newer": NEWER} for entry in body.get("outbox", ())]
    return {**body, "newer": NEWER, "state": _marked(state), **({"outbox": entries} if entries else {})}


def _marked(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {"newer": NEWER, **{name: _marked(part) for name, part in value}}
    if isinstance(value, Mapping):
        return {name: _marked(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_marked(part) for part in value]
    return value
