"""Intake's door for HTTP: contacts in, cases and customers to look at, work on a case."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import RootModel
from pymongo.errors import ExecutionTimeout

from services.intake.domain.case import Case
from services.intake.domain.customer import Customer, point_of
from services.intake.domain.rules import Rules
from services.intake.domain.work import decide_work, pass_on
from services.intake.store import Cases, ContactChange, contact_change
from shared.access import Principal
from shared.clock import wire
from shared.codec import check_tree
from shared.document import Document
from shared.doors import cause_of, content_of, inbound_record
from shared.errors import Unreadable
from shared.events.contacts import MAX_RECORD_BYTES, Contact
from shared.events.work import INTAKE_VERBS, Verb, Work
from shared.fold import Change, Outcome
from shared.http import (
    After,
    Json,
    Limit,
    Problem,
    body_of,
    for_himself,
    page,
    parsed,
    problem_of,
    read_body,
    read_bytes,
    takes,
    who,
)
from shared.ids import contact_event_id, contact_id
from shared.rules import Rules as Live
from shared.service import Running
from shared.telemetry import current_trace

Channel = Annotated[Principal, who("channel", "agent", "supervisor")]
READERS = ("agent", "supervisor", "expert", "coordinator", "quality", "care")
Reader = Annotated[Principal, who(*READERS, writes=False)]
ContactReader = Annotated[Principal, who("channel", *READERS, writes=False)]
Worker = Annotated[Principal, who("agent", "supervisor", "expert", "engineer", "coordinator")]
MOST_IN_BATCH = 500
MOST_LINES = 1000
HIDDEN = ("_id", "key", "order")
BATCH_BYTES = 16 * 1024 * 1024
LONGEST_SEARCH_MS = 2_000
MOST_SEARCHES = 4
"""Searches for words that one process lets the database do at once; the others wait their turn."""
NUMBER = re.compile(r"[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}")
BRIEF = {
    "case_id", "number", "status", "priority", "category", "kind", "channel", "language", "summary", "customer_id",
    "agent_id", "opened_at",
}  # fmt: skip
VERBS: tuple[str, ...] = get_args(Verb)
Look = Callable[[dict[str, Any]], Awaitable[list[str]]]


class WorkSaid(Work):
    """What an agent did, with the verb that `work.v1` carries as the record's type."""

    type: Verb


class ManyContacts(RootModel[list[Contact]]):
    """At most MOST_IN_BATCH."""


def router(running: Running, cases: Cases, rules: Live[Rules]) -> APIRouter:
    """The doors of CONTRACTS section 3, intake."""
    doors = APIRouter()
    _contacts(doors, running, cases, rules)
    _cases(doors, cases)
    _customers(doors, cases, rules)
    _work(doors, running, cases, rules)
    return doors


def _contacts(doors: APIRouter, running: Running, cases: Cases, rules: Live[Rules]) -> None:
    @doors.post("/v1/contacts", status_code=201, tags=["contacts"], openapi_extra=takes(Contact))
    async def receive(request: Request, by: Channel, dry_run: Annotated[bool, Query()] = False) -> Response:
        value = await read_body(request)
        change = _contact_change(value, rules(), running)
        if dry_run:
            return Json(_preview(change, await cases.preview(change)))

        async def make() -> tuple[int, Any]:
            return 201, _received(change, await running.submit(cases, change))

        return await running.idempotency.answer(request, by, value, make)

    @doors.post("/v1/contacts/batch", status_code=207, tags=["contacts"], openapi_extra=takes(ManyContacts))
    async def receive_batch(request: Request, by: Channel) -> Response:
        body = await read_bytes(request, BATCH_BYTES)
        values = parsed(body)
        if not isinstance(values, list) or len(values) > MOST_IN_BATCH:
            raise Problem(422, "invalid", f"a list of at most {MOST_IN_BATCH} contacts is wanted", field="body")

        async def make() -> tuple[int, Any]:
            return 207, await _receive_all(values, running, cases, rules())

        return await running.idempotency.answer(request, by, body, make, final=_settles_every_item)

    @doors.get("/v1/contacts", tags=["contacts"])
    async def find(by: ContactReader, source: str, id: str) -> Any:
        if told := await _whereabouts(cases, source, id, by):
            return told
        if aside := await running.quarantine.of_contact(source, id):
            return {"quarantined": aside["_id"], "reason": aside["reason"], "error": aside["error"]}
        raise Problem(404, "unknown_contact", f"no contact {id!r} of {source!r} has arrived", field="id")


