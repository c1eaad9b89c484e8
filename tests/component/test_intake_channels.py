"""IN-1, IN-10, IN-13: mails, webhooks and calls through the running service, and a mailbox through the command."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from mailbox import mbox
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from services.intake.channels.webhook import signature_of
from services.intake.domain.rules import Rules
from shared.clock import utc_now
from shared.events.contacts import MAX_TEXT_BYTES
from shared.rules import load
from tests.component.conftest import Alone
from tests.component.neighbours import put_rules
from tests.e2e.house import House
from tests.waiting import eventually

pytestmark = pytest.mark.stack
OLD, NEW = b"o" * 32, b"n" * 32
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return share(tmp_path_factory.mktemp("secrets") / "webhooks.yaml", OLD)


@pytest.fixture(scope="module")
def linked(rules: Path) -> Path:
    """Rules that say where the gateway puts attachments."""
    mail = load("intake", Rules.parse, None).channels.mail.model_dump(mode="json") | {
        "attachment_link": "https://files.example/{message_id}/{n}"
    }
    put_rules(rules, "intake", "channels", mail=mail)
    return rules


@pytest.fixture(scope="module")
async def intake(alone: Alone, secrets: Path, linked: Path) -> AsyncIterator[House]:
    async with alone("intake", SWITCHBOARD_WEBHOOKS=str(secrets)) as house:
        yield house


def share(file: Path, *secrets: bytes) -> Path:
    part = file.with_suffix(".part")
    part.write_text(yaml.safe_dump({"crm": [f"whsec_{b64encode(secret).decode()}" for secret in secrets]}))
    return part.replace(file)


def mail(id_: str, text: str, *heads: str) -> bytes:
    head = (
        "From: =?utf-8?b?546L6Iqz?= <fang@mail.example>",
        f"Message-ID: <{id_}@mail.example>",
        "Subject: 发票",
        *heads,
    )
    return "\r\n".join((*head, "Content-Type: text/plain; charset=utf-8", "", text)).encode()


async def post(intake: House, path: str, body: bytes, **headers: str) -> httpx.Response:
    key = {"Authorization": f"Bearer {intake.env['SWITCHBOARD_KEY']}"}
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        return await http.post(f"{intake.url('intake')}/v1/contacts{path}", content=body, headers=key | headers)


async def hook(
    intake: House, body: bytes, secret: bytes, id_: str = "msg_1", at: datetime | None = None
) -> httpx.Response:
    """Without an access key: the signature is the authentication."""
    timestamp = str(int((at or utc_now()).timestamp()))
    signature = signature_of(secret, id_, timestamp, body)
    headers = {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": signature}
    return await post(intake, "/webhook/crm", body, **{"Authorization": "", **headers})


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def shown(intake: House, case: str) -> dict[str, Any]:
    found: dict[str, Any] = await intake.get("intake", f"/v1/cases/{case}")
    return found


async def records(intake: House, source: str, id_: str) -> list[dict[str, Any]]:
    """What the topic of contacts holds of one; each once, however often it was delivered."""
    await intake.quiet()
    said = {said.id: said.data for said in await intake.said("contacts.v1")}
    return [data for data in said.values() if (data["source"], data["id"]) == (source, id_)]


async def quarantined(intake: House) -> list[Any]:
    return (await intake.documents("intake")).get("quarantine", [])


async def test_IN_1_a_mail_opens_a_case_and_the_same_mail_again_is_the_same_answer(intake: House) -> None:
    raw = mail("first", "发票抬头错误，请更正\n\n在 2026年11月20日，客服 写道：\n> 系统崩溃")
    first = told(await post(intake, "/mail", raw))
    assert first["opened"] is True
    assert told(await post(intake, "/mail", raw)) == first
    case = await shown(intake, first["case_id"])
    assert (case["channel"], case["reach"]["email"], case["reach"]["name"]) == ("email", "fang@mail.example", "王芳")
    assert case["category"][0] == "支付问题"
    assert "#系统故障" not in case["tags"], "what is quoted is not what the customer says now"
    (line,) = case["timeline"]
    assert "> 系统崩溃" in line["text"], "the whole mail is kept"
    (record,) = await records(intake, "mail", "first@mail.example")
    assert record["channel"] == "email"
    assert await quarantined(intake) == []


async def test_IN_4_a_mail_that_answers_another_joins_its_case(intake: House) -> None:
    case = told(await post(intake, "/mail", mail("thread-1", "空调不制冷")))["case_id"]
    heads = ("References: <thread-1@mail.example> <unknown@mail.example>",)
    again = told(await post(intake, "/mail", mail("thread-2", "还有一个问题", *heads)))
    assert (again["case_id"], again["opened"]) == (case, False)


async def test_IN_1_a_mail_says_beforehand_what_would_happen(intake: House) -> None:
    raw = mail("dry", "请退款")
    would = await post(intake, "/mail?dry_run=true", raw)
    assert (would.status_code, would.json()["dry_run"]) == (200, True)
    assert (await intake.ask("GET", "intake", "/v1/contacts", source="mail", id="dry@mail.example")).status_code == 404


async def test_an_idempotency_key_holds_at_these_doors_too(intake: House) -> None:
    key = {"Idempotency-Key": "mail-1"}
    first = told(await post(intake, "/mail", mail("key", "请退款"), **key))
    assert told(await post(intake, "/mail", mail("key", "请退款"), **key)) == first
    assert problem(await post(intake, "/mail", mail("other", "请退款"), **key)) == (422, "idempotency_key_reused")


async def test_a_mail_of_a_program_opens_nothing(intake: House) -> None:
    raw = mail("away", "I am away", "Auto-Submitted: auto-replied")
    assert problem(await post(intake, "/mail", raw)) == (422, "automatic_mail")
    assert problem(await post(intake, "/mail", b"\x00\xff" * 5000)) == (422, "invalid")


async def test_IN_10_what_is_attached_is_a_link_and_what_is_dangerous_is_only_named(intake: House) -> None:
    parts = [("image/png", "bill.png"), ("application/x-msdownload", "run.exe")]
    attached = "".join(f'\r\n--b\r\nContent-Type: {kind}; name="{name}"\r\n\r\nxyz' for kind, name in parts)
    raw = (
        "From: a@b.example\r\nMessage-ID: <attached@x>\r\nSubject: 附件\r\n"
        f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee{attached}\r\n--b--"
    ).encode()
    case = await shown(intake, told(await post(intake, "/mail", raw))["case_id"])
    assert case["flags"] == ["attachment_refused"]
    data = case["timeline"][0]["data"]
    assert [a["url"] for a in data["attachments"]] == ["https://files.example/attached%40x/1"]
    assert [(a["name"], a["why"]) for a in data["refused"]] == [("run.exe", "ending")]


async def test_IN_1_a_signed_webhook_is_let_in_without_a_key_and_a_replay_is_the_same_answer(intake: House) -> None:
    body = '{"channel": "app", "text": "重复扣款，请退款", "customer": {"app_id": "app-77"}}'.encode()
    first = told(await hook(intake, body, OLD))
    assert first["opened"] is True
    assert told(await hook(intake, body, OLD)) == first
    assert told(await hook(intake, body, OLD, at=utc_now() - timedelta(minutes=4))) == first
    assert len(await records(intake, "crm", "msg_1")) == 1
    assert len((await shown(intake, first["case_id"]))["timeline"]) == 1


async def test_a_webhook_forged_stale_or_of_another_source_changes_nothing(intake: House) -> None:
    body = '{"channel": "app", "text": "请退款"}'.encode()
    assert problem(await hook(intake, body, NEW, "msg_2")) == (401, "webhook_forged")
    late = utc_now() - timedelta(minutes=6)
    assert problem(await hook(intake, body, OLD, "msg_2", at=late)) == (401, "webhook_stale")
    other = '{"channel": "app", "text": "请退款", "source": "bank"}'.encode()
    assert problem(await hook(intake, other, OLD, "msg_2")) == (422, "invalid")
    assert (await intake.ask("GET", "intake", "/v1/contacts", source="crm", id="msg_2")).status_code == 404


async def test_a_secret_changes_while_the_service_runs(intake: House, secrets: Path) -> None:
    body = '{"channel": "app", "text": "请换货"}'.encode()
    share(secrets, OLD, NEW)
    told(await hook(intake, body, OLD, "msg_old"))
    told(await hook(intake, body, NEW, "msg_new"))
    share(secrets, NEW)
    assert problem(await hook(intake, body, OLD, "msg_3")) == (401, "webhook_forged")
    told(await hook(intake, body, NEW, "msg_3"))
    share(secrets, OLD, NEW)


async def test_IN_10_a_call_is_one_case_from_its_ring_to_its_recording(intake: House) -> None:
    ring = b"call=c-1&state=ringing&caller=%2B8613911112222&language=zh&started=2026-11-22T08:00:00Z"
    first = told(await post(intake, "/phone", ring, **FORM))
    heard = (
        '{"call": "c-1", "state": "transcribed", "caller": "+8613911112222", "language": "zh", "transcript": '
        '"空调开不了机", "recording": "https://rec.example/c-1.mp3", "agent": "Z01", "sentiment": -0.8}'
    )
    second = told(await post(intake, "/phone", heard.encode()))
    assert (second["case_id"], second["contact_id"]) == (first["case_id"], first["contact_id"])
    case = await shown(intake, first["case_id"])
    assert (case["text"], case["sentiment"]["label"], len(case["contacts"])) == ("空调开不了机", "strong_negative", 1)
    assert [line["kind"] for line in case["timeline"]] == ["contact", "amended"]
    assert case["timeline"][1]["data"]["voice"]["recording"]["url"] == "https://rec.example/c-1.mp3"


async def test_IN_13_diagnostics_without_consent_are_kept_nowhere(intake: House) -> None:
    said = {"source": "app", "id": "diag-1", "channel": "app", "text": "开不了机", "diagnostics": {"log": "s3cret"}}
    case = told(await intake.ask("POST", "intake", "/v1/contacts", said))["case_id"]
    assert (await shown(intake, case))["flags"] == ["diagnostics_without_consent"]
    (record,) = await records(intake, "app", "diag-1")
    assert record["diagnostics"] == {}
    assert "s3cret" not in str(await intake.documents("intake"))
    assert "s3cret" not in intake.log("intake")
    assert told(await intake.ask("POST", "intake", "/v1/contacts", said))["case_id"] == case
    assert await quarantined(intake) == [], "the record that it wrote itself is a repeat"


async def test_IN_13_with_consent_they_are_attached(intake: House) -> None:
    said = {
        "source": "app", "id": "diag-2", "channel": "app", "text": "开不了机", "diagnostics": {"log": "E17"},
        "diagnostics_consent": True,
    }  # fmt: skip
    case = await shown(intake, told(await intake.ask("POST", "intake", "/v1/contacts", said))["case_id"])
    assert case["diagnostics"] == ["log"]
    assert case["timeline"][0]["data"]["diagnostics"] == {"log": "E17"}


@pytest.mark.parametrize("piece", ["a", "不急", "退\u200b款", "\u202e1", "👨‍👩‍👧", "order-", "订单 "])
async def test_64_KiB_of_one_piece_make_a_case_and_hold_up_nobody(intake: House, piece: str) -> None:
    text = (piece * MAX_TEXT_BYTES).encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
    said = {"source": "web", "id": f"long-{piece}", "channel": "web", "text": text}
    long = asyncio.create_task(intake.ask("POST", "intake", "/v1/contacts", said))
    short = await intake.ask("POST", "intake", "/v1/contacts", {**said, "id": f"short-{piece}", "text": "请退款"})
    case = await shown(intake, told(await long)["case_id"])
    assert told(short)["opened"]
    assert "\u202e" not in case["timeline"][0]["text"]


@pytest.mark.parametrize("via", ["http", "kafka"])
async def test_IN_1_a_mailbox_is_fed_and_its_bad_mails_are_named(intake: House, tmp_path: Path, via: str) -> None:
    box = mbox(tmp_path / "box")
    good = [mail(f"{via}-{n}", "请退款") for n in range(3)]
    for raw in (*good[:2], mail("away", "I am away", "Auto-Submitted: auto-replied"), b"no mail", good[2]):
        box.add(raw)
    box.flush()
    command = [sys.executable, "-m", "cli.main", "feed", "--mbox", str(tmp_path / "box"), "--via", via]
    env = {**os.environ, **intake.env}
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, env=env, check=False)
    assert run.returncode == 1, run.stderr
    assert "sent 3, refused 0, broken 2" in run.stdout
    assert "box:3: auto-submitted" in run.stderr
    assert "box:4: From" in run.stderr

    async def arrived() -> bool:
        asked = [
            intake.ask("GET", "intake", "/v1/contacts", source="mail", id=f"{via}-{n}@mail.example") for n in range(3)
        ]
        return all(answer.status_code == 200 for answer in await asyncio.gather(*asked))

    await eventually(arrived)
