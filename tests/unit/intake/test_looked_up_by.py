"""By which contact points a customer system is asked: nobody is told or given what is another's (IN-8, IN-24)."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.intake.change import contact_change
from services.intake.domain.found import Found
from services.intake.lookup.look import LookUps, Query
from services.intake.lookup.of_contacts import look_up
from tests.unit.intake.given import RULES, contact
from tests.unit.intake.test_lookup import in_file

WANG, LI = "+8613800138000", "+8613900139000"
EXPORT = {
    "customers": [
        {"id": "C1", "tier": "gold", "phone": WANG, "email": "wang@x.example", "app_id": "guest"},
        {"id": "C2", "tier": "diamond", "phone": LI, "email": "family@x.example"},
        {"id": "C3", "tier": "silver", "phone": "13800000000", "email": "family@x.example"},
    ]
}


class Asked:
    """A customer system that keeps what it was asked for."""

    def __init__(self) -> None:
        self.points: list[tuple[str, ...]] = []

    async def look(self, query: Query) -> Found | None:
        self.points.append(query.points)
        return Found(source="crm")


async def asked_by(channel: str, **customer: str) -> tuple[str, ...]:
    crm = Asked()
    await look_up(LookUps(crm, 1.0), [contact_change(contact(channel=channel, customer=customer), RULES)], RULES)
    return next(iter(crm.points), ())


@pytest.mark.parametrize("customer", [{"app_id": "guest"}, {"phone": "13800000000"}, {"email": "none@none.com"}])
async def test_IN_8_nobody_is_looked_up_by_what_is_shared_or_a_placeholder(customer: dict[str, str]) -> None:
    assert await asked_by("web", **customer) == ()


async def test_IN_24_who_states_anothers_number_does_not_get_his_tier() -> None:
    assert await asked_by("email", email="li@x.example", phone=WANG) == ("email:li@x.example",)
    assert await asked_by("phone", email="wang@x.example", phone=LI) == (f"phone:{LI}",)


async def test_IN_8_where_a_channel_vouches_for_nothing_what_is_stated_is_asked_for() -> None:
    assert await asked_by("web", phone=WANG) == (f"phone:{WANG}",)
    assert await asked_by("app", app_id="guest", phone=WANG) == (f"phone:{WANG}",)


async def found(tmp_path: Path, *points: str) -> Any:
    file = tmp_path / "crm.json"
    file.write_text(json.dumps(EXPORT), encoding="utf-8")
    known = await in_file(file).look(Query({}, points))
    return known and known.customer and known.customer.id


async def test_IN_24_a_point_that_two_customers_of_an_export_have_is_neithers(tmp_path: Path) -> None:
    assert await found(tmp_path, f"phone:{LI}") == "C2"
    assert await found(tmp_path, "email:family@x.example") is None
    assert await found(tmp_path, "email:family@x.example", f"phone:{LI}") == "C2", "his other points stay his"


async def test_IN_24_points_of_two_customers_mean_neither(tmp_path: Path) -> None:
    assert await found(tmp_path, f"phone:{WANG}", f"phone:{LI}") is None
    assert await found(tmp_path, f"phone:{WANG}", "email:wang@x.example") == "C1"
