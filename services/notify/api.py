"""Notify's door for HTTP: what was told to whom, how a template reads, and the settling of what nobody knows."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.notify.domain import deliver, log
from services.notify.domain.casefile import Casefile
from services.notify.domain.preview import preview
from services.notify.domain.rules import Rules, Words
from services.notify.store import Casefiles, log_of
from shared.access import Principal
from shared.clock import wire
from shared.fold import Change
from shared.http import After, Json, Limit, Problem, body_of, page, read_body, who
from shared.ids import named
from shared.rules import Rules as Live
from shared.service import Running

Reader = Annotated[Principal, who("agent", "supervisor", "expert", "coordinator", "quality", "care", writes=False)]
Writer = Annotated[Principal, who("supervisor", "quality", "care", writes=False)]
Settler = Annotated[Principal, who("supervisor", "care")]
MOST_CASES = 200


class PreviewAsked(BaseModel):
    """`words`: a proposed wording to try; without it the shipped one is shown. `values` replace the samples."""

    model_config = ConfigDict(extra="forbid")
    template: str
    language: str | None = None
    channel: str = "email"
    values: dict[str, Annotated[str, Field(max_length=4000)]] = {}
    words: Words | None = None


class Settled(BaseModel):
    """true: it was sent. false: it was not, and is sent now."""

    model_config = ConfigDict(extra="forbid", strict=True)
    sent: bool


def router(running: Running, files: Casefiles, rules: Live[Rules]) -> APIRouter:
    """The doors of CONTRACTS section 3, notify."""
    doors = APIRouter()

    @doors.get("/v1/notifications", tags=["notifications"])
    async def told(
        _: Reader,
        case: str | None = None,
        customer: str | None = None,
        state: Literal["unknown"] | None = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        if not (case or customer or state):
            raise Problem(422, "invalid", "one of case, customer, state=unknown is wanted", field="case")
        found = await _files(files, case, customer, state)
        items = [item for item in await _messages(files, found) if _position(item) > after]
        return page([item for item in items if state in (None, item["state"])], limit, _position)

    @doors.post("/v1/templates/preview", tags=["templates"])
    async def try_template(request: Request, _: Writer) -> Response:
        asked = body_of(PreviewAsked, await read_body(request))
        shown = preview(
            rules(), template=asked.template, language=asked.language, channel=asked.channel, values=asked.values,
            words=asked.words,
        )  # fmt: skip
        said = asdict(shown)
        return Json(said | {"template": {"id": said["template"], "version": said.pop("version")}})

    @doors.post("/v1/notifications/{notification_id}/settle", tags=["notifications"])
    async def settle(request: Request, by: Settler, notification_id: str) -> Response:
        value = await read_body(request)
        asked = body_of(Settled, value)

        async def make() -> tuple[int, Any]:
            return 200, await _settle(running, files, notification_id, asked.sent, by)

        return await running.idempotency.answer(request, by, value, make)

    return doors


async def _files(files: Casefiles, case: str | None, customer: str | None, state: str | None) -> list[Casefile]:
    query: dict[str, Any] = {"$or": [{"_id": case}, {"ix.number": case.upper()}]} if case else {}
    if customer:
        query["ix.customer"] = customer
    if state:
        query["ix.unknown"] = True
    found = await files.find(query, limit=MOST_CASES)
    if case and not found:
        raise Problem(404, "unknown_case", f"nothing is known of a case {case}", field="case")
    return found


async def _messages(files: Casefiles, found: list[Casefile]) -> list[dict[str, Any]]:
    """Every message of these cases, in the order in which they came up. `nth`: its place among those of its case."""
    lines = await log_of(files, found)
    items = [
        _shown(message) | {"number": file.number, "customer_id": file.customer, "nth": nth}
        for file in found
        for nth, message in enumerate(log.read(lines[file.case_id], file), start=1)
    ]
    return sorted(items, key=_position)


def _shown(message: dict[str, Any]) -> dict[str, Any]:
    course = [{**step, "at": wire(step["at"])} for step in message["course"]]
    return {**message, "since": wire(message["since"]), "at": wire(message["at"]), "course": course}


def _position(item: dict[str, Any]) -> str:
    return f"{item['since']}|{item['nth']:06}|{item['notification_id']}"


async def _settle(running: Running, files: Casefiles, id_: str, sent: bool, by: Principal) -> dict[str, Any]:
    found = await files.find({"ix.messages": id_}, limit=1)
    if not found:
        raise Problem(404, "unknown_notification", "there is no such notification", field="notification_id")
    message = found[0].message(id_)
    change = Change[Casefile](
        key=found[0].case_id,
        decide=partial(deliver.settle, id_=id_, sent=sent, by=by.name),
        cause=named("settle", id_, message.attempt if message else 0, sent),
    )
    outcome = await running.submit(files, change)
    assert outcome.state is not None
    return next(m for m in await _messages(files, [outcome.state]) if m["notification_id"] == id_)
