"""What the house relies on MongoDB for, checked on the double and on a real replica set."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import ASCENDING, AsyncMongoClient, DeleteOne, IndexModel, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, WriteError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from tests.simulation.conformance import Fact, told_of
from tests.simulation.faults import Faults
from tests.simulation.mongo import Replicas
from tests.simulation.scheduler import current

MAJORITY = {"write_concern": WriteConcern(w="majority", j=True), "read_concern": ReadConcern("majority")}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def _on_double(fact: Fact) -> None:
    loop = current()
    database = Replicas(loop, Faults(loop.random, {"mongo.split": 0.5})).client()["d"]
    await fact(database.get_collection("c", **MAJORITY))


async def _on_real(fact: Fact, url: str) -> None:
    client: Any = AsyncMongoClient(url, tz_aware=True)
    name = f"conformance_{uuid4().hex[:12]}"
    try:
        await fact(client[name].get_collection("c", **MAJORITY))
    finally:
        await client.drop_database(name)
        await client.close()


conforms = told_of(_on_double, _on_real, "mongo")


async def _ids(collection: Any, query: dict[str, Any]) -> list[Any]:
    return sorted([doc["_id"] for doc in await collection.find(query, {"_id": 1}).to_list()])


@conforms
async def test_a_guarded_replace_that_misses_matches_nothing(c: Any) -> None:
    await c.insert_one({"_id": "a", "v": 2})
    result = await c.bulk_write(
        [ReplaceOne({"_id": "a", "v": 1}, {"_id": "a", "v": 2, "nonce": "late"})], ordered=False
    )
    assert (result.matched_count, result.upserted_count) == (0, 0)
    assert await c.find_one({"_id": "a"}) == {"_id": "a", "v": 2}


def _guarded(id_: str, v: int, **fields: Any) -> UpdateOne:
    """The house's write of the next version, as `shared/guarded.py` makes it."""
    is_as_read = {"$eq": ["$v", v - 1]}
    body = {"_id": id_, "v": v, **fields}
    return UpdateOne({"_id": id_}, [{"$replaceWith": {"$cond": [is_as_read, {"$literal": body}, "$$ROOT"]}}])


@conforms
async def test_a_write_that_compares_the_version_itself_modifies_only_what_is_as_it_was_read(c: Any) -> None:
    await c.bulk_write(
        [
            InsertOne(doc)
            for doc in [{"_id": "a", "v": 1, "old": 1}, {"_id": "b", "v": 2, "old": 1}, {"_id": "c", "old": 1}]
        ]
    )
    result = await c.bulk_write([_guarded(id_, 2, new=1) for id_ in "abcd"], ordered=False)
    assert (result.matched_count, result.modified_count, result.upserted_count) == (3, 1, 0)
    assert await c.find({}, sort=[("_id", 1)]).to_list(None) == [
        {"_id": "a", "v": 2, "new": 1}, {"_id": "b", "v": 2, "old": 1}, {"_id": "c", "old": 1},
    ]  # fmt: skip


@conforms
async def test_such_a_write_takes_any_words_and_names_literally(c: Any) -> None:
    said = {
        "text": "$v", "path": "$$ROOT", "deep": {"$set": {"a.b": 1}, "$literal": 2, "x.y": [{"$cond": []}]},
        "raw": b"\0", "at": NOON, "list": [], "sub": {}, "none": None, "中文": "退款",
    }  # fmt: skip
    await c.insert_one({"_id": "a", "v": 1})
    await c.bulk_write([_guarded("a", 2, **said)], ordered=False)
    assert await c.find_one({"_id": "a"}) == {"_id": "a", "v": 2, **said}


