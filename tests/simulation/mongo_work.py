"""What the primary does with one operation: find, insert, replace, update, delete."""

from collections.abc import Mapping, Sequence
from typing import Any

import bson
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany
from pymongo.errors import OperationFailure

from tests.simulation.documents import Doc, pipeline, predicate, sort, update
from tests.simulation.mongo import AWARE, Data, Stored

Sort = Sequence[tuple[str, int]] | str | None
COUNTS = ("nInserted", "nUpserted", "nMatched", "nModified", "nRemoved")


def empty_report() -> Doc:
    """What a bulk write tells, as pymongo keeps it."""
    return {"writeErrors": [], "writeConcernErrors": [], "upserted": [], **dict.fromkeys(COUNTS, 0)}


def work(data: Data, request: Any, report: Doc, number: int) -> bool:
    """Do one operation of a bulk write; False if it failed, which the report then tells."""
    try:
        if isinstance(request, InsertOne):
            insert(data, dict(request._doc))
            report["nInserted"] += 1
        elif isinstance(request, (DeleteOne, DeleteMany)):
            found = find(request._filter, data.latest, None)
            for stored in found if isinstance(request, DeleteMany) else found[:1]:
                data.put(key_of(stored.doc["_id"]), None)
                report["nRemoved"] += 1
        else:
            change(data, request, report, number)
    except OperationFailure as error:
        told = {"index": number, "code": error.code, "errmsg": str(error), "op": request}
        report["writeErrors"].append({**(error.details or {}), **told})
        return False
    return True


def find(query: Mapping[str, Any], view: dict[Any, Stored], order: Sort) -> list[Stored]:
    if not (candidates := _candidates(query, view)):
        return []
    fits = predicate(query)
    found = [stored for stored in candidates if fits(stored.doc)]
    if not order or len(found) < 2:
        return found
    return sort(found, [(order, 1)] if isinstance(order, str) else order, lambda stored: stored.doc)


def _candidates(query: Mapping[str, Any], view: dict[Any, Stored]) -> list[Stored]:
    """Those that the index on _id finds, in its order, or all."""
    wanted = query.get("_id")
    if isinstance(wanted, str):
        return [view[wanted]] if wanted in view else []
    if isinstance(wanted, Mapping) and "$in" in wanted:
        keys = dict.fromkeys(key_of(id_) for id_ in wanted["$in"])
        return [view[key] for key in sorted(keys, key=str) if key in view]
    return list(view.values())


def insert(data: Data, doc: Doc) -> Any:
    doc = {"_id": doc.pop("_id"), **doc} if "_id" in doc else {"_id": data.new_id(), **doc}
    key = key_of(doc["_id"])
    if key in data.latest:
        message = f"E11000 duplicate key error collection: {data.name} index: _id_ dup key: {{ _id: {key!r} }}"
        raise OperationFailure(message, 11000, {"keyPattern": {"_id": 1}, "keyValue": {"_id": doc["_id"]}})
    data.put(key, doc)
    return key


def change(data: Data, request: Any, report: Doc, number: int) -> Any:
    """Replace or update; returns the key of what was changed or made, None if nothing matched."""
    found = find(request._filter, data.latest, None)
    if not found:
        return _upsert(data, request, report, number) if request._upsert else None
    for stored in found if isinstance(request, UpdateMany) else found[:1]:
        key = key_of(stored.doc["_id"])
        doc = _changed(request, bson.decode(stored.raw, AWARE), inserting=False)
        if doc["_id"] != stored.doc["_id"]:
            raise OperationFailure("the (immutable) field '_id' was found to have been altered", 66)
        report["nMatched"] += 1
        if bson.encode(doc) != stored.raw:
            data.put(key, doc)
            report["nModified"] += 1
    return key


def _upsert(data: Data, request: Any, report: Doc, number: int) -> Any:
    key = insert(data, _changed(request, _equalities(request._filter), inserting=True))
    report["nUpserted"] += 1
    report["upserted"].append({"index": number, "_id": data.latest[key].doc["_id"]})
    return key


def _changed(request: Any, doc: Doc, *, inserting: bool) -> Doc:
    if isinstance(request, ReplaceOne):
        return {**({"_id": doc["_id"]} if "_id" in doc else {}), **request._doc}
    if isinstance(request._doc, list):
        return pipeline(doc, request._doc)
    update(doc, request._doc, inserting)
    return doc


def _equalities(query: Mapping[str, Any]) -> Doc:
    """What an upsert takes over from its filter."""
    doc: Doc = {}
    for name, value in query.items():
        if name == "$and":
            for part in value:
                doc.update(_equalities(part))
        elif not name.startswith("$"):
            if isinstance(value, Mapping) and "$eq" in value:
                update(doc, {"$set": {name: value["$eq"]}}, True)
            elif not (isinstance(value, Mapping) and any(n.startswith("$") for n in value)):
                update(doc, {"$set": {name: value}}, True)
    return doc


def key_of(id_: Any) -> Any:
    """Under what a document is kept: its id, or the bytes of an id that cannot be hashed."""
    return id_ if isinstance(id_, (str, int, bson.ObjectId)) else bson.encode({"": id_})
