"""What an operator does inside a running service: quarantine, parked keys, stopped partitions.

Every step leaves a line in the audit trail, with who took it and why.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from shared.access import Principal
from shared.blocked import Blocker
from shared.bus import why_not
from shared.clock import wire
from shared.document import from_body
from shared.fold import Outcome
from shared.http import After, Limit, Problem, page, who
from shared.quarantine import kept

Admin = Annotated[Principal, who("supervisor")]
Reader = Annotated[Principal, who("supervisor", writes=False)]
DryRun = Annotated[bool, Query()]
Why = Annotated[str, Query(max_length=500, description="Why it is done, for the audit trail.")]
UNSHOWN = dict.fromkeys(("state", "ix", "outbox", "done", "held.event.data"), 0)
"""What may be large in a document and no list shows."""


def admin_router(running: Any) -> APIRouter:
    router = APIRouter(tags=["operations"])
    for doors in (_set_aside, _standing_still, _partitions, _trail):
        doors(router, running)
    return router


def _set_aside(router: APIRouter, running: Any) -> None:
    quarantine = running.quarantine

    @router.get("/v1/quarantine")
    async def list_quarantine(
        _: Reader,
        limit: Limit = 100,
        after: After = "",
        reason: str | None = None,
        source: str | None = None,
        key: str | None = None,
        since: AwareDatetime | None = None,
        before: AwareDatetime | None = None,
        status: str = "waiting",
    ) -> Any:
        found = await quarantine.find(
            status=status,
            reason=reason,
            source=source,
            key=key,
            since=since,
            before=before,
            after=after,
            limit=limit + 1,
        )
        return page([_brief(body) for body in found], limit, lambda item: str(item["id"]))

    @router.get("/v1/quarantine/{id_:path}")
    async def show(_: Reader, id_: str) -> Any:
        return _whole(_found(await quarantine.get(id_), id_))

    @router.post("/v1/quarantine/{id_:path}/replay")
    async def replay(by: Admin, id_: str, dry_run: DryRun = False, why: Why = "") -> Any:
        body = _found(await quarantine.get(id_), id_)
        if dry_run:
            problem = await running.bus.rehearse(kept(body))
            return {"id": id_, "replayed": False, "would_be_replayed": problem is None, "error": problem}
        async with running.trail.step(by.name, "quarantine replay", id_, why) as step:
            outcomes = await running.bus.work([kept(body)])
            error = await _still_bad(running, body, outcomes)
            if error is None:
                await quarantine.settle(id_, "replayed", by.name)
            step.became = "replayed" if error is None else "stays in quarantine"
        return {"id": id_, "replayed": error is None, "outcomes": [o.status for o in outcomes], "error": error}

    @router.post("/v1/quarantine/{id_:path}/dismiss")
    async def dismiss(by: Admin, id_: str, dry_run: DryRun = False, why: Why = "") -> Any:
        """Leave it as it is: kept, but counted no more. A replay of its id takes it in all the same."""
        waits = _found(await quarantine.get(id_), id_)["status"] == "waiting"
        if dry_run:
            return {"id": id_, "dismissed": False, "would_be_dismissed": waits, "error": _left(waits)}
        if not why:
            raise Problem(422, "invalid", "why: what is dismissed wants a reason", field="why")
        async with running.trail.step(by.name, "quarantine dismiss", id_, why) as step:
            dismissed = await quarantine.dismiss(id_, by.name)
            step.became = "dismissed" if dismissed else "waits no more"
        return {"id": id_, "dismissed": dismissed, "error": _left(dismissed)}


def _standing_still(router: APIRouter, running: Any) -> None:
    @router.get("/v1/parked")
    async def list_parked(_: Reader, limit: Limit = 100, after: After = "") -> Any:
        found: list[dict[str, Any]] = []
        for store in running.parts.stores:
            stands: list[dict[str, Any]] = [{name: {"$exists": True}} for name in ("held.since", "parked.since")]
            waiting = {"$or": stands, "_id": {"$gt": after}}
            bodies = await store.documents.find(waiting, UNSHOWN, sort=[("_id", 1)], limit=limit + 1).to_list(None)
            found += [_parked(store, from_body(body, None)) for body in bodies]
        return page(sorted(found, key=lambda item: str(item["key"])), limit, lambda item: str(item["key"]))

    @router.post("/v1/parked/{key}/replay")
    async def unpark(by: Admin, key: str, dry_run: DryRun = False, why: Why = "") -> Any:
        """`timer_next`: the key was parked by its timer, which is tried next; if it fails, the key stands again."""
        store, document = await _standing(running, key)
        timer = _by_timer(document)
        if dry_run:
            error = await store.would_flow(key)
            flows = error is None
            return {"key": key, "flows": False, "would_flow": flows, "timer_next": flows and timer, "error": error}
        async with running.trail.step(by.name, "parked replay", key, why) as step:
            flows = await store.unpark(key)
            step.became = _became(flows, timer)
        after = _parked(store, (await store.load([key]))[key])
        return {"flows": flows, "timer_next": timer and not after["parked"], **after}

    @router.post("/v1/parked/{key}/skip")
    async def skip(
        by: Admin,
        key: str,
        expected: Annotated[Blocker, Depends()],
        dry_run: DryRun = False,
        why: Why = "",
    ) -> Any:
        """Give up what the list calls `blocked_by`, named in the query; 409 if that is not first any more, or young.

        `lost` for good: a record whole, or the first and last number of a gap. `timer_next` as for a replay.
        """
        store, document = await _standing(running, key)
        timer = _by_timer(document)
        if dry_run:
            would = await store.would_skip(key)
            next_ = would.flows and timer
            return {"key": key, "flows": False, "would_flow": would.flows, "timer_next": next_, "lost": would.lost}
        if not why:
            raise Problem(422, "invalid", "why: what is given up for good wants a reason", field="why")
        async with running.trail.step(by.name, "parked skip", key, why) as step:
            done = await store.skip(key, expected)
            step.became, step.lost = _became(done.flows, timer), done.lost
        after = _parked(store, (await store.load([key]))[key])
        return {"flows": done.flows, "timer_next": timer and not after["parked"], "lost": done.lost, **after}


def _partitions(router: APIRouter, running: Any) -> None:
    @router.get("/v1/partitions")
    async def partitions(_: Reader) -> Any:
        """Those that this replica reads, and all that are stopped, whoever reads them."""
        stopped = await running.bus.stops.load()
        owned = running.ownership.places
        return {
            "items": [
                {
                    "topic": t,
                    "partition": p,
                    "owned": (t, p) in owned,
                    "next_offset": running.ownership.next_offset((t, p)),
                    "stopped": (t, p) in stopped,
                    "since": wire(stopped[t, p]) if (t, p) in stopped else None,
                }
                for t, p in sorted({*owned, *stopped})
            ],
            "next": None,
        }

    @router.post("/v1/partitions/{topic}/{partition}/resume")
    async def resume(by: Admin, topic: str, partition: int, dry_run: DryRun = False, why: Why = "") -> Any:
        """Whoever reads it goes on within about a second."""
        place = topic, partition
        if place not in await running.bus.stops.load():
            raise Problem(404, "not_stopped", f"{topic}/{partition} is not stopped", field="partition")
        if not dry_run:
            async with running.trail.step(by.name, "partition resume", f"{topic}/{partition}", why):
                await running.bus.stops.remove(place)
        return {"topic": topic, "partition": partition, "stopped": dry_run}


def _trail(router: APIRouter, running: Any) -> None:
    @router.get("/v1/audit")
    async def list_audit(
        _: Reader,
        limit: Limit = 100,
        after: After = "",
        by: str | None = None,
        did: str | None = None,
        what: str | None = None,
        since: AwareDatetime | None = None,
        before: AwareDatetime | None = None,
    ) -> Any:
        found = await running.trail.find(
            by=by, did=did, what=what, since=since, before=before, after=after, limit=limit + 1
        )
        return page([_line(body) for body in found], limit, lambda item: str(item["id"]))


def _became(flows: bool, timer: bool) -> str:
    if not flows:
        return "stands still"
    return "flows; its timer is tried next" if timer else "flows"


def _by_timer(document: Any) -> bool:
    """Whether a key was parked by its timer, not by a record; the timer fires only once the key flows."""
    return document.parked is not None and not document.parked.event


def _line(body: dict[str, Any]) -> dict[str, Any]:
    """A step without `became` was cut short, or is being taken."""
    told = {name: body.get(name) for name in ("by", "did", "what", "why", "became", "lost")}
    return {"id": str(body["_id"]), "at": wire(body["at"]), **told}


async def _standing(running: Any, key: str) -> tuple[Any, Any]:
    """The store in which the key stands still, else the first that has it; and its document."""
    having = [(store, found[key]) for store in running.parts.stores if key in (found := await store.load([key]))]
    if not having:
        raise Problem(404, "unknown_key", f"{key} is not a key here", field="key")
    return next(((store, document) for store, document in having if document.parked or document.held), having[0])


async def _still_bad(running: Any, body: dict[str, Any], outcomes: Sequence[Outcome[Any]]) -> str | None:
    """Why a replayed record has to stay in quarantine; None if it was taken in."""
    if outcomes:
        return next((why for outcome in outcomes if outcome.refused and (why := why_not(outcome))), None)
    problem: str | None = await running.bus.rehearse(kept(body))
    return problem


def _left(waiting: bool) -> str | None:
    return None if waiting else "it was replayed or dismissed already"


def _found(body: dict[str, Any] | None, id_: str) -> dict[str, Any]:
    if body is None:
        raise Problem(404, "unknown_record", f"{id_} is not in quarantine here", field="id")
    return body


def _brief(body: dict[str, Any]) -> dict[str, Any]:
    brief = {name: body[name] for name in ("topic", "reason", "error", "source", "status")}
    return {"id": body["_id"], **brief, "at": wire(body["at"]), "key": _shown(body["key"])}


def _whole(body: dict[str, Any]) -> dict[str, Any]:
    shown = _brief(body)
    shown["value"] = _shown(body["value"])
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


def _parked(store: Any, document: Any) -> dict[str, Any]:
    parked = document.parked
    return {
        "key": document.key,
        "in": store.shape.collection,
        "parked": None if parked is None else {"since": wire(parked.since), "error": parked.error},
        "blocked_by": store.blocker(document).named(),
        "waiting": [_waiting(waiting) for waiting in document.held],
        "seen": document.seen,
    }


def _waiting(waiting: Any) -> dict[str, Any]:
    event = waiting.event
    return {
        "id": event.id,
        "topic": event.topic,
        "type": event.type,
        "sequence": event.sequence,
        "after": event.after,
        "source": event.source,
        "since": wire(waiting.since),
    }