async def _whereabouts(cases: Cases, source: str, id_: str, by: Principal) -> dict[str, Any]:
    """The case that holds a contact, or in whose document it waits; nothing if it is in neither.

    What waits may be taken in while it is looked for; so the cases are asked once more at the end.
    """
    own = contact_id(source, id_)
    contact = {"event.topic": Contact.TOPIC, "event.data.source": source, "event.data.id": id_}
    waits = {"held.since": {"$exists": True}, "held": {"$elemMatch": contact}}
    taken_in = partial(cases.load_where, {"ix.contacts": own}, limit=1)
    found = await taken_in() or await cases.load(await _ids(cases, waits, limit=1)) or await taken_in()
    for document in found.values():
        if told := _seen(document, own) | _waiting(document, source, id_, by):
            return {"contact_id": own, "case_id": document.key, **told}
    return {}


def _seen(document: Document[Case], own: str) -> dict[str, Any]:
    case = document.state
    seen = case.seen(own) if case else None
    return {"number": case.number, "status": case.status, "revision": seen.revision} if case and seen else {}


def _waiting(document: Document[Case], source: str, id_: str, by: Principal) -> dict[str, Any]:
    """Since when and why a contact, or a later revision of it, has arrived and is not in its case yet."""
    contacts = [(w.since, w.event.data) for w in document.held if w.event.topic == Contact.TOPIC]
    since = next((since for since, data in contacts if (data["source"], data["id"]) == (source, id_)), None)
    if since is None:
        return {}
    if document.parked is None:
        return {"waiting": "held", "since": wire(since), "error": "what comes before it is not there yet"}
    # the words of an error of ours may tell of other people's contacts
    error = "an error of ours; it is being looked at" if by.role == "channel" else document.parked.error
    return {"waiting": "parked", "since": wire(since), "error": error}


async def _ids(cases: Cases, query: dict[str, Any], *, limit: int, sort: Any = None) -> list[str]:
    """The keys of the documents that match; ExecutionTimeout if they are not found in time."""
    found = cases.documents.find(query, projection={"_id": 1}, sort=sort, limit=limit, max_time_ms=LONGEST_SEARCH_MS)
    return [body["_id"] for body in await found.to_list(None)]


def _contact_change(value: Any, rules: Rules, running: Running) -> ContactChange:
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "body: a JSON object is wanted", field="body")
    contact = body_of(Contact, value)
    change = contact_change(contact, rules, trace=current_trace())
    id_ = contact_event_id(contact.source, contact.id, contact.revision)
    key = contact.conversation or f"{contact.source}:{contact.id}"
    record = inbound_record(Contact.TOPIC, Contact.TYPE, key, contact, running.core.clock(), id_)
    if len(record.value) > MAX_RECORD_BYTES:
        raise Unreadable(
            "too_large", f"the contact has {len(record.value)} bytes; at most {MAX_RECORD_BYTES} are taken"
        )
    change.records = (record,)
    return change


def _received(change: ContactChange, outcome: Outcome[Case]) -> dict[str, Any]:
    case = outcome.state
    assert case is not None
    return {
        "contact_id": change.contact_id,
        "case_id": case.case_id,
        "number": case.number,
        "opened": case.contacts[0].id == change.contact_id,
    }


def _preview(change: ContactChange, outcome: Outcome[Case]) -> dict[str, Any]:
    if outcome.refused:
        raise outcome.refused
    would = [{"type": event.TYPE, "data": event.model_dump(mode="json")} for event in outcome.events]
    return {**_received(change, outcome), "dry_run": True, "status": outcome.status, "would_publish": would}


