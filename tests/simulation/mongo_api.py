"""What a caller holds: client, database, collection and cursor, shaped like pymongo's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import bson
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne
from pymongo.common import validate_ok_for_replace, validate_ok_for_update
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DuplicateKeyError,
    InvalidOperation,
    WriteError,
)
from pymongo.results import BulkWriteResult, DeleteResult, InsertOneResult, UpdateResult

from tests.simulation.documents import Doc, project
from tests.simulation.mongo import AWARE, Data, Replicas, Rest, Stored
from tests.simulation.mongo_work import Sort, change, empty_report, find
from tests.simulation.mongo_work import work as work_on

LONG_S = 60.0
MAJORITY_LEVELS = ("majority", "linearizable", "snapshot")


class Client:
    def __init__(self, replicas: Replicas) -> None:
        self.replicas = replicas

    def __getitem__(self, name: str) -> "Database":
        return Database(self, name)

    def get_database(self, name: str) -> "Database":
        return Database(self, name)

    @property
    def admin(self) -> "Database":
        return Database(self, "admin")

    async def close(self) -> None: ...


class Database:
    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, name

    def __getitem__(self, name: str) -> "Collection":
        return Collection(self, name)

    def get_collection(
        self,
        name: str,
        codec_options: Any = None,
        read_preference: Any = None,
        write_concern: Any = None,
        read_concern: Any = None,
    ) -> "Collection":
        return Collection(self, name, codec_options, write_concern, read_concern)

    async def command(self, command: Any, *args: Any, **more: Any) -> Doc:
        name = command if isinstance(command, str) else next(iter(command))
        replicas = self.client.replicas
        if name not in ("ping", "hello"):
            raise NotImplementedError(name)
        answer: Doc = await replicas.call(lambda: {"ok": 1.0, "localTime": replicas.clock(), "isWritablePrimary": True})
        return answer


class Cursor:
    """Nothing happens before the first document is asked for."""

    def __init__(
        self, collection: "Collection", query: Mapping[str, Any], projection: Any, order: Sort, limit: int, skip: int
    ) -> None:
        self._collection, self._query, self._projection = collection, query, projection
        self._order, self._limit, self._skip = order, limit, skip

    def sort(self, key_or_list: Any, direction: int = 1) -> "Cursor":
        self._order = [(key_or_list, direction)] if isinstance(key_or_list, str) else list(key_or_list)
        return self

    def limit(self, limit: int) -> "Cursor":
        self._limit = limit
        return self

    def skip(self, skip: int) -> "Cursor":
        self._skip = skip
        return self

    async def to_list(self, length: int | None = None) -> list[Doc]:
        found: list[Doc] = await self._collection._call(self._find)
        return found if length is None else found[:length]

    async def __aiter__(self) -> AsyncIterator[Doc]:
        for doc in await self.to_list():
            yield doc

    def _find(self) -> list[Doc]:
        found = find(self._query, self._collection._readable, self._order)[self._skip :]
        return [
            self._collection._show(stored, self._projection)
            for stored in (found[: self._limit] if self._limit else found)
        ]


class Stream:
    """A change stream on which nothing is ever heard: what follows one is no part of the histories."""

    resume_token: ClassVar[Doc] = {"_data": "0"}
    alive = True

    async def __aenter__(self) -> "Stream":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def try_next(self) -> None:
        await asyncio.sleep(LONG_S)


class Collection:
    def __init__(
        self,
        database: Database,
        name: str,
        codec_options: Any = None,
        write_concern: Any = None,
        read_concern: Any = None,
    ) -> None:
        self.database, self.name = database, name
        self._codec, self._write_concern, self._read_concern = codec_options or AWARE, write_concern, read_concern
        self._replicas = database.client.replicas
        self._durable = write_concern is None or write_concern.document.get("w", "majority") not in (0, 1)
        self._majority = read_concern is not None and read_concern.level in MAJORITY_LEVELS

    def with_options(
        self,
        codec_options: Any = None,
        read_preference: Any = None,
        write_concern: Any = None,
        read_concern: Any = None,
    ) -> "Collection":
        return Collection(
            self.database, self.name, codec_options or self._codec,
            write_concern or self._write_concern, read_concern or self._read_concern,
        )  # fmt: skip

    @property
    def data(self) -> Data:
        return self._replicas.collection(self.database.name, self.name)

    @property
    def _readable(self) -> dict[Any, Stored]:
        return self.data.committed if self._majority else self.data.latest

    def find(
        self,
        filter: Mapping[str, Any] | None = None,
        projection: Any = None,
        skip: int = 0,
        limit: int = 0,
        sort: Sort = None,
        **hints: Any,
    ) -> Cursor:
        return Cursor(self, filter or {}, projection, sort, limit, skip)

    async def find_one(self, filter: Any = None, projection: Any = None, sort: Sort = None, **hints: Any) -> Doc | None:
        query = filter if filter is None or isinstance(filter, Mapping) else {"_id": filter}
        found = await self.find(query, projection, sort=sort, limit=1).to_list()
        return found[0] if found else None

    async def count_documents(self, filter: Mapping[str, Any], limit: int = 0, **hints: Any) -> int:
        count: int = await self._call(lambda: len(find(filter, self._readable, None)))
        return min(count, limit) if limit else count

    async def insert_one(self, document: Doc) -> InsertOneResult:
        document.setdefault("_id", self._replicas.new_id())
        await self._write(InsertOne(document))
        return InsertOneResult(document["_id"], True)

    async def replace_one(
        self, filter: Mapping[str, Any], replacement: Mapping[str, Any], upsert: bool = False, **hints: Any
    ) -> UpdateResult:
        return _update_result(await self._write(ReplaceOne(filter, replacement, upsert)))

    async def update_one(
        self, filter: Mapping[str, Any], update: Any, upsert: bool = False, **hints: Any
    ) -> UpdateResult:
        return _update_result(await self._write(UpdateOne(filter, update, upsert)))

    async def update_many(
        self, filter: Mapping[str, Any], update: Any, upsert: bool = False, **hints: Any
    ) -> UpdateResult:
        return _update_result(await self._write(UpdateMany(filter, update, upsert)))

    async def delete_one(self, filter: Mapping[str, Any], **hints: Any) -> DeleteResult:
        return DeleteResult({"n": (await self._write(DeleteOne(filter)))["nRemoved"]}, True)

    async def delete_many(self, filter: Mapping[str, Any], **hints: Any) -> DeleteResult:
        return DeleteResult({"n": (await self._write(DeleteMany(filter)))["nRemoved"]}, True)

    async def find_one_and_update(
        self, filter: Mapping[str, Any], update: Any, projection: Any = None, sort: Sort = None,
        upsert: bool = False, return_document: bool = False, **hints: Any,
    ) -> Doc | None:  # fmt: skip
        validate_ok_for_update(update)

        def work() -> Doc | None:
            found = find(filter, self.data.latest, sort)
            before = self._show(found[0], projection) if found else None
            request = UpdateOne({"_id": found[0].doc["_id"]} if found else filter, update, upsert)
            key = change(self.data, request, empty_report(), 0)
            return self._show(self.data.latest[key], projection) if return_document and key is not None else before

        answer: Doc | None = await self._call(work, write=True)
        return answer

    async def bulk_write(self, requests: Sequence[Any], ordered: bool = True, **hints: Any) -> BulkWriteResult:
        """Unordered, the operations are done one by one in any order, and a failure on the way leaves any part done."""
        if not requests:
            raise InvalidOperation("No operations to execute")
        for request in requests:
            _check(request, self._replicas.new_id)
        order, faults = list(enumerate(requests)), self._replicas.faults
        whole = ordered or not faults.happens("mongo.partial")
        if not ordered:
            faults.chance.shuffle(order)
        if not whole:
            del order[faults.chance.randrange(len(order)) :]
        report = empty_report()

        def work(start: int = 0) -> Any:
            stop = len(order)
            if start == 0 and stop > 1 and faults.happens("mongo.split"):
                stop = faults.chance.randrange(1, stop)
            for number, request in order[start:stop]:
                if not work_on(self.data, request, report, number) and ordered:
                    break
            if stop < len(order) and not (ordered and report["writeErrors"]):
                return Rest(lambda: work(stop))
            if not whole:
                raise AutoReconnect("connection closed")
            if report["writeErrors"]:
                raise BulkWriteError(report)
            return report

        return BulkWriteResult(await self._call(work, write=True), True)

    async def watch(self, pipeline: Sequence[Doc], **hints: Any) -> Stream:
        return Stream()

    async def create_index(self, keys: Any, **options: Any) -> str:
        listed = [(keys, 1)] if isinstance(keys, str) else list(keys)
        work = partial(self._replicas.create_indexes, self.data, [(listed, options)])
        (name,) = await self._call(work, write=True)
        return str(name)

    async def create_indexes(self, indexes: Sequence[Any]) -> list[str]:
        """One command: all of them, or none."""
        wanted = [dict(index.document) for index in indexes]
        listed = [(list(options.pop("key").items()), options) for options in wanted]
        names: list[str] = await self._call(lambda: self._replicas.create_indexes(self.data, listed), write=True)
        return names

    async def index_information(self) -> Doc:
        def work() -> Doc:
            own = {index.name: {"v": 2, "key": index.keys, **index.options} for index in self.data.indexes.values()}
            return {"_id_": {"v": 2, "key": [("_id", 1)]}, **own}

        answer: Doc = await self._call(work)
        return answer

    async def _call(self, work: Callable[[], Any], *, write: bool = False) -> Any:
        name = f"{'write' if write else 'read'} {self.name}"
        return await self._replicas.call(work, durable=write and self._durable, name=name)

    async def _write(self, request: Any) -> Doc:
        """One operation by itself: what goes wrong is raised as itself."""
        _check(request, self._replicas.new_id)
        report = empty_report()

        def work() -> Doc:
            if not work_on(self.data, request, report, 0):
                raise _error(report["writeErrors"][0])
            return report

        done: Doc = await self._call(work, write=True)
        return done

    def _show(self, stored: Stored, projection: Any) -> Doc:
        doc: Doc = bson.decode(stored.raw, self._codec)
        return doc if projection is None else project(doc, projection)


def _check(request: Any, new_id: Callable[[], Any]) -> None:
    """What pymongo refuses or adds before anything is sent."""
    if isinstance(request, InsertOne):
        if "_id" not in request._doc:
            request._doc["_id"] = new_id()
    elif isinstance(request, ReplaceOne):
        validate_ok_for_replace(request._doc)
    elif isinstance(request, (UpdateOne, UpdateMany)):
        validate_ok_for_update(request._doc)


def _error(details: Doc) -> WriteError:
    kind = DuplicateKeyError if details["code"] == 11000 else WriteError
    return kind(details["errmsg"], details["code"], details)


def _update_result(report: Doc) -> UpdateResult:
    upserted = report["upserted"]
    raw = {"n": report["nMatched"] + len(upserted), "nModified": report["nModified"]}
    return UpdateResult({**raw, "upserted": upserted[0]["_id"]} if upserted else raw, True)
