"""Bad input never stops good input: set aside whole on the topics, answered with a clear error over HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.agents import work
from tests.e2e.contacts import Sending
from tests.e2e.happened import story
from tests.e2e.house import Header, House

pytestmark = pytest.mark.stack

SOURCE = "bad-channel"
PARTITION = 3
GOOD: dict[str, Any] = {
    "source": SOURCE, "id": "good", "channel": "web", "text": "发票抬头错误，请更正",
    "customer": {"phone": "+8613955500001"},
}  # fmt: skip
DEEP = b'{"source": "bad-channel", "id": "deep", "channel": "web", "text": "x", "diagnostics": %s1%s}' % (
    b'{"d": ' * 40, b"}" * 40,
)  # fmt: skip


def body(**changes: Any) -> bytes:
    return json.dumps({key: value for key, value in {**GOOD, **changes}.items() if value is not None}).encode()


@dataclass(frozen=True)
class Bad:
    """A record of `contacts.v1` and what becomes of it. `fault`: how its error begins."""

    value: bytes | None
    reason: str
    fault: str = ""
    source: str = SOURCE
    headers: tuple[Header, ...] = ()


BAD = {
    "broken JSON": Bad(b'{"source": "bad-channel", "id": ', "bad_json", source="contacts.v1"),
    "no value": Bad(None, "empty_value", source="contacts.v1"),
    "empty value": Bad(b"", "empty_value", source="contacts.v1"),
    "null header": Bad(body(id="b1"), "bad_headers", source="contacts.v1", headers=(("x-trace", None),)),
    "header not UTF-8": Bad(body(id="b2"), "bad_headers", source="contacts.v1", headers=(("x-name", b"\xff\xfe"),)),
    "unknown channel": Bad(body(id="b3", channel="pigeon"), "invalid", "channel: "),
    "no words": Bad(body(id="b4", text=None), "invalid", "body: Value error, at least one of text, subject"),
    "300 KiB": Bad(body(id="b5", text="x" * 300 * 1024), "too_large", source="contacts.v1"),
    "40 levels deep": Bad(DEEP, "too_deep", source="contacts.v1"),
    "unknown type": Bad(body(id="b6"), "unknown_type", "type: ", headers=(("ce_type", b"contact.exploded"),)),
    "same identity, other words": Bad(body(text="完全不同的内容"), "identity_reused", "revision: "),
}


async def test_bad_contacts_are_set_aside_whole_and_good_ones_go_on(staffed: House) -> None:
    good = [Sending({**GOOD, "id": f"good-{n}"}) for n in range(len(BAD))]
    await staffed.say("contacts.v1", GOOD, partition=PARTITION)
    places = {}
    for (name, bad), fine in zip(BAD.items(), good, strict=True):
        places[name] = await staffed.say("contacts.v1", bad.value, partition=PARTITION, headers=bad.headers)
        await staffed.say("contacts.v1", fine.body, partition=PARTITION)
    await staffed.quiet()

    happened = await story(staffed, [(SOURCE, "good"), *(fine.identity for fine in good)])
    assert happened.contacts_not_in_one_case() == []
    listed = {item["id"]: item for item in await quarantine(staffed) if item["topic"] == "contacts.v1"}
    copies = {said.headers["switchboard_place"]: said for said in await staffed.said("contacts.v1.dlq")}
    for name, bad in BAD.items():
        item = listed[places[name]]
        assert (item["reason"], item["source"]) == (bad.reason, bad.source), name
        assert item["error"].startswith(bad.fault), name
        whole = await staffed.get("intake", f"/v1/quarantine/{places[name]}")
        assert whole["value"] == (None if bad.value is None else bad.value.decode()), name
        assert whole["headers"] == [list(shown(header)) for header in bad.headers], name
        copy = copies[places[name]]
        assert (copy.value, copy.headers["switchboard_reason"]) == (bad.value or b"", bad.reason), name
    assert listed.keys() == set(places.values()) == copies.keys()


async def test_bad_work_is_set_aside_and_good_work_goes_on(staffed: House) -> None:
    case = (await staffed.ask("POST", "intake", "/v1/contacts", {**GOOD, "id": "worked-on"})).json()["case_id"]
    await staffed.quiet()
    await work(staffed, "resolved", "A01", case, "r1", text="已更正", result="发票已更正")
    await work(staffed, "closed", "A01", case, "c1", text="客户确认")
    bad = {
        await work(staffed, "resolved", "A01", case, "r2", text="再次"): ("wrong_transition", "type: ", "A01"),
        await work(staffed, "noted", "NOBODY", case, "n1", text="我是谁"): ("unknown_agent", "agent_id: ", "NOBODY"),
        await work(staffed, "noted", "A01", "no-such-case", "n2", text="?"): ("unknown_case", "case_id: ", "A01"),
        await work(staffed, "noted", "A01", case, "n3"): ("missing_field", "text: ", "A01"),
        await work(staffed, "juggled", "A01", case, "j1"): ("unknown_type", "type: ", "A01"),
    }
    await work(staffed, "noted", "A01", case, "n4", text="好的备注")
    await staffed.quiet()
    listed = {item["id"]: item for item in await quarantine(staffed)}
    for place, (reason, fault, source) in bad.items():
        assert (listed[place]["reason"], listed[place]["source"]) == (reason, source)
        assert listed[place]["error"].startswith(fault)
    assert bad.keys() <= {said.headers["switchboard_place"] for said in await staffed.said("work.v1.dlq")}
    seen = await staffed.get("intake", f"/v1/cases/{case}")
    assert seen["status"] == "closed"
    assert [line["text"] for line in seen["timeline"] if line["kind"] == "noted"] == ["好的备注"]


async def test_work_of_an_agent_who_has_just_been_announced_on_the_topic_counts(staffed: House) -> None:
    case = (await staffed.ask("POST", "intake", "/v1/contacts", {**GOOD, "id": "new-hands"})).json()["case_id"]
    for n in range(20):
        told = {"type": "agent.updated", "agent_id": f"NEW{n}", "at": "2026-11-22T08:00:00Z"}
        await staffed.say("agents.v1", told, key=f"NEW{n}")
        await work(staffed, "noted", f"NEW{n}", case, "n", text=f"第{n}个")
    await staffed.quiet()
    assert [item for item in await quarantine(staffed) if item["source"].startswith("NEW")] == []
    seen = await staffed.get("intake", f"/v1/cases/{case}")
    assert len([line for line in seen["timeline"] if line["kind"] == "noted"]) == 20


OVER_HTTP = {
    "broken JSON": (b'{"source": ', 400, "bad_json", None),
    "unknown channel": (body(id="h1", channel="pigeon"), 422, "invalid", "channel"),
    "no words": (body(id="h2", text=None), 422, "invalid", "body"),
    "not an object": (b'["a"]', 422, "invalid", "body"),
    "no source": (body(id="h3", source=None), 422, "invalid", "source"),
    "phone is a list": (body(id="h4", customer={"phone": []}), 422, "invalid", "customer.phone"),
    "300 KiB": (body(id="h5", text="x" * 300 * 1024), 413, "too_large", None),
    "40 levels deep": (DEEP, 422, "too_deep", None),
    "same identity, other words": (body(id="good-http", text="完全不同的内容"), 422, "identity_reused", "revision"),
}


async def test_bad_contacts_over_http_are_answered_with_a_problem_that_names_the_field(staffed: House) -> None:
    assert (await staffed.ask("POST", "intake", "/v1/contacts", raw=body(id="good-http"))).status_code == 201
    for name, (raw, status, type_, field) in OVER_HTTP.items():
        assert_problem(await staffed.ask("POST", "intake", "/v1/contacts", raw=raw), status, type_, field, name)


async def test_bad_work_over_http_is_answered_with_a_problem_that_names_the_field(staffed: House) -> None:
    case = (await staffed.ask("POST", "intake", "/v1/contacts", {**GOOD, "id": "http-work"})).json()["case_id"]
    done = {"id": "w1", "agent_id": "A01", "case_id": case, "type": "resolved", "text": "好", "result": "已更正"}
    assert (await staffed.ask("POST", "intake", "/v1/work", done)).status_code == 200
    for changes, status, type_, field in (
        ({"type": "juggled"}, 422, "invalid", "type"),
        ({"id": "w2", "agent_id": "NOBODY", "type": "noted"}, 422, "unknown_agent", "agent_id"),
        ({"id": "w3"}, 409, "wrong_transition", "type"),
        ({"id": "w4", "case_id": "no-such-case"}, 404, "unknown_case", "case_id"),
        ({"id": "w5", "type": "noted", "text": " "}, 422, "missing_field", "text"),
        ({"id": ""}, 422, "invalid", "id"),
    ):
        answer = await staffed.ask("POST", "intake", "/v1/work", {**done, **changes})
        assert_problem(answer, status, type_, field, str(changes))


async def test_PF_1_a_wrong_key_is_401_and_a_wrong_role_403(staffed: House) -> None:
    agent, channel = staffed.new_key("agent"), staffed.new_key("channel")
    assert_problem(await staffed.ask("POST", "intake", "/v1/contacts", GOOD, key="sb_wrong"), 401, "unauthenticated")
    assert_problem(await staffed.ask("GET", "routing", "/v1/pools", key=channel), 403, "forbidden")
    assert_problem(await staffed.ask("PUT", "routing", "/v1/agents/A09", {}, key=agent), 403, "forbidden")
    assert_problem(await staffed.ask("GET", "intake", "/v1/quarantine", key=agent), 403, "forbidden")
    assert_problem(await staffed.ask("POST", "intake", "/v1/work", {}, key=channel), 403, "forbidden")
    assert_problem(await staffed.ask("GET", "notify", "/v1/notifications", key=channel, case="x"), 403, "forbidden")
    fine = await staffed.ask("POST", "intake", "/v1/contacts", {**GOOD, "id": "by-channel"}, key=channel)
    assert fine.status_code == 201


async def test_bad_items_of_a_batch_do_not_harm_the_good_ones(staffed: House) -> None:
    items = [
        {**GOOD, "id": "batch-1"}, {**GOOD, "id": "batch-2", "channel": "pigeon"}, "not a contact",
        {**GOOD, "id": "batch-3", "customer": {"app_id": "batch-3"}}, {**GOOD, "id": "batch-1", "text": "不一样"},
        {**GOOD, "id": "batch-1"},
    ]  # fmt: skip
    answer = await staffed.ask("POST", "intake", "/v1/contacts/batch", items)
    assert answer.status_code == 207
    said = answer.json()
    assert [item["status"] for item in said] == [201, 422, 422, 201, 422, 201]
    assert [item.get("field") for item in said] == [None, "channel", "body", None, "revision", None]
    assert said[0]["case_id"] == said[5]["case_id"] != said[3]["case_id"]
    await staffed.quiet()
    happened = await story(staffed, [(SOURCE, "batch-1"), (SOURCE, "batch-3")])
    assert happened.contacts_not_in_one_case() == []


def assert_problem(answer: httpx.Response, status: int, type_: str, field: str | None = None, name: str = "") -> None:
    assert answer.headers["content-type"] == "application/problem+json", f"{name}: {answer.text}"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{type_}"), name
    assert problem.get("field") == field, name
    assert problem["detail"]


async def quarantine(house: House) -> list[dict[str, Any]]:
    """All that intake has set aside, page by page."""
    items: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await house.get("intake", "/v1/quarantine", limit="5", after=after)
        items += page["items"]
        if not (after := page["next"]):
            return items


def shown(header: Header) -> tuple[str, Any]:
    name, value = header
    if value is None:
        return name, None
    try:
        return name, value.decode()
    except UnicodeDecodeError:
        return name, {"hex": value.hex()}
