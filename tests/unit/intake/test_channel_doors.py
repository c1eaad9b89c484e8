"""IN-1: the doors for mails, webhooks and calls, each with a contact at its end; what `take` does with it is played."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from services.intake.channels.doors import mount
from services.intake.channels.webhook import Senders, signature_of
from shared.access import Keys, Principal, new_key
from shared.events.contacts import Contact
from shared.http import Json, install_problems
from tests.unit.intake.given import NOW, RULES

SECRET = b"s" * 32
MAIL = "From: fang@mail.example\r\nMessage-ID: <m1@x>\r\n\r\n退款".encode()


class Doors:
    """The doors, and whatever came through them: who sent it, the contact, whether it was only a question."""

    def __init__(self, keys: Path) -> None:
        self.taken: list[tuple[Principal, Contact, bool]] = []
        self.senders = Senders({"crm": (SECRET,)})
        self.plain, entry = new_key("gateway", "channel", None)
        self.auditor, other = new_key("auditor", "auditor", None)
        keys.write_text(yaml.safe_dump([entry, other]))
        app, doors = FastAPI(), APIRouter()
        app.state.keys = Keys(keys)
        mount(doors, self._take, lambda: RULES, lambda: self.senders, lambda: NOW)  # type: ignore[arg-type]
        app.include_router(doors)
        install_problems(app, lambda error: None)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake")

    async def _take(self, request: Request, by: Principal, contact: Contact, said: Any, dry_run: bool) -> Response:
        self.taken.append((by, contact, dry_run))
        return Json({"contact": contact.id}, 201)

    async def post(self, path: str, body: bytes, key: str | None = "", **headers: str) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {key or self.plain}"} if key is not None else {}
        return await self.client.post(f"/v1/contacts/{path}", content=body, headers=bearer | headers)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    doors = Doors(tmp_path / "keys.yaml")
    yield doors
    await doors.client.aclose()


def signed(body: bytes, now: datetime = NOW) -> dict[str, str]:
    at = str(int(now.timestamp()))
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": at,
        "webhook-signature": signature_of(SECRET, "msg_1", at, body),
    }


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body["type"].removeprefix("/problems/"), body.get("field")


async def test_IN_1_a_mail_a_webhook_and_a_call_each_become_a_contact(doors: Doors) -> None:
    body = '{"channel": "app", "text": "退款"}'.encode()
    assert (await doors.post("mail", MAIL, **{"content-type": "message/rfc822"})).status_code == 201
    assert (await doors.post("webhook/crm", body, None, **signed(body))).status_code == 201
    form = b"call=77812&state=ringing&caller=%2B8613800138000"
    assert (await doors.post("phone", form, **{"content-type": "application/x-www-form-urlencoded"})).status_code == 201
    assert [(c.source, c.id, c.channel, by.name) for by, c, _ in doors.taken] == [
        ("mail", "m1@x", "email", "gateway"),
        ("crm", "msg_1", "app", "webhook:crm"),
        ("phone", "77812", "phone", "gateway"),
    ]


async def test_a_call_may_come_as_json_and_each_sender_names_its_source(doors: Doors) -> None:
    await doors.post("phone?source=cti-2&dry_run=true", b'{"call": "1", "state": "ended"}')
    await doors.post("mail?source=mail-de", MAIL)
    assert [(c.source, dry) for _, c, dry in doors.taken] == [("cti-2", True), ("mail-de", False)]


@pytest.mark.parametrize("path", ["mail", "phone"])
async def test_PF_1_only_who_may_send_contacts_is_let_in(doors: Doors, path: str) -> None:
    assert problem(await doors.post(path, MAIL, None))[:2] == (401, "unauthenticated")
    assert problem(await doors.post(path, MAIL, doors.auditor))[:2] == (403, "forbidden")
    assert doors.taken == []


async def test_PF_1_a_key_is_no_signature(doors: Doors) -> None:
    assert problem(await doors.post("webhook/crm", b"{}")) == (401, "webhook_unsigned", "webhook-id")
    body = b'{"channel": "app", "text": "hi"}'
    assert problem(await doors.post("webhook/bank", body, None, **signed(body)))[1] == "webhook_forged"
    late = signed(body, datetime(2026, 11, 22, 8, 54, tzinfo=UTC))
    assert problem(await doors.post("webhook/crm", body, None, **late)) == (401, "webhook_stale", "webhook-timestamp")
    assert doors.taken == []


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("mail", b"", (422, "invalid", "From")),
        ("mail", b"Auto-Submitted: auto-replied\r\n" + MAIL, (422, "automatic_mail", "auto-submitted")),
        ("mail", MAIL + b"x" * (11 << 20), (413, "too_large", None)),
        ("phone", b"{", (400, "bad_json", None)),
        ("phone", b'{"state": "ended"}', (422, "invalid", "call")),
        ("phone", b'["call"]', (422, "invalid", "body")),
        ("phone", b"[" * 100 + b"]" * 100, (422, "too_deep", None)),
        ("phone?source=", b'{"call": "1", "state": "ended"}', (422, "invalid", "source")),
        ("webhook/crm", b"", (400, "bad_json", None)),
        ("webhook/crm", b'{"channel": "app"}', (422, "invalid", "body")),
        ("webhook/crm", b'{"channel": "pigeon", "text": "hi"}', (422, "invalid", "channel")),
        ("webhook/crm", b'{"source": "bank", "channel": "app", "text": "hi"}', (422, "invalid", "source")),
        ("webhook/crm", b'{"text": "' + b"a" * (300 << 10) + b'"}', (413, "too_large", None)),
        ("webhook/crm", b"\xff\xfe", (400, "bad_json", None)),
    ],
)  # fmt: skip
async def test_what_can_not_be_taken_is_told_what_is_wrong_with_it(
    doors: Doors, path: str, body: bytes, told: tuple[int, str, str | None]
) -> None:
    answer = await doors.post(path, body, **(signed(body) if "webhook" in path else {}))
    assert problem(answer) == told
    assert doors.taken == []


async def test_a_large_mail_leaves_the_loop_to_others(doors: Doors) -> None:
    mail = doors.post("mail", MAIL + b"\r\nline" * 150_000)
    answers = await asyncio.gather(mail, doors.post("phone", b'{"call": "1", "state": "ended"}'))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [contact.channel for _, contact, _ in doors.taken] == ["phone", "email"]
