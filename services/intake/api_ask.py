"""Intake's doors to help: self-service for customers (IN-11), the knowledge base for staff (IN-21)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.intake.conversations import Conversations
from services.intake.domain.ask import Asked, told
from services.intake.domain.case import Case
from services.intake.domain.knowledge import Found, whole
from services.intake.domain.rules import Rules
from services.intake.help import Knowledge
from shared.access import Principal
from shared.events.contacts import Contact
from shared.events.feedback import KnowledgeKind
from shared.http import After, Limit, Problem, body_of, page, read_body, takes, who
from shared.rules import Rules as Live
from shared.service import Running

Channel = Annotated[Principal, who("channel", "agent", "supervisor")]
STAFF = ("agent", "supervisor", "expert", "engineer", "coordinator", "department", "quality", "care")
Staff = Annotated[Principal, who(*STAFF, writes=False)]
Take = Callable[[Contact], Awaitable[Case]]
"""A contact on its way in; returns the case that holds it."""


def ask_router(
    running: Running, conversations: Conversations, knowledge: Knowledge, rules: Live[Rules], take: Take
) -> APIRouter:
    doors = APIRouter(tags=["help"])

    @doors.post("/v1/ask", openapi_extra=takes(Asked))
    async def ask(request: Request, by: Channel) -> Response:
        value = await read_body(request)
        asked = body_of(Asked, value)
        key = request.headers.get("idempotency-key")
        once = f"{by.name}:{key}" if key else ""

        async def make() -> tuple[int, Any]:
            talk = await conversations.ask(running, asked, once)
            return 200, told(await conversations.settle(running, talk, take), rules())

        return await running.idempotency.answer(request, by, value, make)

    @doors.get("/v1/knowledge")
    async def search(
        _: Staff,
        q: Annotated[str, Query(max_length=200)] = "",
        kind: KnowledgeKind | None = None,
        language: Annotated[str | None, Query(max_length=3)] = None,
        product: Annotated[str | None, Query(max_length=100)] = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        found = (await knowledge.library()).search(q, kind, language, product)
        return page(behind(found, after)[: limit + 1], limit, lambda item: str(item["id"]))

    @doors.get("/v1/knowledge/{id}")
    async def show(_: Staff, id: str) -> Any:
        entry = (await knowledge.library()).entries.get(id)
        if entry is None:
            raise Problem(404, "unknown_entry", f"there is no entry {id} in force", field="id")
        return entry.model_dump(mode="json")

    return doors


def behind(found: list[Found], after: str) -> list[dict[str, Any]]:
    """What follows the entry `after`; it may have been retired since it was shown."""
    ids = [one.entry.id for one in found]
    if after and after not in ids:
        raise Problem(422, "bad_cursor", f"after: {after} is not among these entries; begin without it", field="after")
    start = ids.index(after) + 1 if after else 0
    return [whole(one, one.language) for one in found[start:]]
