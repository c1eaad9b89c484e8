"""Facts that a customer system did not answer for are looked up again by whoever owns the case (IN-8, IN-24)."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from services.intake.domain.found import Found
from services.intake.lookup.look import LookUps, Query
from services.intake.rechecks import Rechecks
from shared.ids import contact_id, named
from tests.simulation.invariants import events_of
from tests.simulation.test_bursts import played
from tests.simulation.test_scripted import until
from tests.simulation.world import World

CASE = named("case", contact_id("chat", "c1"))
BODY = {
    "source": "chat", "id": "c1", "channel": "chat", "text": "订单 B20261121-553 还没到",
    "customer": {"phone": "+8613800138000"},
}  # fmt: skip
ANSWER = Found.model_validate(
    {
        "source": "crm",
        "customer": {"id": "C1", "tier": "gold", "entitlements": [{"name": "延保", "until": "2027-05-01"}]},
        "facts": {"order": {"customer": "C2"}},
    }
)


class Crm:
    """Keeps everybody waiting until it is `well`."""

    well = False

    def __init__(self) -> None:
        self.asked: list[Query] = []

    async def look(self, query: Query) -> Found | None:
        self.asked.append(query)
        if not self.well:
            await asyncio.Event().wait()
        return ANSWER


def asks(world: World, crm: Crm) -> None:
    for name, running in world.running.items():
        if name.startswith("intake-"):
            cases: Any = running.parts.stores[0]
            cases.lookups = LookUps(crm, 0.3)


async def turn_of_all(world: World, crm: Crm) -> None:
    """Both replicas at once; only the owner of the case has anything to do."""
    mine: Sequence[Any] = [r for name, r in world.running.items() if name.startswith("intake-")]
    await asyncio.gather(*(Rechecks(r, r.parts.stores[0], LookUps(crm, 0.3)).turn() for r in mine))


def case_of(world: World) -> dict[str, Any]:
    return world.states("intake", "cases").get(CASE, {})


def test_IN_8_IN_24_a_slow_crm_keeps_no_contact_waiting_and_its_answer_comes_later() -> None:
    crm = Crm()

    async def story(world: World) -> None:
        asks(world, crm)
        world.broker.write("contacts.v1", orjson.dumps(BODY), b"chat:c1")
        case = await until(lambda: case_of(world))
        assert [check["status"] for check in case["fact_checks"]] == ["unchecked"]
        await asyncio.sleep(29)
        await turn_of_all(world, crm)
        assert len(crm.asked) == 1, "it is not asked again before its time"
        await asyncio.sleep(2)
        await turn_of_all(world, crm)
        assert (len(crm.asked), case_of(world)["rechecks"]) == (2, 1)
        crm.well = True
        await asyncio.sleep(61)
        await turn_of_all(world, crm)
        await turn_of_all(world, crm)

    world = played(story)
    assert len(crm.asked) == 3
    case, (customer,) = case_of(world), world.states("intake", "customers").values()
    assert [(check["status"], check["why"]) for check in case["fact_checks"]] == [("mismatch", "other_customer")]
    assert (list(case["flags"]), case["tier"], customer["tier"]) == (["fact_mismatch"], "gold", "gold")
    assert customer["entitlements"] == case["entitlements"]
    types = [dict(record.headers)["ce_type"].decode() for record in events_of(world, "cases.v1", CASE)]
    assert types == ["case.opened", "case.facts_checked"]


class OfOrders(Crm):
    """Knows nobody who names no order, and says so at once."""

    async def look(self, query: Query) -> Found | None:
        return await super().look(query) if query.facts else Found(source="crm")


def lower_mail() -> str:
    """A mail address whose owner is the one who stays, once he turns out to be the caller."""
    goes = named("customer", "phone:+8613800138000")
    mails = (f"u{n}@b.example" for n in range(100))
    return next(mail for mail in mails if named("customer", f"email:{mail}") < goes)


def test_IN_24_a_late_answer_counts_for_who_the_customer_is_by_then() -> None:
    crm, mail = OfOrders(), lower_mail()
    stays = named("customer", f"email:{mail}")

    async def story(world: World) -> None:
        asks(world, crm)
        world.broker.write("contacts.v1", orjson.dumps(BODY), b"chat:c1")
        case = await until(lambda: case_of(world))
        for n, customer in enumerate(({"email": mail}, {"email": mail, "phone": "+8613800138000"})):
            said = {"source": "chat", "id": f"m{n}", "channel": "chat", "text": "你好", "customer": customer}
            world.broker.write("contacts.v1", orjson.dumps(said), b"chat:m")
        customers = partial(world.states, "intake", "customers")
        await until(lambda: customers().get(case["customer_id"], {}).get("merged_into") == stays)
        crm.well = True
        await asyncio.sleep(31)
        await turn_of_all(world, crm)
        assert [one["name"] for one in customers()[stays]["entitlements"]] == ["warranty"]

    played(story)
