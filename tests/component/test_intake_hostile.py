"""IN-1: hostile input at every door of the service: told what is wrong, or in a sound case; never an error of ours."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from bson import encode

from tests.component.conftest import Alone
from tests.component.test_intake_channels import post
from tests.e2e.house import House
from tests.unit.intake.test_hostile_inputs import HOSTILE_TEXTS, UNSEEN_ONLY
from tests.unit.intake.test_mail import HEAD, HOSTILE, nested, parts
from tests.waiting import eventually

pytestmark = pytest.mark.stack
MOST_CASE_BYTES = 64 * 1024


@pytest.fixture(scope="module")
async def intake(alone: Alone) -> AsyncIterator[House]:
    async with alone("intake") as house:
        yield house


def contact(id_: str, **changes: Any) -> bytes:
    return json.dumps({"source": "hostile", "id": id_, "channel": "web", "text": "请退款", **changes}).encode()


CUSTOMERS: dict[str, dict[str, Any]] = {
    "a header in the address": {"email": "a@b.example\r\nBcc: all@x.example"},
    "an address from right to left": {"email": "\u202eelpmaxe.b@a"},
    "an address of 100 KiB": {"email": "a" * 100_000 + "@b.example"},
    "a name of 100 KiB": {"name": "王" * 33_000, "phone": "+8613800130001"},
    "a number of 100 KiB": {"phone": "1" * 100_000},
    "a number of another script": {"phone": "١٣٨٠٠١٣٨٠٠٠"},
    "an account of an operator": {"app_id": '{"$ne": null}'},
    "an account of nothing visible": {"app_id": "\u200b", "social": "\u202e"},
    "a language that is none": {"language": "zh'; --", "tier": "\u202egold"},
    "a list for a number": {"phone": ["+8613800138000"]},
}
FIELDS: dict[str, dict[str, Any]] = {
    "keys of an operator": {"diagnostics": {"$where": "1", "a.b": {"$ne": 1}}, "diagnostics_consent": True},
    "deep diagnostics": {"diagnostics": json.loads('{"d": ' * 40 + "1" + "}" * 40), "diagnostics_consent": True},
    "a feeling beyond all": {"voice": {"sentiment": 1e308, "transcript": ["x"]}},
    "a rating beyond all": {"rating": 11},
    "a rating that is a word": {"rating": "five stars"},
    "a moment that is none": {"occurred_at": "2026-02-30T25:61:00Z"},
    "the last moment": {"occurred_at": "9999-12-31T23:59:59-23:59"},
    "the first moment": {"occurred_at": "0001-01-01T00:00:00+14:00"},
    "a subject of 100 KiB": {"subject": "题" * 33_000},
    "a text of 64 KiB and one more": {"text": "a" * 65_537},
    "an order of 100 KiB": {"facts": {"order": "A" * 100_000}},
    "an order from right to left": {"facts": {"order": "\u202e1-A"}},
    "a link that runs": {"attachments": [{"url": "javascript:alert(1)", "name": "\u202egnp.exe"}]},
    "a link into our own house": {"attachments": [{"url": "http://169.254.169.254/latest"}]},
    "too many links": {"attachments": [{"url": "https://x.example"}] * 51},
    "a thread of NUL": {"replies_to": ["\x00", "<a>"]},
    "a conversation of NUL": {"conversation": "a\x00b"},
    "an id of dots": {"id": "../../etc/passwd"},
    "an id from right to left": {"id": "\u202e1"},
    "a revision of none": {"revision": 0},
    "a revision beyond all": {"revision": 1 << 70},
    **{f"a customer: {name}": {"customer": customer} for name, customer in CUSTOMERS.items()},
    **{f"a text: {name}": {"text": text} for name, text in HOSTILE_TEXTS.items()},
}
RAW = {
    "half a character": b'{"source": "hostile", "id": "r1", "channel": "web", "text": "\\ud800"}',
    "a number beyond all": b'{"source": "hostile", "id": "r2", "channel": "web", "text": "x", "rating": 1e999}',
    "not a number": b'{"source": "hostile", "id": "r3", "channel": "web", "text": "x", "voice": {"sentiment": NaN}}',
    "a key twice": b'{"source": "hostile", "id": "r4", "channel": "web", "text": "x", "text": "y"}',
    "UTF-16": '{"source": "hostile", "id": "r5", "channel": "web", "text": "x"}'.encode("utf-16"),
    "deeper than any data": b"[" * 100_000 + b"]" * 100_000,
}
CONTACTS = {name: contact(f"f{n}", **fields) for n, (name, fields) in enumerate(FIELDS.items())} | RAW


async def is_sound(intake: House, case: str) -> None:
    """It can be read, and is small once what it gave out is published."""
    await intake.quiet()
    await intake.get("intake", f"/v1/cases/{case}")
    body = await intake._mongo["switchboard_intake"]["cases"].find_one({"_id": case})
    assert body is not None
    assert len(encode(body)) < MOST_CASE_BYTES


def is_told(answer: httpx.Response) -> None:
    """What is wrong, by a problem that is none of ours."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["type"].startswith("/problems/")
    assert answer.json()["detail"]
    assert len(answer.content) < 2000