async def _receive_all(values: Sequence[Any], running: Running, cases: Cases, rules: Rules) -> list[Any]:
    """An answer per item, in their order; a bad one does not touch the others."""
    answers: list[Any] = [None] * len(values)
    changes: dict[int, ContactChange] = {}
    for i, value in enumerate(values):
        try:
            changes[i] = _contact_change(_checked(value), rules, running)
        except (Problem, Unreadable) as error:
            answers[i] = problem_of(error).body()
    waiting = [running.submit(cases, change) for change in changes.values()]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    for (i, change), outcome in zip(changes.items(), outcomes, strict=True):
        answers[i] = _answer(change, outcome)
    return answers


def _settles_every_item(answers: Sequence[Any]) -> bool:
    """Whether asking again would tell nothing better: an item that was turned away for now may be taken then."""
    return all(answer["status"] < 500 and answer["status"] != 429 for answer in answers)


def _checked(value: Any) -> Any:
    check_tree(value)
    return value


def _answer(change: ContactChange, outcome: Outcome[Case] | BaseException) -> dict[str, Any]:
    if isinstance(outcome, BaseException):
        return problem_of(outcome).body()
    return {"status": 201, **_received(change, outcome)}


def _cases(doors: APIRouter, cases: Cases) -> None:
    turn = asyncio.Semaphore(MOST_SEARCHES)

    @doors.get("/v1/cases", tags=["cases"])
    async def search(
        _: Reader,
        status: str | None = None,
        priority: str | None = None,
        customer: str | None = None,
        q: Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")] = None,
        limit: Limit = 50,
        after: After = "",
    ) -> Any:
        query: dict[str, Any] = {"_id": {"$gt": after}, "state": {"$exists": True}}
        wanted = {"ix.status": status, "ix.priority": priority}
        query |= {name: value for name, value in wanted.items() if value}
        if customer:
            query["ix.customer"] = {"$in": list(await cases.everyone_who_is(customer))}
        look = partial(_ids, cases, limit=limit + 1, sort=[("_id", 1)])
        ids = await (_by_words(look, query, q, turn) if q else look(query))
        found = await cases.get_many(ids)
        return page([_brief(found[id_]) for id_ in ids], limit, lambda item: str(item["case_id"]))

    @doors.get("/v1/cases/{case}", tags=["cases"])
    async def show(_: Reader, case: str) -> Any:
        found = await _case(cases, case)
        lines = cases.timeline.find({"key": found.case_id}, sort=[("order", 1)], limit=MOST_LINES)
        return {**_whole(found), "timeline": [_line(line) for line in await lines.to_list(None)]}


async def _by_words(look: Look, query: dict[str, Any], q: str, turn: asyncio.Semaphore) -> list[str]:
    """The case of a number, by the index alone; else those whose words hold it, which are read one after the other.

    Raises Problem(422) if that takes longer than LONGEST_SEARCH_MS.
    """
    number = q.upper()
    if NUMBER.fullmatch(number) and (ids := await look(query | {"ix.number": number})):
        return ids
    words = {"$regex": re.escape(q), "$options": "i"}
    texts = [{f"state.{name}": words} for name in ("summary", "subject", "text")]
    async with turn:
        try:
            return await look(query | {"$or": texts})
        except ExecutionTimeout:
            raise _too_wide() from None


def _too_wide() -> Problem:
    """Not 503: asked again it takes as long."""
    narrower = "narrow it by status, priority or customer, or ask for the number of the case"
    detail = f"the search took longer than {LONGEST_SEARCH_MS / 1000:g} s; {narrower}"
    return Problem(422, "search_too_wide", detail, field="q")


async def _case(cases: Cases, id_or_number: str) -> Case:
    number = id_or_number.upper()
    found = await cases.find({"$or": [{"_id": id_or_number}, {"ix.number": number}]}, limit=2)
    if not found:
        raise Problem(404, "unknown_case", f"there is no case {id_or_number}", field="case")
    if len(found) > 1:
        ids = [case.case_id for case in found]
        detail = f"more than one case has the number {number}; use the id"
        raise Problem(409, "ambiguous_number", detail, field="case", ids=ids)
    return found[0]


