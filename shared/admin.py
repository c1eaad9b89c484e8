"""What an operator does inside a running service: quarantine, parked keys, stopped partitions. Every step leaves a line in the audit trail."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from shared.access import Principal
from shared.clock import wire
from shared.http import After, Limit, Problem, page, who
from shared.quarantine import kept

Admin = Annotated[Principal, who("supervisor")]
Reader = Annotated[Principal, who("supervisor", writes=False)]


def admin_router(running: Any) -> APIRouter:
    router = APIRouter(tags=["operations"])
    quarantine = running.quarantine

    @router.get("/v1/quarantine")
    async def list_quarantine(
        _: Reader,
        limit: Limit = 100,
        after: After = "",
        reason: str | None = None,
        source: str | None = None,
        status: str = "waiting",
    ) -> Any:
        found = await quarantine.find(status=status, reason=reason, source=source, after=after, limit=limit + 1)
        return page([_brief(body) for body in found], limit, lambda item: str(item["id"]))

    @router.get("/v1/quarantine/{id_:path}")
    async def show(_: Reader, id_: str) -> Any:
        return _whole(_found(await quarantine.get(id_), id_))

    @router.post("/v1/quarantine/{id_:path}/replay")
    async def replay(by: Admin, id_: str, dry_run: Annotated[bool, Query()] = False) -> Any:
        body = _found(await quarantine.get(id_), id_)
        if dry_run:
            return _try_reading(running, body)
        outcomes = await running.bus.work([kept(body)])
        still_bad = not outcomes or any(o.refused for o in outcomes)
        if not still_bad:
            await quarantine.settle(id_, "replayed", by.name)
        return {
            "id": id_,
            "replayed": not still_bad,
            "outcomes": [o.status for o in outcomes],
            "reason": body["reason"] if still_bad else None,
        }

    @router.get("/v1/parked")
    async def list_parked(_: Reader, limit: Limit = 100, after: After = "") -> Any:
        found: list[dict[str, Any]] = []
        for store in running.parts.stores:
            waiting = {"held.since": {"$exists": True}, "_id": {"$gt": after}}
            for document in (await store.load_where(waiting, sort=[("_id", 1)], limit=limit + 1)).values():
                found.append(_parked(store, document))
        return page(sorted(found, key=lambda item: str(item["key"])), limit, lambda item: str(item["key"]))

    @router.post("/v1/parked/{key}/replay")
    async def unpark(by: Admin, key: str) -> Any:
        return await _for_key(running, by, key, "unpark", "replayed")

    @router.post("/v1/parked/{key}/skip")
    async def skip(by: Admin, key: str) -> Any:
        return await _for_key(running, by, key, "skip", "skipped")

    @router.get("/v1/partitions")
    async def partitions(_: Reader) -> Any:
        stopped = running.bus.breaker.open_places()
        items = [{"topic": t, "partition": p, "next_offset": running.ownership.next_offset((t, p)), "stopped": (t, p) in stopped} for t, p in running.ownership.places]  # fmt: skip
        return {"items": items, "next": None}

    @router.post("/v1/partitions/{topic}/{partition}/resume")
    async def resume(by: Admin, topic: str, partition: int) -> Any:
        if (topic, partition) not in running.bus.breaker.open_places():
            raise Problem(404, "not_stopped", f"{topic}/{partition} is not stopped here", field="partition")
        running.bus.resume(running.consumer(), [(topic, partition)])
        await _audit(running, by, "partition resumed", f"{topic}/{partition}")
        return {"topic": topic, "partition": partition, "stopped": False}

    return router


async def _for_key(running: Any, by: Principal, key: str, verb: str, did: str) -> dict[str, Any]:
    for store in running.parts.stores:
        if key in await store.load([key]):
            flows = await getattr(store, verb)(key)
            await _audit(running, by, f"parked key {did}", key)
            return {"key": key, "flows": flows}
    raise Problem(404, "unknown_key", f"{key} is not a key here", field="key")


async def _audit(running: Any, by: Principal, did: str, what: str) -> None:
    await running.quarantine.audit.insert_one({"at": running.core.clock(), "by": by.name, "did": did, "what": what})


def _found(body: dict[str, Any] | None, id_: str) -> dict[str, Any]:
    if body is None:
        raise Problem(404, "unknown_record", f"{id_} is not in quarantine here", field="id")
    return body


def _brief(body: dict[str, Any]) -> dict[str, Any]:
    return {"id": body["_id"], "topic": body["topic"], "reason": body["reason"], "error": body["error"], "source": body["source"], "at": wire(body["at"]), "status": body["status"]}  # fmt: skip


def _whole(body: dict[str, Any]) -> dict[str, Any]:
    shown = _brief(body)
    for name in ("key", "value"):
        shown[name] = _shown(body[name])
    shown["headers"] = [[_shown(name), _shown(value)] for name, value in body["headers"]]
    return shown


def _shown(raw: Any) -> Any:
    """Bytes as text where they are text, else as hex."""
    if not isinstance(raw, bytes):
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"hex": raw.hex()}


def _try_reading(running: Any, body: dict[str, Any]) -> dict[str, Any]:
    """Whether the record can be read now; nothing is changed."""
    problem = running.bus.try_reading(kept(body))
    return {"id": body["_id"], "replayed": False, "would_be_read": problem is None, "error": problem}


def _parked(store: Any, document: Any) -> dict[str, Any]:
    return {
        "key": document.key, "in": store.shape.collection,
        "parked": None if document.parked is None else {"since": wire(document.parked.since), "error": document.parked.error},
        "waiting": [{"topic": w.event.topic, "type": w.event.type, "sequence": w.event.sequence, "after": w.event.after, "since": wire(w.since)} for w in document.held],
        "seen": document.seen,
    }  # fmt: skip