@conforms
async def test_such_a_write_is_held_to_unique_indexes(c: Any) -> None:
    await c.create_index("claim", unique=True, partialFilterExpression={"claim": {"$exists": True}})
    await c.bulk_write([InsertOne(doc) for doc in [{"_id": "a", "v": 1, "claim": ["x"]}, {"_id": "b", "v": 1}]])
    with pytest.raises(BulkWriteError) as failed:
        await c.bulk_write([_guarded("b", 2, claim=["x"])], ordered=False)
    assert [(e["index"], e["code"]) for e in failed.value.details["writeErrors"]] == [(0, 11000)]
    await c.bulk_write([_guarded("a", 2)], ordered=False)
    await c.bulk_write([_guarded("b", 2, claim=["x"])], ordered=False)
    assert [doc["v"] for doc in await c.find({"claim": "x"}).to_list(None)] == [2]


@conforms
async def test_a_guarded_upsert_of_what_another_has_changed_is_a_duplicate_key(c: Any) -> None:
    await c.insert_one({"_id": "a", "v": 2})
    with pytest.raises(BulkWriteError) as failed:
        await c.bulk_write([ReplaceOne({"_id": "a", "v": 0}, {"_id": "a", "v": 1}, upsert=True)], ordered=False)
    assert [(e["index"], e["code"]) for e in failed.value.details["writeErrors"]] == [(0, 11000)]
    assert failed.value.details["writeConcernErrors"] == []


@conforms
async def test_an_unordered_bulk_write_with_a_duplicate_key_writes_the_others(c: Any) -> None:
    await c.insert_one({"_id": "b"})
    with pytest.raises(BulkWriteError) as failed:
        await c.bulk_write([InsertOne({"_id": "a"}), InsertOne({"_id": "b"}), InsertOne({"_id": "c"})], ordered=False)
    details = failed.value.details
    assert (details["nInserted"], [e["index"] for e in details["writeErrors"]]) == (2, [1])
    assert details["writeErrors"][0]["keyPattern"] == {"_id": 1}
    assert await _ids(c, {}) == ["a", "b", "c"]


@conforms
async def test_an_ordered_bulk_write_stops_at_the_first_error(c: Any) -> None:
    with pytest.raises(BulkWriteError):
        await c.bulk_write([InsertOne({"_id": "a"}), InsertOne({"_id": "a"}), InsertOne({"_id": "c"})])
    assert await _ids(c, {}) == ["a"]


@conforms
async def test_a_bulk_write_counts_what_it_did(c: Any) -> None:
    await c.bulk_write([InsertOne({"_id": "a", "n": 1}), InsertOne({"_id": "b", "n": 1})])
    result = await c.bulk_write(
        [
            UpdateOne({"_id": "a"}, {"$set": {"n": 1}}),
            ReplaceOne({"_id": "x"}, {"n": 9}, upsert=True),
            DeleteOne({"_id": "b"}),
            UpdateOne({"_id": "nobody"}, {"$set": {"n": 1}}),
        ],
        ordered=False,
    )
    assert (result.matched_count, result.modified_count, result.upserted_count, result.deleted_count) == (1, 0, 1, 1)
    assert result.upserted_ids == {1: "x"}


@conforms
async def test_an_insert_under_a_known_id_is_a_duplicate_key(c: Any) -> None:
    await c.insert_one({"_id": "a"})
    with pytest.raises(DuplicateKeyError) as failed:
        await c.insert_one({"_id": "a"})
    assert failed.value.code == 11000


@conforms
async def test_a_unique_index_over_an_array_forbids_one_element_in_two_documents_but_not_twice_in_one(c: Any) -> None:
    await c.create_index([("ix.contacts", ASCENDING)], unique=True)
    await c.insert_one({"_id": "a", "ix": {"contacts": ["1", "2", "2"]}})
    with pytest.raises(DuplicateKeyError) as failed:
        await c.insert_one({"_id": "b", "ix": {"contacts": ["3", "2"]}})
    assert failed.value.details is not None
    assert failed.value.details["keyPattern"] == {"ix.contacts": 1}
    await c.insert_one({"_id": "c", "ix": {"contacts": ["3"]}})
    assert await _ids(c, {"ix.contacts": "2"}) == ["a"]


