"""Sla over a real broker and database; intake, routing and the departments are played by the test.

By its rules an hour lasts a second: inactivity after 6 hours, each level of an escalation must answer within 2.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.local import local_keys, state
from deploy.local.paths import ROOT
from shared.clock import utc_now
from shared.events.cases import CaseContactAdded, CaseOpened, CaseResolved, CaseResponded, ContactRef
from shared.events.escalations import TOPICS as ESCALATIONS
from shared.ids import named
from tests.component.conftest import Alone
from tests.component.neighbours import (
    Neighbour,
    case_assigned,
    case_opened,
    case_queued,
    ids,
    nothing_changes_when_read_again,
    put_rules,
)
from tests.e2e.house import House, Said
from tests.waiting import eventually, never

pytestmark = pytest.mark.stack
READS, GIVES = ("cases.v1", "assignments.v1", "escalation-replies.v1"), ("sla.v1", *ESCALATIONS)
QUICK = {"first_response": "3s", "next_response": "3s", "resolution": "1h"}
SLOW = {"first_response": "8s", "next_response": "8s", "resolution": "1h"}
CALM = {"first_response": "1h", "next_response": "1h", "resolution": "2h"}


def policy(id_: str, limits: dict[str, str], **when: list[str]) -> dict[str, Any]:
    return {"id": id_, "when": when, "calendar": "always", "targets": dict.fromkeys(("P0", "P1", "P2", "P3"), limits)}


@pytest.fixture(scope="module")
async def sla(alone: Alone, rules: Path) -> AsyncIterator[House]:
    """By chat an answer is due after three seconds, in the app after eight, else after an hour."""
    policies = [policy("chat", QUICK, channel=["chat"]), policy("app", SLOW, channel=["app"]), policy("*", CALM)]
    put_rules(rules, "sla", "policies", inactivity="6s", policies=policies)
    shipped = yaml.safe_load((ROOT / "services/sla/rules/escalations.yaml").read_text(encoding="utf-8"))
    levels = [level | {"acknowledge_within": "2s", "priorities": {}} for level in shipped["levels"]]
    put_rules(rules, "sla", "escalations", levels=levels)
    async with alone("sla") as house:
        yield house


@pytest.fixture(scope="module")
def intake(sla: House) -> Neighbour:
    return Neighbour(sla, "intake")


@pytest.fixture(scope="module")
def routing(sla: House) -> Neighbour:
    return Neighbour(sla, "routing")


def responded(case: str, text: str = "已联系财务") -> CaseResponded:
    return CaseResponded(**ids(case), by="Z01", first=True, text=text)


def resolved(case: str) -> CaseResolved:
    return CaseResolved(**ids(case), by="Z01", resolution="已退款")


def asks_again(case: str) -> CaseContactAdded:
    ref = ContactRef(source="mail", id=f"again-{case}")
    return CaseContactAdded(
        **ids(case), contact_id=named("again", case), contact=ref, channel="email", text="怎么还没处理？"
    )


async def told(sla: House, case: str, *topics: str) -> list[Said]:
    """What was given out about a case, each event once, in the order of each topic."""
    events = {said.id: said for said in await sla.said(*(topics or GIVES)) if said.subject == case}
    return sorted(events.values(), key=lambda said: (said.topic, said.sequence))


async def lines(sla: House, case: str, target: str) -> list[str]:
    """`reminder 0.5`, `missed`, ... of one of its promises."""
    found = [said for said in await told(sla, case, "sla.v1") if said.data.get("target") == target]
    return [_line(said) for said in found]


def _line(said: Said) -> str:
    share = said.data.get("share")
    corrected = " corrected" if said.data.get("corrected") else ""
    return said.type.partition(".")[2] + (f" {share}" if share else "") + corrected


async def calls(sla: House, case: str) -> list[Said]:
    """Of all departments, as they were called."""
    found = [said for said in await told(sla, case, *ESCALATIONS) if said.type != "escalation.withdrawn"]
    return sorted(found, key=lambda said: said.headers["ce_time"])


async def called(sla: House, case: str, level: int) -> Said:
    async def there() -> Said | None:
        return next((said for said in await calls(sla, case) if said.data["level"] == level), None)

    found: Said = await eventually(there, within=20)
    return found


async def comes_to(sla: House, case: str, target: str, *wanted: str, within: float = 20.0) -> None:
    async def so() -> bool:
        return await lines(sla, case, target) == list(wanted)

    try:
        await eventually(so, within)
    except AssertionError:
        raise AssertionError(f"{await lines(sla, case, target)} instead of {list(wanted)}") from None


async def replies(sla: House, call: Said, answer: str, **more: Any) -> str:
    """A department says something about a call; returns the record's place."""
    data = call.data
    body = {
        "type": f"escalation.{answer}", "id": named("reply", call.id, answer), "department": data["department"],
        "case_id": call.subject, "escalation_id": data["escalation_id"], **more,
    }  # fmt: skip
    return await sla.say("escalation-replies.v1", body, key=call.subject)