def _whole(case: Case) -> dict[str, Any]:
    """`escalation`: of several that are open the highest."""
    escalation = case.escalation
    shown = case.model_dump(mode="json", exclude={"escalations"})
    return {**shown, "escalation": escalation.model_dump(mode="json") if escalation else None}


def _brief(case: Case) -> dict[str, Any]:
    return case.model_dump(mode="json", include=BRIEF)


def _line(body: dict[str, Any]) -> dict[str, Any]:
    return {name: wire(value) if name == "at" else value for name, value in body.items() if name not in HIDDEN}


def _customers(doors: APIRouter, cases: Cases, rules: Live[Rules]) -> None:
    @doors.get("/v1/customers", tags=["customers"])
    async def by_point(
        _: Reader,
        phone: str | None = None,
        email: str | None = None,
        app_id: str | None = None,
        social: str | None = None,
    ) -> Any:
        asked = {"phone": phone, "email": email, "app_id": app_id, "social": social}
        points = [point_of(kind, value, rules()) for kind, value in asked.items() if value]
        if not points:
            raise Problem(422, "invalid", "one of phone, email, app_id, social is wanted", field="phone")
        found = await cases.customers.find({"ix.points": {"$in": points}}, limit=1)
        if not found:
            raise Problem(404, "unknown_customer", "no customer has this contact point")
        return await _customer(cases, found[0])

    @doors.get("/v1/customers/{customer_id}", tags=["customers"])
    async def show(_: Reader, customer_id: str) -> Any:
        found = await cases.customers.get(customer_id)
        if found is None:
            raise Problem(404, "unknown_customer", f"there is no customer {customer_id}", field="customer_id")
        return await _customer(cases, found)


async def _customer(cases: Cases, customer: Customer) -> dict[str, Any]:
    """The customer, whoever he has become, with his cases, newest first."""
    ids = await cases.everyone_who_is(customer.customer_id)
    customer = await cases.customers.get(ids[0]) or customer
    own = await cases.find({"ix.customer": {"$in": list(ids)}}, sort=[("ix.opened_at", -1)], limit=100)
    return {**customer.model_dump(mode="json"), "cases": [_brief(case) for case in own]}


def _work(doors: APIRouter, running: Running, cases: Cases, rules: Live[Rules]) -> None:
    @doors.post("/v1/work", tags=["work"], openapi_extra=takes(WorkSaid))
    async def work(request: Request, by: Worker) -> Response:
        value = await read_body(request)
        verb = str(value.get("type", "") if isinstance(value, dict) else "").removeprefix("work.")
        if verb not in VERBS:
            raise Problem(422, "invalid", f"type: one of {', '.join(sorted(VERBS))} is wanted", field="type")
        done = body_of(Work, value)
        for_himself(by, done.agent_id)

        async def make() -> tuple[int, Any]:
            change = _work_change(done, verb, running, rules())
            await cases.vet(change, done.agent_id)
            outcome = await running.submit(cases, change)
            assert outcome.state is not None
            told = {"case_id": done.case_id, "number": outcome.state.number, "type": f"work.{verb}"}
            decided = verb in INTAKE_VERBS
            return (200, {**told, "status": outcome.state.status}) if decided else (202, told)

        return await running.idempotency.answer(request, by, value, make)


def _work_change(work: Work, verb: str, running: Running, rules: Rules) -> Change[Case]:
    cause = cause_of(Work.TOPIC, work.case_id, work.once)
    if verb in INTAKE_VERBS:
        decide = partial(decide_work, work=work, verb=verb, rules=rules)
    else:
        decide = partial(pass_on, work=work, verb=verb)
    record = inbound_record(Work.TOPIC, f"work.{verb}", work.case_id, work, running.core.clock(), cause)
    return Change(
        work.case_id,
        decide,
        cause,
        once=work.once,
        content=content_of(f"work.{verb}", work),
        records=(record,),
        trace=current_trace(),
    )