@conforms
async def test_a_unique_index_is_free_again_when_its_holder_lets_go(c: Any) -> None:
    await c.create_index("claim", unique=True)
    await c.insert_one({"_id": "a", "claim": ["1", "2"]})
    await c.update_one({"_id": "a"}, {"$pull": {"claim": "1"}})
    await c.insert_one({"_id": "b", "claim": ["1"]})
    await c.delete_one({"_id": "b"})
    await c.replace_one({"_id": "a"}, {"claim": ["1"]})
    assert await _ids(c, {"claim": "1"}) == ["a"]


@conforms
async def test_two_documents_without_the_field_or_with_empty_arrays_collide_in_a_plain_unique_index(c: Any) -> None:
    await c.create_index("claim", unique=True)
    for first, second in (({}, {}), ({"claim": []}, {"claim": []})):
        await c.delete_many({})
        await c.insert_one(first)
        with pytest.raises(DuplicateKeyError):
            await c.insert_one(second)
    await c.insert_one({})


@conforms
async def test_a_partial_unique_index_leaves_out_documents_without_the_field_but_not_empty_arrays(c: Any) -> None:
    await c.create_index("claim", unique=True, partialFilterExpression={"claim": {"$exists": True}})
    await c.bulk_write([InsertOne({"_id": "a"}), InsertOne({"_id": "b"}), InsertOne({"_id": "c", "claim": []})])
    with pytest.raises(DuplicateKeyError):
        await c.insert_one({"_id": "d", "claim": []})


@conforms
async def test_a_partial_unique_index_on_greater_than_empty_text_leaves_out_empty_arrays_too(c: Any) -> None:
    await c.create_index("claim", unique=True, partialFilterExpression={"claim": {"$gt": ""}})
    await c.bulk_write(
        [
            InsertOne({"_id": "a", "claim": []}),
            InsertOne({"_id": "b", "claim": []}),
            InsertOne({"_id": "c", "claim": ["1"]}),
        ]
    )
    with pytest.raises(DuplicateKeyError):
        await c.insert_one({"_id": "d", "claim": "1"})


@conforms
async def test_a_sparse_unique_index_leaves_out_documents_without_the_field(c: Any) -> None:
    await c.create_index("claim", unique=True, sparse=True)
    await c.bulk_write([InsertOne({"_id": "a"}), InsertOne({"_id": "b"}), InsertOne({"_id": "c", "claim": None})])
    with pytest.raises(DuplicateKeyError):
        await c.insert_one({"_id": "d", "claim": None})


@conforms
async def test_a_unique_index_over_two_fields_looks_at_the_pair(c: Any) -> None:
    await c.create_index([("a", ASCENDING), ("b", ASCENDING)], unique=True)
    await c.bulk_write([InsertOne({"a": 1, "b": 1}), InsertOne({"a": 1, "b": 2})])
    with pytest.raises(DuplicateKeyError):
        await c.insert_one({"a": 1, "b": 2})


@conforms
async def test_a_bulk_write_that_breaks_a_unique_index_names_the_operation_and_the_index(c: Any) -> None:
    await c.create_index("claim", unique=True)
    await c.insert_one({"_id": "a", "claim": "1"})
    with pytest.raises(BulkWriteError) as failed:
        await c.bulk_write(
            [
                ReplaceOne({"_id": "b"}, {"claim": "2"}, upsert=True),
                ReplaceOne({"_id": "c"}, {"claim": "1"}, upsert=True),
            ],
            ordered=False,
        )
    (error,) = failed.value.details["writeErrors"]
    assert (error["index"], error["code"], error["keyPattern"]) == (1, 11000, {"claim": 1})
    assert await _ids(c, {}) == ["a", "b"]


@conforms
async def test_a_unique_index_is_not_built_over_what_breaks_it(c: Any) -> None:
    await c.bulk_write([InsertOne({"claim": 1}), InsertOne({"claim": 1})])
    with pytest.raises(OperationFailure) as failed:
        await c.create_index("claim", unique=True)
    assert failed.value.code == 11000


