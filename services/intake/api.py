"""Intake's door for HTTP: contacts in, cases and customers to look at, work on a case."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import RootModel

from services.intake.api_ask import ask_router
from services.intake.api_customers import customers_router
from services.intake.api_examples import examples_router
from services.intake.api_find import find_router
from services.intake.change import ContactChange, contact_change, paired
from services.intake.channels.doors import Channel, mount
from services.intake.channels.webhook import Secrets, Senders, secrets_of
from services.intake.conversations import Conversations
from services.intake.domain.case import Case
from services.intake.domain.diagnostics import consented
from services.intake.domain.rules import Rules
from services.intake.domain.split import new_case
from services.intake.domain.work import decide_work, pass_on
from services.intake.help import Helper
from services.intake.named_case import by_id
from services.intake.settings import Settings
from services.intake.store import Cases
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
    Json,
    Problem,
    body_of,
    for_himself,
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
from shared.watched import Watched

READERS = ("agent", "supervisor", "expert", "coordinator", "quality", "care")
ContactReader = Annotated[Principal, who("channel", *READERS, writes=False)]
Worker = Annotated[Principal, who("agent", "supervisor", "expert", "engineer", "coordinator")]
MOST_IN_BATCH = 500
BATCH_BYTES = 16 * 1024 * 1024
VERBS: tuple[str, ...] = get_args(Verb)


class WorkSaid(Work):
    """What an agent did, with the verb that `work.v1` carries as the record's type."""

    type: Verb


class ManyContacts(RootModel[list[Contact]]):
    """At most MOST_IN_BATCH."""


def router(running: Running, cases: Cases, rules: Live[Rules], helper: Helper, talks: Conversations) -> APIRouter:
    """The doors of CONTRACTS section 3, intake."""
    doors = APIRouter()
    _contacts(doors, running, cases, rules)
    doors.include_router(find_router(cases, helper, rules))
    doors.include_router(examples_router(cases))
    doors.include_router(customers_router(running, cases, rules))
    doors.include_router(ask_router(running, talks, helper.knowledge, rules, partial(take_in, running, cases, rules)))
    _work(doors, running, cases, rules)
    return doors


def _contacts(doors: APIRouter, running: Running, cases: Cases, rules: Live[Rules]) -> None:
    @doors.post("/v1/contacts", status_code=201, tags=["contacts"], openapi_extra=takes(Contact))
    async def receive(request: Request, by: Channel, dry_run: Annotated[bool, Query()] = False) -> Response:
        value = await read_body(request)
        return await take(request, by, _contact(value), value, dry_run)

    async def take(request: Request, by: Principal, contact: Contact, said: Any, dry_run: bool) -> Response:
        change = _contact_change(contact, rules(), running)
        if dry_run:
            return Json(_preview(change, await cases.preview(change)))

        async def make() -> tuple[int, Any]:
            return 201, _received(change, await running.submit(cases, change))

        return await running.idempotency.answer(request, by, said, make)

    mount(doors, take, rules, _webhook_senders(running.core.settings), running.core.clock)

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


async def _ids(cases: Cases, query: dict[str, Any], *, limit: int) -> list[str]:
    """The keys of the documents that match."""
    found = cases.documents.find(query, projection={"_id": 1}, limit=limit)
    return [body["_id"] for body in await found.to_list(None)]


def _webhook_senders(settings: Settings) -> Callable[[], Senders]:
    if not settings.webhooks:
        return Senders
    nothing: Secrets = {}
    known = Watched(settings.webhooks, secrets_of, nothing)
    return lambda: Senders(known(), bool(known.fault))


def _contact(value: Any) -> Contact:
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "body: a JSON object is wanted", field="body")
    return body_of(Contact, value)


def _contact_change(contact: Contact, rules: Rules, running: Running) -> ContactChange:
    change = contact_change(contact, rules, trace=current_trace())
    id_ = contact_event_id(contact.source, contact.id, contact.revision)
    key = contact.conversation or f"{contact.source}:{contact.thread}"
    record = inbound_record(Contact.TOPIC, Contact.TYPE, key, consented(contact), running.core.clock(), id_)
    if len(record.value) > MAX_RECORD_BYTES:
        raise Unreadable(
            "too_large", f"the contact has {len(record.value)} bytes; at most {MAX_RECORD_BYTES} are taken"
        )
    change.records = (record,)
    return change


async def take_in(running: Running, cases: Cases, rules: Live[Rules], contact: Contact) -> Case:
    """As if the contact had been posted; the case that holds it."""
    outcome = await running.submit(cases, _contact_change(contact, rules(), running))
    case: Case | None = outcome.state
    assert case is not None, "a contact that was taken in is in a case"
    return case


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
            changes[i] = _contact_change(_contact(_checked(value)), rules, running)
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
            work = await by_id(cases, done)
            change = _work_change(work, verb, running, rules())
            await cases.vet(change, work.agent_id)
            outcome = await running.submit(cases, change)
            assert outcome.state is not None
            told = {"case_id": outcome.state.case_id, "number": outcome.state.number, "type": f"work.{verb}"}
            decided = verb in INTAKE_VERBS
            return (200, {**told, **_came_of(outcome.state, work, verb)}) if decided else (202, told)

        return await running.idempotency.answer(request, by, value, make)


def _came_of(case: Case, work: Work, verb: str) -> dict[str, Any]:
    """Of two cases that are merged the answer tells of the one that ends, whichever was named."""
    told: dict[str, Any] = {"status": case.status}
    if case.merged_into:
        told["goes_on_as"] = case.merged_into
    return told | {"new_case": new_case(work)} if verb == "split" else told


def _work_change(work: Work, verb: str, running: Running, rules: Rules) -> Change[Case]:
    cause = cause_of(Work.TOPIC, work.case_id, work.once)
    if verb in INTAKE_VERBS:
        decide = partial(decide_work, work=work, verb=verb, rules=rules)
    else:
        decide = partial(pass_on, work=work, verb=verb)
    record = inbound_record(Work.TOPIC, f"work.{verb}", work.case_id, work, running.core.clock(), cause)
    change = Change(
        work.case_id,
        decide,
        cause,
        once=work.once,
        content=content_of(f"work.{verb}", work),
        records=(record,),
        trace=current_trace(),
    )
    return paired(change, work, verb)
