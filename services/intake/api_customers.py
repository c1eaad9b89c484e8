"""Intake's door to customers: who somebody is, who turned out to be one, and who was wrongly taken for one (IN-3)."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.intake.customer_view import customer as view
from services.intake.domain.customer import Customer, absorb, give_back, merge, parting, point_of, unmerge
from services.intake.domain.query import Said
from services.intake.domain.rules import Rules
from services.intake.store import Cases
from shared.access import Principal
from shared.events.base import Body
from shared.fold import Change, Outcome
from shared.http import After, Limit, Problem, body_of, read_body, takes, who
from shared.rules import Rules as Live
from shared.service import Running
from shared.telemetry import current_trace

Reader = Annotated[Principal, who("agent", "supervisor", "expert", "coordinator", "quality", "care", writes=False)]
Steward = Annotated[Principal, who("supervisor", "care")]
"""Who may say that two customers are one, or are not."""


class OtherCustomer(Body):
    """`other`: the customer that this one is, or is not. `why`: kept in the history of both."""

    other: str
    why: str = ""


def customers_router(running: Running, cases: Cases, rules: Live[Rules]) -> APIRouter:
    doors = APIRouter(tags=["customers"])

    @doors.get("/v1/customers")
    async def by_point(
        _: Reader,
        phone: str | None = None,
        email: str | None = None,
        app_id: str | None = None,
        social: str | None = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        asked = {"phone": phone, "email": email, "app_id": app_id, "social": social}
        points = [point_of(kind, value, rules()) for kind, value in asked.items() if value]
        if not any(points):
            raise Problem(422, "invalid", "a valid phone, email, app_id or social is wanted", field="phone")
        return await view(cases, await _only_one(cases, points), _after(after), limit)

    @doors.get("/v1/customers/{customer_id}")
    async def show(_: Reader, customer_id: str, limit: Limit = 50, after: After = "") -> Any:
        return await view(cases, await _known(cases, customer_id, "customer_id"), _after(after), limit)

    @doors.post("/v1/customers/{customer_id}/merge", openapi_extra=takes(OtherCustomer))
    async def join(request: Request, by: Steward, customer_id: str) -> Response:
        return await _answer(request, by, partial(merge_customers, running, cases, rules(), by, customer_id))

    @doors.post("/v1/customers/{customer_id}/unmerge", openapi_extra=takes(OtherCustomer))
    async def part(request: Request, by: Steward, customer_id: str) -> Response:
        return await _answer(request, by, partial(part_customers, running, cases, by, customer_id))

    async def _answer(request: Request, by: Principal, do: Callable[[OtherCustomer], Awaitable[Any]]) -> Response:
        value = await read_body(request)
        said = body_of(OtherCustomer, value)

        async def make() -> tuple[int, Any]:
            return 200, await do(said)

        return await running.idempotency.answer(request, by, value, make)

    return doors


def _after(text: str) -> Said | None:
    return Said.read(text) if text else None


async def _only_one(cases: Cases, points: list[str]) -> Customer:
    found = await cases.customers.who_have(points)
    if not found:
        raise Problem(404, "unknown_customer", "no customer has this contact point")
    if len(found) > 1:
        detail = "several customers have this contact point; ask for one of them by id"
        raise Problem(409, "several_customers", detail, ids=sorted(one.customer_id for one in found))
    return found[0]


async def _known(cases: Cases, customer_id: str, field: str) -> Customer:
    found = await cases.customers.get(customer_id)
    if found is None:
        raise Problem(404, "unknown_customer", f"there is no customer {customer_id}", field=field)
    return found


async def merge_customers(
    running: Running, cases: Cases, rules: Rules, by: Principal, customer_id: str, said: OtherCustomer
) -> dict[str, Any]:
    """The higher id into the lower, whichever was named; the one that stays knows everything before the other goes."""
    one, other = await _known(cases, customer_id, "customer_id"), await _known(cases, said.other, "other")
    both = (await cases.customers.present(one), await cases.customers.present(other))
    stays, goes = sorted(both, key=lambda found: found.customer_id)
    told: dict[str, Any] = {"by": by.name, "why": said.why}
    if stays.customer_id != goes.customer_id:
        await _submit(running, cases, stays.customer_id, partial(absorb, other=goes, rules=rules, **told))
        await _submit(running, cases, goes.customer_id, partial(merge, into=stays.customer_id, **told))
    return {"customer_id": stays.customer_id, "merged": goes.customer_id}


async def part_customers(
    running: Running, cases: Cases, by: Principal, customer_id: str, said: OtherCustomer
) -> dict[str, Any]:
    """Whichever was named: first he who went is himself again, then the other, and whoever that one was merged into,
    gives back what came with him; they are never taken for one again."""
    goes, stays = parting(await _known(cases, customer_id, "customer_id"), await _known(cases, said.other, "other"))
    told: dict[str, Any] = {"by": by.name, "why": said.why}
    await _submit(running, cases, goes.customer_id, partial(unmerge, from_=stays.customer_id, **told))
    holds: str | None = stays.customer_id
    while holds:
        state = (await _submit(running, cases, holds, partial(give_back, to=goes, **told))).state
        holds = state.merged_into if state else None
    return {"customer_id": goes.customer_id, "apart_from": stays.customer_id}


async def _submit(running: Running, cases: Cases, key: str, decide: Any) -> Outcome[Customer]:
    change: Change[Customer] = Change(key, decide, f"customer:{uuid4()}", trace=current_trace())
    outcome = await running.submit(cases.customers, change)
    if outcome.refused:
        raise outcome.refused
    return outcome
