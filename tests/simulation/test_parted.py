"""A person says that two customers are one, or are not (IN-3), through what the doors do over the real stores."""

from typing import Any

import pytest

from services.intake.api_customers import OtherCustomer, merge_customers, part_customers
from services.intake.domain.customer import Customer
from services.intake.store import Cases
from shared.access import Principal
from shared.decisions import Refused
from shared.fold import Change, Outcome
from tests.simulation.scheduler import run
from tests.simulation.test_who_is_told import MAIL, intake, says

STEWARD = Principal("S01", "supervisor")


class Desk:
    """Submits at once."""

    async def submit(self, store: Any, change: Change[Any]) -> Outcome[Any]:
        (outcome,) = await store.apply([change])
        result: Outcome[Any] = outcome
        return result


async def three(cases: Cases) -> list[Customer]:
    """Three customers, the lowest id first."""
    points = ({"email": MAIL}, {"app_id": "u2"}, {"phone": "+8613800138000"})
    opened = [await says(cases, "chat", str(n), f"{n}", **point) for n, point in enumerate(points)]
    found = await cases.customers.get_many(case.customer_id for case in opened)
    return [found[id_] for id_ in sorted(found)]


async def joined(cases: Cases, one: Customer, other: Customer) -> None:
    desk: Any = Desk()
    said = OtherCustomer(other=other.customer_id, why="一家人")
    await merge_customers(desk, cases, cases.rules(), STEWARD, one.customer_id, said)


async def parted(cases: Cases, one: Customer, other: Customer) -> dict[str, Any]:
    desk: Any = Desk()
    return await part_customers(desk, cases, STEWARD, one.customer_id, OtherCustomer(other=other.customer_id))


@pytest.mark.parametrize("named", ["who went", "who stays"])
def test_IN_3_a_merger_is_undone_whichever_is_named(named: str) -> None:
    async def story() -> None:
        cases, _ = await intake()
        low, high, _ = await three(cases)
        await joined(cases, high, low)
        assert await cases.customers.everyone_who_is(high.customer_id) == (low.customer_id, high.customer_id)
        told = await parted(cases, *((high, low) if named == "who went" else (low, high)))
        assert told == {"customer_id": high.customer_id, "apart_from": low.customer_id}
        for own in (low, high):
            assert await cases.customers.everyone_who_is(own.customer_id) == (own.customer_id,)
            now = await cases.customers.get(own.customer_id)
            assert now is not None
            assert now.points == own.points

    run(story, 1)


def test_IN_3_of_a_chain_only_the_next_can_be_named_and_all_give_back_what_came_with_him() -> None:
    async def story() -> None:
        cases, _ = await intake()
        low, middle, high = await three(cases)
        await joined(cases, middle, high)
        await joined(cases, low, middle)
        with pytest.raises(Refused, match=f"{high.customer_id} is merged into {middle.customer_id}"):
            await parted(cases, high, low)
        await parted(cases, high, middle)
        now = await cases.customers.get_many([low.customer_id, high.customer_id])
        assert set(now[low.customer_id].points) == {*low.points, *middle.points}
        assert (now[high.customer_id].points, now[high.customer_id].merged_into) == (high.points, None)
        assert high.customer_id in now[low.customer_id].apart, "rules never make them one again"

    run(story, 1)
