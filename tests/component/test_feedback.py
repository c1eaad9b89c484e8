"""Feedback over a real broker and database, its pages in a real browser; its neighbours are played by the test."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright
from pymongo import MongoClient

from services.feedback.domain.link import token_of
from services.feedback.domain.period import month_at
from services.feedback.store import OUTCOMES, improving_as, improving_in
from shared.clock import utc_now
from shared.events.cases import CaseClosed, CaseReopened, CaseResolved
from shared.events.sla import PolicyRef, TargetMissed
from shared.indexes import indexes_of
from tests.component.conftest import Alone
from tests.component.neighbours import (
    Neighbour,
    case_assigned,
    case_opened,
    ids,
    nothing_changes_when_read_again,
    put_rules,
)
from tests.e2e.house import House, Said
from tests.waiting import eventually

pytestmark = pytest.mark.stack
READS, GIVES = ("cases.v1", "assignments.v1", "sla.v1", "notifications.v1"), ("feedback.v1",)
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
GOOD = {"attitude": 5, "speed": 4, "clarity": 5, "effort": 4, "solved": True, "recommend": 9, "words": "很满意"}
BAD = {"attitude": 1, "speed": 1, "solved": False, "words": "等了三天没人理，推来推去"}


@pytest.fixture(scope="module")
async def feedback(alone: Alone, rules: Path) -> AsyncIterator[House]:
    """The customer is asked a second after closing."""
    put_rules(rules, "feedback", "surveys", ask_after="1s")
    async with alone("feedback") as house:
        yield house


@pytest.fixture(scope="module")
def intake(feedback: House) -> Neighbour:
    return Neighbour(feedback, "intake")


@pytest.fixture(scope="module")
def routing(feedback: House) -> Neighbour:
    return Neighbour(feedback, "routing")


@pytest.fixture(scope="module")
def sla(feedback: House) -> Neighbour:
    return Neighbour(feedback, "sla")


@pytest.fixture(scope="module")
async def customer() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody with a link and no key."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def chromium_there() -> None:
    assert CHROMIUM.exists(), "no Chromium; install it with: sudo apt-get install -y chromium fonts-noto-cjk"


@pytest.fixture(scope="module")
async def browser(chromium_there: None) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


class Cases:
    """Cases as they come and go at the neighbours."""

    def __init__(self, feedback: House, intake: Neighbour, routing: Neighbour) -> None:
        self.feedback, self.intake, self.routing = feedback, intake, routing

    async def handled(self, name: str, agent: str = "Z01", team: str = "支付组", **opened: Any) -> str:
        """Opened, assigned, resolved and closed; returns its id."""
        event = case_opened(name, **opened)
        case = event.case_id
        await self.intake.says(event)
        self.routing.has_seen(case, cases=1)
        await self.routing.says(case_assigned(case, agent, team=team).model_copy(update={"supervisor": "S01"}))
        self.intake.has_seen(case, assignments=1)
        await self.intake.says(CaseResolved(**ids(case), by=agent, resolution="已退款"), closed(case, agent))
        return case

    async def asked(self, name: str, agent: str = "Z01", team: str = "支付组", **opened: Any) -> str:
        """The link that the customer of a closed case is sent."""
        return await self.link(await self.handled(name, agent, team, **opened))

    async def link(self, case: str, nth: int = 1) -> str:
        async def requested() -> list[Said]:
            return (await story(self.feedback, case, "survey.requested"))[nth - 1 :]

        return str((await eventually(requested, 20))[0].data["url"])


@pytest.fixture(scope="module")
def cases(feedback: House, intake: Neighbour, routing: Neighbour) -> Cases:
    return Cases(feedback, intake, routing)


def closed(case: str, agent: str = "Z01") -> CaseClosed:
    return CaseClosed(**ids(case), by=agent, how="agent", agent_id=agent)


async def story(feedback: House, case: str, *types: str) -> list[Said]:
    """What was given out about the case, each event once, in order."""
    events = {said.id: said for said in await feedback.said("feedback.v1") if said.subject == case}
    in_order = sorted(events.values(), key=lambda event: event.sequence)
    return [event for event in in_order if not types or event.type in types]


async def told(feedback: House, case: str, count: int) -> list[str]:
    """The types of what was given out, once so much was."""

    async def so_much() -> list[str] | None:
        types = [event.type for event in await story(feedback, case)]
        return types if len(types) >= count else None

    return list(await eventually(so_much, 20))


def case_of(feedback: House, name: str) -> str:
    return case_opened(name).case_id


async def test_S4_a_bad_survey_becomes_one_improvement_and_the_figures_show_it(
    feedback: House, cases: Cases, sla: Neighbour, customer: httpx.AsyncClient
) -> None:
    case = await cases.handled("bad", "Z04", "退款组")
    sla.has_seen(case, cases=3)
    policy = PolicyRef(id="default", version="1")
    await sla.says(TargetMissed(**ids(case), target="resolution", at=utc_now(), policy=policy, late_s=60))
    link = await cases.link(case)
    answer = await customer.post(link, json=BAD)
    assert (answer.status_code, answer.json()["status"], answer.json()["revision"]) == (200, "answered", 1)
    assert await told(feedback, case, 3) == ["survey.requested", "survey.answered", "improvement.opened"]
    requested, answered, opened = await story(feedback, case)
    assert answered.data["survey_id"] == requested.data["survey_id"] == opened.data["survey_id"]
    assert (answered.data["csat"], answered.data["bad"], answered.data["agent_id"]) == (1.0, True, "Z04")
    assert (opened.data["person"], opened.data["supervisor"]) == ("Z04", "S01")
    assert opened.data["department"] == "frontline"
    assert len(opened.data["criteria"]) == 3
    found = await feedback.get("feedback", "/v1/improvements", status="open", person="Z04")
    assert [(item["improvement_id"], item["words"]) for item in found["items"]] == [
        (opened.data["improvement_id"], BAD["words"])
    ]
    kpis = await feedback.get("feedback", "/v1/kpis", by="agent")
    row = next(item for item in kpis["items"] if item["key"] == "Z04")
    assert (row["taken"], row["resolved"], row["csat"], row["answers"], row["sla_kept"]) == (1, 1, 1.0, 1, 0.0)


async def test_FB_2_an_improvement_is_closed_with_the_proof_of_before_and_after(
    feedback: House, cases: Cases, customer: httpx.AsyncClient
) -> None:
    case = await cases.handled("improved")
    await customer.post(await cases.link(case), json=BAD)
    await told(feedback, case, 3)
    (opened,) = await story(feedback, case, "improvement.opened")
    path = f"/v1/improvements/{opened.data['improvement_id']}"
    assert (await feedback.ask("PATCH", "feedback", path, {"person": "Z02", "note": "转交"})).status_code == 200
    missing = await feedback.ask("PATCH", "feedback", path, {"status": "closed", "measure": "辅导", "before": 2.1})
    assert (missing.status_code, missing.json()["field"]) == (422, "after")
    done = {"status": "closed", "measure": "辅导", "before": 2.1, "after": "4.6"}
    no_better = await feedback.ask("PATCH", "feedback", path, done | {"before": " 4.6"})
    assert (no_better.status_code, no_better.json()["field"]) == (422, "after")
    answers = [await feedback.ask("PATCH", "feedback", path, done) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["status"], answers[0].json()["before"], answers[0].json()["person"]) == (
        "closed", "2.1", "Z02",
    )  # fmt: skip
    other = await feedback.ask("PATCH", "feedback", path, done | {"after": "5"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/closed_already")
    assert (await told(feedback, case, 5))[3:] == ["improvement.changed", "improvement.closed"]
    (changed,) = await story(feedback, case, "improvement.changed")
    assert (changed.data["person"], changed.data["note"]) == ("Z02", "转交")
    month = await feedback.get("feedback", f"/reports/{utc_now():%Y-%m}.json")
    assert month["improvements"]["opened"] >= month["improvements"]["closed"] >= 1
    assert month["answers_in"] >= 1
    for query in ({"status": "closed"}, {"person": "Z02"}, {"overdue": "false"}, {}):
        found = await feedback.get("feedback", "/v1/improvements", **query)
        assert opened.data["improvement_id"] in [item["improvement_id"] for item in found["items"]]
    still = await feedback.get("feedback", "/v1/improvements", status="open", person="Z02")
    assert still["items"] == []
    unknown = await feedback.ask("PATCH", "feedback", "/v1/improvements/none", done)
    assert unknown.status_code == 404


async def test_FB_2_improvements_are_listed_page_by_page_each_once(
    feedback: House, cases: Cases, customer: httpx.AsyncClient
) -> None:
    for number in range(3):
        await customer.post(await cases.asked(f"page {number}"), json=BAD)
    await feedback.quiet()
    every = [item["improvement_id"] for item in (await feedback.get("feedback", "/v1/improvements"))["items"]]
    shown: list[str] = []
    after = ""
    while len(shown) < len(every):
        page = await feedback.get("feedback", "/v1/improvements", limit="1", after=after)
        shown += [item["improvement_id"] for item in page["items"]]
        after = page["next"] or ""
    assert (shown, after) == (every, "")


async def test_FB_7_how_easy_it_was_is_asked_and_averaged(
    feedback: House, cases: Cases, customer: httpx.AsyncClient
) -> None:
    for name, effort in (("hard", "1"), ("easy", "4"), ("not said", "")):
        link = await cases.asked(name, "Z07", "费力组")
        await customer.post(link, data={"attitude": "5", "speed": "5", "solved": "yes", "effort": effort})
    kpis = await feedback.get("feedback", "/v1/kpis", by="team")
    assert [item["ces"] for item in kpis["items"] if item["key"] == "费力组"] == [2.5]


async def test_FB_2_who_may_not_change_improvements_is_refused(feedback: House) -> None:
    for role, reads, writes in (("auditor", 200, 403), ("quality", 200, 404), ("channel", 403, 403)):
        key = feedback.new_key(role)
        assert (await feedback.ask("GET", "feedback", "/v1/improvements", key=key)).status_code == reads
        body = {"note": "x"}
        answer = await feedback.ask("PATCH", "feedback", "/v1/improvements/none", body, key=key)
        assert answer.status_code == writes


async def test_FB_1_a_case_reopened_in_time_is_not_asked_about_until_it_is_closed_again(
    feedback: House, cases: Cases, intake: Neighbour
) -> None:
    case = await cases.handled("reopened")
    await intake.says(CaseReopened(**ids(case), by="customer", reason="还是不行"))
    await cases.asked("closed later")
    assert await story(feedback, case) == []
    await intake.says(CaseResolved(**ids(case), by="Z01", resolution="好了"), closed(case))
    await cases.link(case)
    assert len(await story(feedback, case)) == 1


async def test_FB_1_a_drill_is_not_asked_about_and_counts_nowhere(feedback: House, cases: Cases) -> None:
    case = await cases.handled("drill", "Z09", "演练组", drill=True)
    await cases.asked("after the drill")
    assert await story(feedback, case) == []
    kpis = await feedback.get("feedback", "/v1/kpis", by="team")
    assert "演练组" not in [item["key"] for item in kpis["items"]]


async def test_FB_1_the_same_answers_again_change_nothing_and_others_correct_them(
    feedback: House, cases: Cases, customer: httpx.AsyncClient
) -> None:
    case = await cases.handled("corrected")
    link = await cases.link(case)
    revisions = [(await customer.post(link, json=said)).json()["revision"] for said in (GOOD, GOOD, BAD, GOOD, BAD)]
    assert revisions == [1, 1, 2, 3, 4]
    types = await told(feedback, case, 6)
    assert types.count("survey.answered") == 4
    assert types.count("improvement.opened") == 1
    assert types.index("improvement.opened") == 3


async def test_FB_1_many_answers_at_once_are_one(feedback: House, cases: Cases, customer: httpx.AsyncClient) -> None:
    case = await cases.handled("pressed ten times")
    link = await cases.link(case)
    answers = await asyncio.gather(*(customer.post(link, json=BAD) for _ in range(10)))
    assert {(answer.status_code, answer.json()["revision"]) for answer in answers} == {(200, 1)}
    assert await told(feedback, case, 3) == ["survey.requested", "survey.answered", "improvement.opened"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (GOOD | {"attitude": 6}, "attitude"),
        (GOOD | {"speed": 0}, "speed"),
        (GOOD | {"recommend": 11}, "recommend"),
        (GOOD | {"clarity": "5"}, "clarity"),
        ({"attitude": 5, "speed": 5}, "solved"),
        (GOOD | {"words": "长" * 2001}, "words"),
        (GOOD | {"price": 3}, "price"),
    ],
)
async def test_FB_1_what_is_out_of_range_is_refused_by_its_field_and_not_stored(
    feedback: House, cases: Cases, customer: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    case = await cases.handled(f"out of range {field}")
    answer = await customer.post(await cases.link(case), json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [event.type for event in await story(feedback, case)] == ["survey.requested"]


async def test_FB_1_a_megabyte_of_words_is_refused_and_not_stored(
    feedback: House, cases: Cases, customer: httpx.AsyncClient
) -> None:
    case = await cases.handled("a megabyte")
    link = await cases.link(case)
    as_json = await customer.post(link, json=GOOD | {"words": "x" * 1024 * 1024})
    as_form = await customer.post(link, data={"attitude": "5", "speed": "5", "words": "x" * 1024 * 1024})
    assert (as_json.status_code, as_form.status_code) == (413, 413)
    assert "没有保存" in as_form.text
    assert [event.type for event in await story(feedback, case)] == ["survey.requested"]


async def test_FB_1_a_forged_link_is_told_from_one_that_is_over(
    feedback: House, cases: Cases, customer: httpx.AsyncClient, rules: Path
) -> None:
    answered, unanswered = await cases.asked("answered long ago"), await cases.asked("in time")
    await customer.post(answered, json=GOOD)
    forged = token_of(b"another secret", case_of(feedback, "in time"), 1)
    for token in (forged, "x", unanswered[-44:-1], unanswered[-44:-2] + "AA"):
        link = unanswered[:-44] + token
        assert {(await customer.get(link)).status_code, (await customer.post(link, json=GOOD)).status_code} == {404}
    put_rules(rules, "feedback", "surveys", ask_after="1s", expires_after="1s", correct_within="1s")

    async def too_late_to_correct() -> bool:
        return (await customer.get(answered)).status_code == 410

    await eventually(too_late_to_correct)
    try:
        case = await cases.handled("expired")
        link = await cases.link(case)
        assert (await told(feedback, case, 2))[1:] == ["survey.expired"]
    finally:
        put_rules(rules, "feedback", "surveys", ask_after="1s")
    page = await customer.post(link, data={"attitude": "5", "speed": "5", "solved": "yes"})
    assert (page.status_code, "评价时间已过" in page.text) == (410, True)
    problem = await customer.post(link, json=GOOD)
    assert (problem.status_code, problem.json()["type"]) == (410, "/problems/survey_over")

    async def may_be_corrected_again() -> bool:
        return (await customer.get(answered)).status_code == 200

    await eventually(may_be_corrected_again)
    assert (await customer.get(unanswered)).status_code == 200


async def test_FB_1_the_page_needs_nothing_from_elsewhere_and_no_key(cases: Cases, customer: httpx.AsyncClient) -> None:
    link = await cases.asked("strict")
    for answer in (await customer.get(link), await customer.post(link, data={})):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert "重复扣款" not in answer.text


async def test_FB_1_a_form_with_fields_that_are_not_ours_is_taken(cases: Cases, customer: httpx.AsyncClient) -> None:
    strange = {"copy": "1", "json": "1", "model_config": "1"}
    link = await cases.asked("strange fields")
    assert (await customer.post(link, data=strange)).status_code == 422
    taken = await customer.post(link, data={"attitude": "5", "speed": "5", "solved": "yes"} | strange)
    assert (taken.status_code, "谢谢您的评价" in taken.text) == (200, True)
    assert (await customer.post(link, json=GOOD | strange)).status_code == 422


async def test_FB_1_a_link_can_be_looked_at_without_its_page(cases: Cases, customer: httpx.AsyncClient) -> None:
    link = await cases.asked("a mail scanner")
    for url in (link, link[:-44] + "x"):
        page, head = await customer.get(url), await customer.head(url)
        assert (head.status_code, head.content) == (page.status_code, b"")
        same = ("content-type", "content-length", "content-security-policy", "cache-control")
        assert [head.headers[name] for name in same] == [page.headers[name] for name in same]


async def test_FB_1_a_link_that_leads_nowhere_says_so_as_a_page(
    feedback: House, cases: Cases, customer: httpx.AsyncClient
) -> None:
    link = await cases.asked("a broken link")
    browser = {"accept": "text/html"}
    for url in (f"{link}/x", f"{link}/x/y", f"{feedback.url('feedback')}/s/"):
        page = await customer.get(url, headers=browser)
        assert (page.status_code, "没有找到这份评价" in page.text) == (404, True)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert (await customer.get(url)).json()["type"] == "/problems/unknown_survey"
        assert (await customer.head(url, headers=browser)).status_code == 404


async def opened_page(browser: Browser, link: str, size: dict[str, int]) -> Page:
    """Without JavaScript, as strict people browse."""
    context = await browser.new_context(viewport=size, java_script_enabled=False)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(link)
    return page


async def choose(page: Page, **values: str) -> None:
    for name, value in values.items():
        await page.check(f'input[name="{name}"][value="{value}"]')


async def test_FB_1_a_customer_answers_on_his_phone_in_chinese(feedback: House, cases: Cases, browser: Browser) -> None:
    case = await cases.handled("phone")
    page = await opened_page(browser, await cases.link(case), PHONE)
    assert await page.locator("html").get_attribute("lang") == "zh-CN"
    await choose(page, solved="yes", attitude="5", speed="2", effort="2", recommend="7")
    await page.fill("textarea", "等太久\n不过解决了 <b>&")
    await page.get_by_role("button", name="提交").click()
    assert await page.get_by_role("heading").inner_text() == "谢谢您的评价"
    assert (await told(feedback, case, 3))[1:] == ["survey.answered", "improvement.opened"]
    (answered,) = await story(feedback, case, "survey.answered")
    assert answered.data["words"] == "等太久\n不过解决了 <b>&"
    assert answered.data["scores"] == {
        "attitude": 5, "speed": 2, "clarity": None, "effort": 2, "recommend": 7, "solved": True,
    }  # fmt: skip
    await page.get_by_role("link", name="更正我的评价").click()
    await choose(page, solved="yes", attitude="5", speed="3")
    await page.get_by_role("button", name="提交").click()
    assert (await told(feedback, case, 4))[3:] == ["survey.answered"]
    await page.context.close()


async def test_FB_1_what_is_missing_is_named_and_what_was_entered_is_kept(
    feedback: House, cases: Cases, browser: Browser, customer: httpx.AsyncClient
) -> None:
    case = await cases.handled("laptop", language="en")
    link = await cases.link(case)
    page = await opened_page(browser, link, LAPTOP)
    await page.get_by_role("link", name="中文").click()
    await page.get_by_role("link", name="English").click()
    await page.get_by_role("button", name="Send").click()
    assert await page.get_by_role("heading", name="How did we do?").is_visible()  # the browser asks for the rest
    answer = await customer.post(link, data={"attitude": "4", "speed": "9", "words": "kept <i>"})
    assert answer.status_code == 422
    assert "Please choose one" in answer.text
    assert "kept &lt;i&gt;" in answer.text
    assert 'value="4" aria-label="4 good" required checked' in answer.text
    await choose(page, solved="yes", attitude="5", speed="5", clarity="5")
    await page.get_by_role("button", name="Send").click()
    assert await page.get_by_role("heading").inner_text() == "Thank you for your answer"
    assert await told(feedback, case, 2) == ["survey.requested", "survey.answered"]
    await page.context.close()


def sums(items: list[dict[str, Any]]) -> dict[str, int]:
    counted = ("taken", "resolved", "first_contact", "promised", "surveys", "answers")
    return {name: sum(item[name] for item in items) for name in counted}


async def test_FB_7_agents_add_up_to_teams_and_teams_to_the_whole(feedback: House, cases: Cases) -> None:
    for number, (agent, team) in enumerate((("Z01", "支付组"), ("Z02", "支付组"), ("Z03", "物流组"))):
        await cases.handled(f"counted {number}", agent, team, facts={"device_model": f"R{number % 2}"})
    await feedback.quiet()
    wholes = []
    for by in ("agent", "team", "category", "product"):
        kpis = await feedback.get("feedback", "/v1/kpis", by=by)
        assert sums(kpis["items"]) == sums([kpis["whole"]]), by
        wholes.append(kpis["whole"])
    agents = (await feedback.get("feedback", "/v1/kpis", by="agent"))["items"]
    for team in (await feedback.get("feedback", "/v1/kpis", by="team"))["items"]:
        assert sums([team]) == sums([agent for agent in agents if agent["team"] == team["key"]])
    assert wholes == wholes[:1] * 4


async def test_FB_7_an_agent_sees_only_his_own_figures(feedback: House) -> None:
    key = feedback.new_key("agent")
    unnamed = await feedback.ask("GET", "feedback", "/v1/kpis", key=key)
    assert unnamed.status_code == 403
    own = await feedback.ask("GET", "feedback", "/v1/kpis", key=key, agent="Z04")
    assert [item["key"] for item in own.json()["items"]] == ["Z04"]
    assert own.json()["whole"]["taken"] == 1


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-13-01"}, "to"),
        ({"from": "2026-02-01", "to": "2026-01-01"}, "from"),
        ({"by": "colour"}, "by"),
    ],
)
async def test_FB_7_a_wrong_period_is_named(feedback: House, params: dict[str, str], field: str) -> None:
    answer = await feedback.ask("GET", "feedback", "/v1/kpis", **params)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def _all_are_asked(feedback: House) -> bool:
    """Whoever was to be asked by now: figures that stand still can be compared."""
    outcomes = (await feedback.documents("feedback"))["outcomes"]
    soon = utc_now().replace(tzinfo=None) + timedelta(seconds=30)  # as this client reads moments
    return not any(one["state"]["ask_at"] and one["state"]["ask_at"] <= soon for one in outcomes)


async def test_FB_6_the_month_is_the_same_as_page_json_and_csv(feedback: House, browser: Browser) -> None:
    month = f"{utc_now():%Y-%m}"
    await eventually(lambda: _all_are_asked(feedback))
    report = await feedback.get("feedback", f"/reports/{month}.json")
    kpis = await feedback.get("feedback", "/v1/kpis", by="team")
    assert report["whole"] == kpis["whole"]
    assert {team["key"]: team["figures"]["taken"] for team in report["teams"]} == {
        team["key"]: team["taken"] for team in kpis["items"]
    }
    assert sum(day["opened"] for day in report["days"]) == report["whole"]["taken"]
    assert sum(report["stars"]) == report["whole"]["answers"]
    assert report["improvements"]["opened"] >= 4
    assert len(report["findings"]) >= 2
    sheet = (await feedback.ask("GET", "feedback", f"/reports/{month}.csv")).content.decode("utf-8-sig")
    lines = {line["field"]: line["value"] for line in csv.DictReader(sheet.splitlines())}
    assert lines["whole.taken"] == str(report["whole"]["taken"])
    assert lines["teams.1.key"] == report["teams"][0]["key"]
    page = await (await browser.new_context(viewport=PHONE, java_script_enabled=False)).new_page()  # type: ignore[arg-type]
    await page.goto(f"{feedback.url('feedback')}/reports/{month}")
    await page.fill("input[name=key]", feedback.new_key("quality"))
    await page.click("button")
    await page.wait_for_url(f"{feedback.url('feedback')}/reports/{month}")
    assert str(report["whole"]["taken"]) in await page.locator(".tile").first.inner_text()
    assert await page.locator("svg").first.is_visible()
    await page.context.close()


@pytest.mark.parametrize(
    ("month", "status", "type_"),
    [("2999-01", 404, "month_to_come"), ("2026-13", 422, "invalid"), ("november", 422, "invalid"),
     ("2026-01.pdf", 404, "not_found")],
)  # fmt: skip
async def test_FB_6_a_month_to_come_or_none_is_said_to_be_so(
    feedback: House, month: str, status: int, type_: str
) -> None:
    answer = await feedback.ask("GET", "feedback", f"/reports/{month}")
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{type_}")


async def test_FB_6_a_month_without_cases_says_so(feedback: House) -> None:
    answer = await feedback.ask("GET", "feedback", "/reports/2020-02")
    assert (answer.status_code, "本月没有工单" in answer.text) == (200, True)


async def test_an_answer_is_counted_by_its_stars(feedback: House, cases: Cases, customer: httpx.AsyncClient) -> None:
    async def count() -> float:
        lines = (await feedback.ask("GET", "feedback", "/metrics")).text.splitlines()
        wanted = 'switchboard_survey_answers_total{score="3",service="feedback"}'
        return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))

    link, before = await cases.asked("counted"), await count()
    for solved in (True, False):
        await customer.post(link, json={"attitude": 3, "speed": 2, "solved": solved})
    assert await count() == before + 1


OLD = utc_now() - timedelta(days=400)


def kept(number: int) -> dict[str, Any]:
    """A case whose improvement was closed long ago; of a few it was closed now, is open, or is Z09's."""
    improved = [OLD, utc_now()] if number < 2 else [OLD]
    body = {"improvements": [str(number)], "improved": improved, "improve_due": [OLD], "improvers": ["Z01"]}
    special = {2: {"improving": True}, 3: {"improvers": ["Z09"]}, 4: {"improve_due": [utc_now()]}}
    return {"_id": str(number), "ix": body | special.get(number, {})}


def test_FB_6_improvements_are_found_by_index_among_all_that_ever_were(mongo: str, database: str) -> None:
    now = utc_now()
    month, later = month_at(now, "Asia/Shanghai"), now - timedelta(hours=1)
    with MongoClient[dict[str, Any]](mongo) as client:
        outcomes = client[database]["outcomes"]
        outcomes.create_indexes(indexes_of(OUTCOMES.indexes, OUTCOMES.unique))
        outcomes.insert_many([kept(number) for number in range(300)])
        for query, count in (
            (improving_in(month), 3),
            (improving_as({"status": "open"}, None), 1),
            (improving_as({"person": "Z09"}, None), 1),
            (improving_as({}, (later, "")), 1),
        ):
            ran = outcomes.find(query).explain()["executionStats"]
            assert ran["nReturned"] == count, query
            assert ran["totalDocsExamined"] <= 2 * count, query


async def test_all_that_was_read_is_read_again_and_nothing_changes(feedback: House) -> None:
    await nothing_changes_when_read_again(feedback, "feedback", READS, GIVES)