@conforms
async def test_creating_the_same_indexes_again_changes_nothing_and_another_of_that_name_is_refused(c: Any) -> None:
    due = IndexModel([("shard", 1), ("due", 1)], name="due", partialFilterExpression={"due": {"$exists": True}})
    for _ in range(2):
        assert await c.create_indexes([due, IndexModel([("key", 1)])]) == ["due", "key_1"]
    known = await c.index_information()
    assert {name: list(index["key"]) for name, index in known.items()} == {
        "_id_": [("_id", 1)], "due": [("shard", 1), ("due", 1)], "key_1": [("key", 1)]
    }  # fmt: skip
    with pytest.raises(OperationFailure) as failed:
        await c.create_indexes([IndexModel([("shard", 1)], name="due")])
    assert failed.value.code == 86


@conforms
async def test_names_with_dots_are_kept_as_they_are_and_no_dotted_path_finds_them(c: Any) -> None:
    await c.bulk_write([ReplaceOne({"_id": "a"}, {"seen": {"cases.v1": 3}}, upsert=True)])
    assert await c.find_one({"_id": "a"}) == {"_id": "a", "seen": {"cases.v1": 3}}
    assert await _ids(c, {"seen.cases.v1": 3}) == []


@conforms
async def test_what_is_read_has_the_types_of_bson(c: Any) -> None:
    moment = NOON.replace(microsecond=123_999)
    written = {
        "_id": "a",
        "t": ("x", ("y",)),
        "at": moment,
        "raw": b"\0\xff",
        "n": 1 << 40,
        "f": 1.5,
        "none": None,
        "yes": True,
        "中文": "退款",
    }
    await c.insert_one(dict(written))
    read = await c.find_one({"_id": "a"})
    assert read == {**written, "t": ["x", ["y"]], "at": moment.replace(microsecond=123_000)}
    assert [type(read[name]) for name in ("raw", "n", "yes")] == [bytes, int, bool] or type(
        read["n"]
    ).__name__ == "Int64"


@conforms
async def test_queries_look_into_arrays_and_subdocuments(c: Any) -> None:
    await c.bulk_write(
        [
            InsertOne({"_id": "a", "tags": ["x", "y"], "held": [{"since": NOON, "n": 1}, {"since": NOON, "n": 5}]}),
            InsertOne({"_id": "b", "tags": "x", "held": []}),
            InsertOne({"_id": "c", "parked": {"since": NOON}, "n": 3}),
            InsertOne({"_id": "d", "n": None}),
        ]
    )
    for query, ids in (
        ({"tags": "x"}, "ab"),
        ({"tags": ["x", "y"]}, "a"),
        ({"tags": {"$in": ["y", "z"]}}, "a"),
        ({"tags": {"$nin": ["y"]}}, "bcd"),
        ({"tags": {"$ne": "x"}}, "cd"),
        ({"held.n": 5}, "a"),
        ({"held.0.n": 5}, ""),
        ({"held.1.n": 5}, "a"),
        ({"held.n": {"$gt": 1, "$lt": 5}}, "a"),
        ({"held": {"$elemMatch": {"n": {"$gt": 1, "$lt": 5}}}}, ""),
        ({"held": {"$elemMatch": {"n": 5, "since": NOON}}}, "a"),
        ({"held.since": {"$exists": True}}, "a"),
        ({"held": {"$exists": False}}, "cd"),
        ({"parked.since": {"$lte": NOON}}, "c"),
        ({"parked.since": {"$lt": NOON + timedelta(days=1)}, "n": {"$gte": 3}}, "c"),
        ({"n": None}, "abd"),
        ({"n": {"$in": [None, 3]}}, "abcd"),
        ({"n": {"$gt": ""}}, ""),
        ({"n": 3.0}, "c"),
        ({"n": True}, ""),
        ({"$or": [{"_id": "a"}, {"n": 3}]}, "ac"),
        ({"$and": [{"_id": {"$gt": "a"}}, {"_id": {"$lt": "d"}}]}, "bc"),
        ({"_id": {"$in": ["d", "a", "a", "nobody"]}}, "ad"),
        ({"parked": {"since": NOON}}, "c"),
    ):
        assert "".join(await _ids(c, query)) == ids, query
        assert await c.count_documents(query) == len(ids)


