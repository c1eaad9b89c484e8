"""Asking a customer system (IN-8): from a file, over HTTP, and together under one deadline."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.intake.domain.customer import point_of
from services.intake.domain.found import Found
from services.intake.lookup.breaker import IN_A_ROW, PAUSE_S, Breaker
from services.intake.lookup.in_file import LOOK_AGAIN_S, FileLookUp, LookUpError
from services.intake.lookup.look import LookUps, Query
from services.intake.lookup.over_http import MOST_BYTES, HttpLookUp
from tests.unit.intake.given import RULES
from tests.waiting import eventually

WANG = Query({"order": "A1", "serial": "SN1"}, ("phone:+8613800138000",))
EXPORT = {
    "customers": [
        {
            "id": "C1",
            "tier": "gold",
            "phone": "138 0013 8000",
            "entitlements": [{"name": "延保", "until": "2027-05-01"}],
        }
    ],
    "orders": [{"order": "a1", "customer": "C1"}],
    "devices": [{"serial": "SN1", "customer": "C2", "device_model": "E500"}],
}
TABLES = {
    "customers": "id,tier,phone,entitlements\nC1,gold,138 0013 8000,延保:2027-05-01;priority\n",
    "orders": "order,customer\na1,C1\n",
}


def in_file(path: Path) -> FileLookUp:
    return FileLookUp(path, lambda kind, value: point_of(kind, value, RULES))


def written(tmp_path: Path, export: Any) -> Path:
    file = tmp_path / "crm.json"
    file.write_text(json.dumps(export), encoding="utf-8")
    return file


async def test_IN_8_an_export_knows_customers_by_any_spelling_of_their_point(tmp_path: Path) -> None:
    found = await in_file(written(tmp_path, EXPORT)).look(WANG)
    assert found is not None
    assert found.customer is not None
    assert (found.customer.id, found.customer.tier, found.customer.entitlements[0].until) == (
        "C1",
        "gold",
        "2027-05-01",
    )
    assert {name: known and known.customer for name, known in found.facts.items()} == {"order": "C1", "serial": "C2"}
    assert found.facts["serial"] is not None
    assert found.facts["serial"].facts == {"device_model": "E500"}


async def test_IN_8_a_directory_of_csv_tables_is_an_export(tmp_path: Path) -> None:
    for name, text in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    found = await in_file(tmp_path).look(WANG)
    assert found is not None
    assert found.customer is not None
    assert [(e.name, e.until) for e in found.customer.entitlements] == [("延保", "2027-05-01"), ("priority", None)]
    assert found.facts == {"order": found.facts["order"], "serial": None}


@pytest.mark.parametrize(
    ("export", "says"),
    [
        ([], "an object"),
        ({"customers": [{"tier": "gold"}]}, r"customers\[0\]: id is missing"),
        ({"planets": [{"order": "A1"}]}, r"planets\[0\]: there is no table planets"),
        ({"customers": [{"id": "C1", "entitlements": [{"name": "x", "until": "soon"}]}]}, "until"),
    ],
)
def test_PF_4_an_export_that_can_not_be_used_is_refused_naming_the_place(
    tmp_path: Path, export: Any, says: str
) -> None:
    with pytest.raises(LookUpError, match=says):
        in_file(written(tmp_path, export))


async def test_IN_8_a_changed_export_is_taken_and_a_broken_one_is_not(tmp_path: Path) -> None:
    file = written(tmp_path, EXPORT)
    lookup, steady = in_file(file), [time.monotonic()]
    lookup.steady = lambda: steady[0]

    async def tier_after(text: str) -> str | None:
        file.write_text(text, encoding="utf-8")
        os.utime(file, ns=(0, int(steady[0] * 1e9)))
        steady[0] += 2 * LOOK_AGAIN_S
        found = await lookup.look(WANG)
        return found.customer.tier if found and found.customer else None

    assert await tier_after(json.dumps(EXPORT).replace("gold", "platinum")) == "platinum"
    assert await tier_after("{") == "platinum"


Answers = Callable[[httpx.Request], httpx.Response]


def over_http(answers: Answers) -> HttpLookUp:
    return HttpLookUp("https://crm.example/look", "secret", 1.0, transport=httpx.MockTransport(answers))


async def test_IN_8_over_http_the_facts_and_points_are_asked_for() -> None:
    asked = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append((request.headers["authorization"], json.loads(request.content)))
        return httpx.Response(200, json={"source": "crm", "customer": {"id": "C1"}, "facts": {"order": None}})

    found = await over_http(answers).look(WANG)
    assert found == Found.model_validate({"source": "crm", "customer": {"id": "C1"}, "facts": {"order": None}})
    assert asked == [("Bearer secret", {"facts": {"order": "A1", "serial": "SN1"}, "points": ["phone:+8613800138000"]})]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"customer": {"tier": "gold"}}),
        httpx.Response(200, json={"source": "x" * MOST_BYTES}),
    ],
    ids=["an error", "a redirect", "no json", "another form", "too much"],
)
async def test_IN_8_what_is_no_answer_is_none(answer: httpx.Response) -> None:
    seen = []

    def answers(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return answer

    assert await over_http(answers).look(WANG) is None
    assert seen == ["crm.example"], "nobody else is asked"


async def test_IN_8_a_customer_system_that_fails_in_a_row_is_not_asked_for_a_while() -> None:
    asked = []

    def answers(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(500)

    lookup = over_http(answers)
    for _ in range(IN_A_ROW + 3):
        assert await lookup.look(WANG) is None
    assert len(asked) == IN_A_ROW


def test_IN_8_the_breaker_lets_one_through_after_its_pause_and_closes_when_that_works() -> None:
    now = [0.0]
    breaker = Breaker(steady=lambda: now[0])
    for _ in range(IN_A_ROW):
        breaker.failed()
    assert not breaker.lets_through()
    now[0] = PAUSE_S
    assert [breaker.lets_through(), breaker.lets_through()] == [True, False]
    breaker.failed()
    assert not breaker.lets_through()
    now[0] = 2 * PAUSE_S
    assert breaker.lets_through()
    breaker.worked()
    assert breaker.lets_through()


class Slow:
    """Answers for one order only; says nothing of the others."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.given_up = 0

    async def look(self, query: Query) -> Found | None:
        self.asked.append(query.facts["order"])
        if query.facts["order"] == "bug":
            raise KeyError("an error of ours")
        if query.facts["order"] == "quick":
            return Found(source="crm")
        try:
            await asyncio.Event().wait()
        finally:
            self.given_up += 1
        return None