@pytest.mark.parametrize("body", CONTACTS.values(), ids=CONTACTS)
async def test_IN_1_a_hostile_contact_is_in_a_sound_case_or_refused_alike_by_both_doors(
    intake: House, body: bytes
) -> None:
    answer = await intake.ask("POST", "intake", "/v1/contacts", raw=body)
    place = await intake.say("contacts.v1", body)
    await intake.quiet()
    aside = (await intake.ask("GET", "intake", f"/v1/quarantine/{place}")).status_code == 200
    assert aside == (answer.status_code != 201)
    if answer.status_code == 201:
        await is_sound(intake, answer.json()["case_id"])
    else:
        is_told(answer)


MAILS = {name: b"From: a@b.example\r\nSubject: hi\r\n" + raw for name, raw, _ in HOSTILE if b"ubject" not in raw} | {
    "nested": nested(5000),
    "many parts": parts(1000),
    "many addresses": b"From: " + b"a@b.example, " * 50_000 + b"\r\n\r\nhi",
    "many of one letter": HEAD + b"\r\n" + b"a" * (1 << 20),
    "many line ends": HEAD + b"\r\n" + b"\n" * 1_000_000,
    "deep HTML": HEAD + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 100_000,
    "no mail": bytes(range(256)) * 100,
}


@pytest.mark.parametrize("raw", MAILS.values(), ids=MAILS)
async def test_IN_1_a_hostile_mail_is_in_a_sound_case_or_refused(intake: House, raw: bytes) -> None:
    answer = await post(intake, "/mail", raw)
    if answer.status_code == 201:
        await is_sound(intake, answer.json()["case_id"])
    else:
        is_told(answer)


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS.values(), UNSEEN_ONLY], ids=[*HOSTILE_TEXTS, "nothing visible"])
async def test_IN_11_a_hostile_question_is_answered_handed_over_or_refused(intake: House, text: str) -> None:
    body = {"source": "app", "conversation": f"hostile {text[:100]}", "text": text, "customer": {"app_id": text}}
    answer = await intake.ask("POST", "intake", "/v1/ask", body)
    if answer.status_code != 200:
        is_told(answer)
    elif answer.json()["handed_over"]:
        await is_sound(intake, answer.json()["case_id"])
    else:
        assert answer.json()["answer"]


@pytest.mark.parametrize("text", [*HOSTILE_TEXTS.values(), UNSEEN_ONLY], ids=[*HOSTILE_TEXTS, "nothing visible"])
async def test_a_hostile_search_finds_something_or_nothing_or_is_refused(intake: House, text: str) -> None:
    for path, name in (("/v1/cases", "q"), ("/v1/cases", "after"), ("/v1/knowledge", "q"), ("/v1/customers", "social")):
        query: Any = {name: text[:200]}
        answer = await intake.ask("GET", "intake", path, **query)
        if answer.status_code != 200:
            is_told(answer)


async def test_after_all_this_a_good_contact_is_taken_at_once(intake: House) -> None:
    answer = await intake.ask("POST", "intake", "/v1/contacts", raw=contact("good"))
    assert answer.status_code == 201

    async def arrived() -> bool:
        return (await intake.ask("GET", "intake", "/v1/contacts", source="hostile", id="good-too")).status_code == 200

    await intake.say("contacts.v1", contact("good-too"))
    await eventually(arrived)
    assert (await intake.get("intake", "/v1/parked"))["items"] == []
    assert not any(item["stopped"] for item in (await intake.get("intake", "/v1/partitions"))["items"])