@conforms
async def test_sort_limit_and_projection(c: Any) -> None:
    await c.bulk_write(
        [InsertOne({"_id": i, "n": n, "state": {"a": i, "b": 0}}) for i, n in enumerate([3, 1, None, "x", 1])]
    )
    await c.insert_one({"_id": 9})

    async def order(*keys: tuple[str, int], **more: int) -> list[int]:
        return [doc["_id"] for doc in await c.find({}, sort=list(keys), **more).to_list(None)]

    assert await order(("n", 1), ("_id", -1)) == [9, 2, 4, 1, 0, 3]
    assert await order(("n", -1), ("_id", 1)) == [3, 0, 1, 4, 2, 9]
    assert await order(("_id", 1), limit=2) == [0, 1]
    assert [doc["_id"] async for doc in c.find({}).sort("_id", -1).limit(2)] == [9, 4]
    assert await c.find_one({"_id": 0}, {"state.a": 1}) == {"_id": 0, "state": {"a": 0}}
    assert await c.find_one({"_id": 0}, projection=["n"]) == {"_id": 0, "n": 3}
    assert await c.find_one({"_id": 0}, {"_id": 0, "n": 0}) == {"state": {"a": 0, "b": 0}}
    assert await c.find_one({"_id": 0}, {"_id": 1}) == {"_id": 0}
    assert await c.find_one({"_id": "nobody"}) is None
    await c.insert_one({"_id": 10, "held": [{"event": {"data": 1, "id": "x"}}, 7]})
    assert await c.find_one({"_id": 10}, {"held.event.data": 0}) == {"_id": 10, "held": [{"event": {"id": "x"}}, 7]}


@conforms
async def test_updates_change_only_what_they_name(c: Any) -> None:
    await c.insert_one({"_id": "a", "n": 1, "list": [1, 2], "sub": {"x": 1}, "boxes": [{"k": 1}, {"k": 2}]})
    await c.update_one(
        {"_id": "a"},
        {
            "$set": {"sub.y.z": 2},
            "$inc": {"n": 2, "new": 1},
            "$push": {"list": 3},
            "$pull": {"boxes": {"k": {"$lte": 1}}},
        },
    )
    await c.update_one(
        {"_id": "a"},
        {"$unset": {"sub.x": ""}, "$addToSet": {"list": {"$each": [3, 4]}}, "$max": {"n": 2}, "$min": {"new": 0}},
    )
    await c.update_one(
        {"_id": "a"},
        {"$set": {"boxes.0.k": 7}, "$pull": {"list": {"$in": [1, 2]}, "absent": 1}, "$setOnInsert": {"born": True}},
    )
    await c.update_one({"_id": "a"}, {"$push": {"last": {"$each": [1, 2, 3], "$slice": -2}}})
    assert await c.find_one({"_id": "a"}) == {
        "_id": "a", "n": 3, "list": [3, 4], "sub": {"y": {"z": 2}}, "boxes": [{"k": 7}], "new": 0, "last": [2, 3]
    }  # fmt: skip


@conforms
async def test_two_changes_of_one_path_are_refused_and_so_is_a_list_operator_on_no_list(c: Any) -> None:
    await c.insert_one({"_id": "a", "n": 1})
    for change, code in (
        ({"$set": {"n": 2}, "$unset": {"n": ""}}, 40),
        ({"$set": {"_id": "b"}}, 66),
        ({"$push": {"n": 1}}, 2),
        ({"$set": {"n.x": 1}}, 28),
    ):
        with pytest.raises(WriteError) as failed:
            await c.update_one({"_id": "a"}, change)
        assert failed.value.code == code
    assert await c.find_one({"_id": "a"}) == {"_id": "a", "n": 1}