async def test_IN_8_a_batch_waits_once_and_not_for_the_slow_ones() -> None:
    crm = Slow()
    orders = ["slow", "quick", "slow", "bug", *(f"slow-{n}" for n in range(50))]
    began = time.monotonic()
    found = await LookUps(crm, within_s=0.05).ask([Query({"order": order}, ()) for order in orders])
    assert [answer and answer.source for answer in found] == [None, "crm", *([None] * 52)]
    assert time.monotonic() - began < 2.0
    assert crm.asked.count("slow") == 1, "the same is asked once"
    await eventually(lambda: crm.given_up == 51)


async def test_IN_8_calls_that_were_too_slow_open_the_breaker() -> None:
    asked = []

    async def never(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        await asyncio.Event().wait()
        return httpx.Response(200)

    crm = HttpLookUp("https://crm.example/look", "", 0.05, transport=httpx.MockTransport(never))
    queries = [Query({"order": f"A{n}"}, ()) for n in range(IN_A_ROW)]
    assert await LookUps(crm, within_s=0.05).ask(queries) == [None] * IN_A_ROW
    assert await LookUps(crm, within_s=60.0).ask(queries) == [None] * IN_A_ROW
    assert len(asked) == IN_A_ROW


async def test_IN_8_a_call_that_was_given_up_early_for_the_others_sake_opens_no_breaker() -> None:
    well = asyncio.Event()

    async def at_last(request: httpx.Request) -> httpx.Response:
        await well.wait()
        return httpx.Response(200, json={"source": "crm", "customer": None, "facts": {}})

    crm = HttpLookUp("https://crm.example/look", "", 60.0, transport=httpx.MockTransport(at_last))
    queries = [Query({"order": f"A{n}"}, ()) for n in range(IN_A_ROW)]
    assert await LookUps(crm, within_s=0.05).ask(queries) == [None] * IN_A_ROW
    well.set()
    assert None not in await LookUps(crm, within_s=60.0).ask(queries)