async def silent(sla: House, intake: Neighbour, routing: Neighbour, name: str) -> CaseOpened:
    """A case that was taken up and answered, and of which nothing was heard since."""
    opened = case_opened(name, channel="email", text="发票抬头错误，请更正")
    await intake.says(opened)
    routing.has_seen(opened.case_id, cases=1)
    await routing.says(case_queued(opened.case_id), case_assigned(opened.case_id))
    await intake.says(responded(opened.case_id))
    return opened


@asynccontextmanager
async def stopped(sla: House) -> AsyncIterator[None]:
    """The process ends as at a roll-out, and starts again."""
    await asyncio.to_thread(state.load(sla.stack.paths).services["sla"].stop)
    yield
    await asyncio.to_thread(sla.stack.up)


async def test_S6_silence_reminds_escalates_through_three_levels_and_stops(
    sla: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = await silent(sla, intake, routing, "silence")
    case = opened.case_id
    await comes_to(sla, case, "inactivity", "started", "reminder 0.5")
    await intake.says(asks_again(case))
    await comes_to(
        sla, case, "inactivity", "started", "reminder 0.5", "reminder 0.75", "reminder 0.9", "missed"
    )  # fmt: skip
    await comes_to(sla, case, "escalation", "missed", "missed", "missed")
    first, second, third = await calls(sla, case)
    assert [said.data["department"] for said in (first, second, third)] == ["frontline", "payment", "management"]
    assert [said.type for said in (first, second, third)] == ["escalation.raised", *["escalation.level_raised"] * 2]
    assert (first.data["description"], first.data["tried"]) == ("发票抬头错误，请更正", ["已联系财务"])
    whats = [line["what"] for line in first.data["history"]]
    assert whats == ["opened", "queued", "assigned", "responded", "contact_added"]
    assert second.data["why"] == "未在时限内由一线主管确认"
    assert "请确认" in first.data["ask"]
    assert first.data["agent_id"] == "Z01"
    miss = next(s for s in await told(sla, case, "sla.v1") if s.type == "target.missed")
    assert (miss.data["target"], miss.data["escalation_id"]) == ("inactivity", first.data["escalation_id"])
    so_far = await sla.ends(*GIVES)
    await never(lambda: _more(sla, so_far, case), during=2.5)
    await intake.says(resolved(case))
    await sla.quiet()


async def _more(sla: House, so_far: Any, case: str) -> bool:
    return any(said.subject == case for said in await sla.said(*GIVES, after=so_far))


async def test_S6_a_refusal_goes_up_an_acknowledgement_stops_and_a_resolution_ends_it(
    sla: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = await silent(sla, intake, routing, "answered")
    case = opened.case_id
    first = await called(sla, case, 1)
    await replies(sla, first, "refused", by="李主管", text="需财务处理")
    second = await called(sla, case, 2)
    assert second.data["why"] == "一线主管无法处理: 需财务处理"
    fix_at = (utc_now() + timedelta(days=3)).isoformat()
    await replies(sla, second, "acknowledged", by="财务王工", reproduced=True, fix_at=fix_at)
    await sla.quiet()
    await never(lambda: _reached(sla, second, 3), during=2.5)
    shown = await shown_of(sla, second)
    assert (shown["level"], shown["department"], shown["acknowledged"]) == (2, "payment", True)
    await replies(sla, second, "resolved", text="已重开发票")
    await sla.quiet()
    answers = [said.data for said in await told(sla, case, "sla.v1") if said.type == "escalation.answered"]
    assert [(a["answer"], a["department"], a["stands"]) for a in answers] == [
        ("refused", "frontline", 2),
        ("acknowledged", "payment", 2),
        ("resolved", "payment", 0),
    ]
    assert [a["delays"] for a in answers] == [False, True, False]
    withdrawn = [s.topic for s in await told(sla, case, *ESCALATIONS) if s.type == "escalation.withdrawn"]
    assert withdrawn == ["escalations.frontline.v1"]
    await intake.says(resolved(case))


async def _reached(sla: House, call: Said, level: int) -> bool:
    found = [said.data for said in await calls(sla, call.subject)]
    return any((said["escalation_id"], said["level"]) == (call.data["escalation_id"], level) for said in found)


async def shown_of(sla: House, call: Said) -> dict[str, Any]:
    """The escalation of a call; silence goes on to raise others."""
    shown: list[dict[str, Any]] = (await sla.get("sla", f"/v1/cases/{call.subject}/targets"))["escalations"]
    return next(one for one in shown if one["escalation_id"] == call.data["escalation_id"])


async def test_after_a_stop_what_is_due_fires_in_order_and_what_was_answered_in_time_does_not(
    sla: House, intake: Neighbour
) -> None:
    first, second, answered, solved = cases = [case_opened(f"stopped-{n}", channel="app") for n in range(4)]
    await intake.says(*cases)
    await comes_to(sla, solved.case_id, "first_response", "started")
    async with stopped(sla):
        await intake.says(responded(answered.case_id), resolved(solved.case_id))
        over_at = utc_now() + timedelta(seconds=9)
        await eventually(lambda: utc_now() > over_at)
    late = [await missed(sla, opened.case_id) for opened in (first, second)]
    assert late[0].headers["ce_time"] <= late[1].headers["ce_time"]
    assert all(said.data["late_s"] > 0 for said in late)
    for opened in (answered, solved):
        assert await ends(sla, opened.case_id) == ["met"]
    assert await calls(sla, solved.case_id) == []
    async with stopped(sla):
        pass
    assert await ends(sla, first.case_id) == ["missed"]
    await intake.says(*(resolved(opened.case_id) for opened in (first, second, answered)))


async def missed(sla: House, case: str) -> Said:
    async def there() -> Said | None:
        found = await told(sla, case, "sla.v1")
        return next((s for s in found if s.type == "target.missed" and s.data["target"] == "first_response"), None)

    found: Said = await eventually(there, within=20)
    return found


async def ends(sla: House, case: str) -> list[str]:
    """What became of the first response, reminders aside."""
    await sla.quiet()
    found = await lines(sla, case, "first_response")
    return [line for line in found if line != "started" and not line.startswith("reminder")]


async def test_an_answer_in_time_that_is_published_late_takes_the_miss_back(sla: House, intake: Neighbour) -> None:
    opened = case_opened("late", channel="chat")
    case = opened.case_id
    await intake.says(opened)
    decided = utc_now() + timedelta(seconds=1)
    call = await called(sla, case, 1)
    for number, event in intake.numbered(responded(case)):
        await intake.writes(event, number, decided=decided)
    await sla.quiet()
    assert await ends(sla, case) == ["missed", "met corrected"]
    (withdrawn,) = [s for s in await told(sla, case, *ESCALATIONS) if s.type == "escalation.withdrawn"]
    assert (withdrawn.data["escalation_id"], withdrawn.data["why"]) == (call.data["escalation_id"], "in_time")
    await intake.says(resolved(case))


async def test_broken_replies_are_set_aside_and_the_good_one_counts(
    sla: House, intake: Neighbour, routing: Neighbour
) -> None:
    opened = await silent(sla, intake, routing, "broken")
    call = await called(sla, opened.case_id, 1)
    wrong = {
        await replies(sla, call, "acknowledged", department="legal", id="b1"): "not_called",
        await replies(sla, call, "acknowledged", escalation_id="none", id="b2"): "unknown_escalation",
        await replies(sla, call, "acknowledged", case_id="none", id="b3"): "unknown_case",
        await replies(sla, call, "acknowledged", department="kitchen", id="b4"): "invalid",
        await replies(sla, call, "shrugged", id="b5"): "unknown_type",
        await sla.say("escalation-replies.v1", b"\xff{", key=opened.case_id): "bad_json",
    }
    good = await replies(sla, call, "acknowledged", by="李主管")
    await replies(sla, call, "acknowledged", by="李主管")
    await sla.quiet()
    aside = {item["id"]: item["reason"] for item in await quarantined(sla)}
    assert {place: aside.get(place) for place in wrong} == wrong
    assert good not in aside
    answers = [s for s in await told(sla, opened.case_id, "sla.v1") if s.type == "escalation.answered"]
    assert [(s.data["answer"], s.data["by"]) for s in answers] == [("acknowledged", "李主管")]
    await intake.says(resolved(opened.case_id))


async def quarantined(sla: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await sla.get("sla", "/v1/quarantine"))["items"]
    return found


async def test_SL_1_the_targets_of_a_case_can_be_looked_up(sla: House, intake: Neighbour) -> None:
    opened = case_opened("shown", channel="email")
    await intake.says(opened)
    await sla.quiet()
    shown = await sla.get("sla", f"/v1/cases/{opened.number}/targets")
    assert shown["case_id"] == opened.case_id
    targets = {target["target"]: target for target in shown["targets"]}
    resolution = targets["resolution"]
    assert resolution["policy"] == {"id": "*", "version": "2026-11.1"}
    assert (resolution["state"], resolution["limit_s"]) == ("running", 7200)
    assert resolution["used_s"] + resolution["remaining_s"] == pytest.approx(7200)
    due_at, started_at = (datetime.fromisoformat(resolution[name]) for name in ("due_at", "started_at"))
    assert due_at - started_at == timedelta(hours=2)
    unknown = await sla.ask("GET", "sla", "/v1/cases/none/targets")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/unknown_case")
    await intake.says(resolved(opened.case_id))


async def test_SL_5_a_department_sees_its_escalations_page_by_page(sla: House, intake: Neighbour) -> None:
    cases = [case_opened(f"listed-{n}", channel="chat") for n in range(3)]
    for opened in cases:
        await intake.says(opened)
    for opened in cases:
        await called(sla, opened.case_id, 1)
    key = sla.new_key("department")
    found = await pages(sla, key, department="frontline", status="open")
    assert {opened.case_id for opened in cases} <= {item["case_id"] for item in found}
    assert len({item["escalation_id"] for item in found}) == len(found)
    assert (await sla.ask("GET", "sla", f"/v1/cases/{cases[0].case_id}/targets", key=key)).status_code == 403
    mine = local_keys.add(sla.stack.paths.keys, "test-legal", "department", None, department="legal")
    assert await pages(sla, mine, status="open") == []
    for who, asked in ((mine, {"department": "frontline"}), (key, {})):
        answer = await sla.ask("GET", "sla", "/v1/escalations", key=who, **asked)
        assert answer.status_code == (403 if asked else 422)
    await intake.says(*(resolved(opened.case_id) for opened in cases))
    await sla.quiet()
    over = await pages(sla, key, department="frontline", status="over")
    assert {opened.case_id for opened in cases} <= {item["case_id"] for item in over if item["why"] == "done_late"}


async def pages(sla: House, key: str, **query: str) -> list[dict[str, Any]]:
    items, after = [], ""
    while True:
        answer = await sla.ask("GET", "sla", "/v1/escalations", key=key, limit="2", after=after, **query)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if (after := answer.json()["next"]) is None:
            return items


async def test_the_measures_tell_what_was_missed_who_is_called_and_how_long_the_calendars_last(
    sla: House, intake: Neighbour
) -> None:
    opened = case_opened("measured", channel="email")
    await intake.says(opened)
    await comes_to(sla, opened.case_id, "escalation", "missed", "missed", "missed")
    await eventually(lambda: measured(sla, 'escalations_open{department="management",level="3",service="sla"} 1.0'))
    await intake.says(resolved(opened.case_id))
    await eventually(lambda: measured(sla, 'escalations_open{department="management",level="3",service="sla"} 0.0'))
    assert await measured(sla, 'sla_targets_total{outcome="missed",service="sla",target="first_response"}')
    assert await measured(sla, 'sla_targets_total{outcome="late",service="sla",target="first_response"}')
    assert await measured(sla, 'calendar_days_left{calendar="business",service="sla"}')


async def measured(sla: House, line: str) -> bool:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        return f"switchboard_{line}" in (await client.get(sla.url("sla") + "/metrics")).text


async def test_all_that_was_read_is_read_again_and_nothing_changes(sla: House) -> None:
    """At first the events come once more that the stopped process had published and not yet crossed off."""
    assert await unsettled(sla) == []
    before = await states(sla)
    for record in await sla.said(*READS):
        key = record.key.decode() if record.key is not None else None
        await sla.say(record.topic, record.value, key=key, headers=record.raw_headers, partition=record.partition)
    await sla.quiet()
    assert await states(sla) == before
    await nothing_changes_when_read_again(sla, "sla", READS, GIVES)


async def states(sla: House) -> dict[str, Any]:
    return {body["_id"]: body.get("state") for body in (await sla.documents("sla"))["watches"]}


async def unsettled(sla: House) -> Iterable[str]:
    """Cases for which a clock still runs: they would go on by themselves."""
    await sla.quiet()
    return [body["_id"] for body in (await sla.documents("sla"))["watches"] if "due" in body]
