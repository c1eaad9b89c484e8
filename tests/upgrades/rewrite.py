"""Documents go in, are changed as a record changes them, and come out as this version writes them: BSON, one by one.

Run with the version before on the path; what it uses of `shared` is what both versions have.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import bson

from shared.decisions import Decision
from shared.document import from_body
from shared.events.base import Event
from shared.fold import Change, Folding, fold
from shared.metrics import Metrics
from shared.mongo import CODEC, connect
from shared.store import Shape, Store

TOPIC = "rewritten.v1"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def store_of(name: str) -> Store[Any]:
    service, collection = name.split(".")
    modules = pkgutil.iter_modules(import_module(f"services.{service}").__path__, f"services.{service}.")
    values = (value for module in modules for value in vars(import_module(module.name)).values())
    shape = next(one for one in values if isinstance(one, Shape) and one.collection == collection)
    nothing: Any = None
    return Store(connect("mongodb://nowhere")["nothing"], shape, nothing, nothing, metrics=Metrics(service))


def rewritten(store: Store[Any], body: dict[str, Any]) -> dict[str, Any]:
    """The state is a new object with the same fields, as after a decision; the record leaves its number."""
    document = from_body(body, store._state(body))
    event = Event(TOPIC, "nothing.new", document.key, "id", NOW, {}, 1)
    change: Change[Any] = Change(document.key, lambda s, _: Decision(s.model_copy()), "cause", event=event)
    nothing: Any = None
    assert fold(document, change, NOW, Folding(frozenset({TOPIC}), nothing)).status == "applied"
    return store._body(document, "rewritten")


def main() -> Iterator[bytes]:
    stores: dict[str, Store[Any]] = {}
    for asked in bson.decode_file_iter(sys.stdin.buffer, CODEC):
        name = asked["store"]
        store = stores.setdefault(name, stores.get(name) or store_of(name))
        yield bson.encode({"store": name, "body": rewritten(store, asked["body"])})


if __name__ == "__main__":
    sys.stdout.buffer.writelines(main())
