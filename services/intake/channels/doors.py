"""Doors for systems that speak no contact of their own: mail gateways, webhooks, telephony. All end in `take`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from services.intake.channels import mail, phone, webhook
from services.intake.domain.rules import Rules
from shared.access import Principal
from shared.clock import Clock
from shared.codec import check_tree
from shared.events.contacts import MAX_RECORD_BYTES, Contact
from shared.http import body_of, parsed, read_bytes, takes, who
from shared.rules import Rules as Live

Channel = Annotated[Principal, who("channel", "agent", "supervisor")]
Source = Annotated[str, Query(min_length=1, max_length=200)]
DryRun = Annotated[bool, Query()]
Take = Callable[[Request, Principal, Contact, bytes, bool], Awaitable[Response]]
"""A contact on its way in: who sends it, the body that it came in, and whether only to say what would happen."""
FORM = "application/x-www-form-urlencoded"
MAIL_BODY = {"content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
CALL_BODY = takes(phone.Call)["requestBody"]["content"]["application/json"]


def mount(
    doors: APIRouter, take: Take, rules: Live[Rules], senders: Callable[[], webhook.Senders], clock: Clock
) -> None:
    @doors.post("/v1/contacts/mail", status_code=201, tags=["contacts"], openapi_extra={"requestBody": MAIL_BODY})
    async def mailed(request: Request, by: Channel, source: Source = "mail", dry_run: DryRun = False) -> Response:
        known = rules().channels.mail
        raw = await read_bytes(request, known.max_bytes)
        contact = await asyncio.to_thread(mail.contact_of, raw, source, known)  # megabytes take a while to read
        return await take(request, by, contact, raw, dry_run)

    @doors.post("/v1/contacts/webhook/{source}", status_code=201, tags=["contacts"], openapi_extra=takes(Contact))
    async def hooked(
        request: Request, source: Annotated[str, Path(max_length=200)], dry_run: DryRun = False
    ) -> Response:
        body = await read_bytes(request, MAX_RECORD_BYTES)
        within_s = rules().channels.webhook.tolerance_s
        id_ = webhook.check_signed(request.headers, body, source, senders(), clock(), within_s)
        value = webhook.contact_value(_json(body), source, id_)
        by = Principal(f"webhook:{source}", "channel")
        return await take(request, by, body_of(Contact, value), body, dry_run)

    @doors.post("/v1/contacts/phone", status_code=201, tags=["contacts"], openapi_extra=_takes_calls())
    async def called(request: Request, by: Channel, source: Source = "phone", dry_run: DryRun = False) -> Response:
        body = await read_bytes(request, MAX_RECORD_BYTES)
        is_form = request.headers.get("content-type", "").lower().startswith(FORM)
        call = body_of(phone.Call, phone.form_of(body) if is_form else _json(body))
        known = rules()
        value = phone.contact_value(call, source, known.channels.phone, known.lifecycle.default_language)
        return await take(request, by, body_of(Contact, value), body, dry_run)


def _json(body: bytes) -> Any:
    value = parsed(body)
    check_tree(value)
    return value


def _takes_calls() -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {FORM: CALL_BODY, "application/json": CALL_BODY}}}