@conforms
async def test_an_upsert_takes_what_its_filter_says_and_sets_some_fields_only_then(c: Any) -> None:
    for _ in range(2):
        await c.update_one(
            {"_id": "a", "kind": "x", "n": {"$gt": 0}, "sub.y": 1},
            {"$setOnInsert": {"n": 1}, "$inc": {"times": 1}},
            upsert=True,
        )
    assert await c.find_one({"_id": "a"}) == {"_id": "a", "kind": "x", "sub": {"y": 1}, "n": 1, "times": 2}


@conforms
async def test_update_many_and_delete_many_take_all_that_match(c: Any) -> None:
    await c.bulk_write(
        [InsertOne({"_id": n, "outbox": [1], "nonce": "x" if n < 2 else "y", "pending": NOON}) for n in range(3)]
    )
    result = await c.update_many(
        {"_id": {"$in": [0, 1, 2]}, "nonce": "x"}, {"$set": {"outbox": []}, "$unset": {"pending": ""}}
    )
    assert (result.matched_count, result.modified_count) == (2, 2)
    assert await c.find_one({"_id": 0}) == {"_id": 0, "outbox": [], "nonce": "x"}
    assert (await c.delete_many({"nonce": "x"})).deleted_count == 2
    assert await _ids(c, {}) == [2]


@conforms
async def test_find_one_and_update_gives_one_of_two_racers_the_document(c: Any) -> None:
    await c.insert_one({"_id": "a", "owner": None})
    claims = [
        c.find_one_and_update({"_id": "a", "owner": None}, {"$set": {"owner": who}}, return_document=True)
        for who in ("x", "y")
    ]
    won = [doc for doc in await asyncio.gather(*claims) if doc is not None]
    assert len(won) == 1
    assert won[0] == await c.find_one({"_id": "a"})


@conforms
async def test_of_racing_guarded_replaces_one_wins(c: Any) -> None:
    await c.insert_one({"_id": "a", "v": 0})
    answers = await asyncio.gather(*(c.replace_one({"_id": "a", "v": 0}, {"v": 1, "who": who}) for who in range(5)))
    assert sorted(answer.matched_count for answer in answers) == [0, 0, 0, 0, 1]


@conforms
async def test_of_racing_guarded_upserts_one_wins_and_the_others_see_a_duplicate(c: Any) -> None:
    async def upsert(who: int) -> Any:
        replace = ReplaceOne({"_id": "a", "v": 0}, {"v": 1, "who": who}, upsert=True)
        return (await c.bulk_write([replace], ordered=False)).upserted_count

    answers = await asyncio.gather(*map(upsert, range(5)), return_exceptions=True)
    lost = [answer for answer in answers if isinstance(answer, BulkWriteError)]
    assert [answer for answer in answers if answer not in lost] == [1]
    assert [error["code"] for answer in lost for error in answer.details["writeErrors"]] == [11000] * 4


@conforms
async def test_a_majority_read_sees_a_majority_write_that_was_answered(c: Any) -> None:
    for n in range(10):
        await c.update_one({"_id": "a"}, {"$set": {"n": n}}, upsert=True)
        read = await c.find_one({"_id": "a"})
        assert read["n"] == n


@conforms
async def test_a_write_answered_by_one_node_is_seen_by_a_local_read_at_once(c: Any) -> None:
    quick = c.with_options(write_concern=WriteConcern(w=1), read_concern=ReadConcern("local"))
    await quick.insert_one({"_id": "a"})
    assert await quick.find_one({"_id": "a"}) == {"_id": "a"}


@conforms
async def test_the_database_tells_its_time(c: Any) -> None:
    hello = await c.database.client.admin.command("hello")
    assert isinstance(hello["localTime"], datetime)
