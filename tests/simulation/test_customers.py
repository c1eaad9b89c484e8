"""One customer, one case, whoever dies and whatever overtakes what (IN-3, IN-4)."""

import asyncio
from typing import Any
from zlib import crc32

import pytest

from services.intake.app import assemble
from services.intake.change import contact_change
from services.intake.settings import Settings
from services.intake.store import Cases
from shared.errors import Transient
from shared.events.contacts import Contact
from shared.ids import named
from shared.metrics import Metrics
from shared.service import Core, build
from shared.work import set_up
from tests.integration.shared.support import Database, Tape
from tests.simulation.faults import Faults
from tests.simulation.mongo import Replicas
from tests.simulation.scheduler import SimClock, current, run


def by_phone(number: int) -> dict[str, str]:
    return {"phone": f"+861380013{number:04d}"}


def by_mail(number: int) -> dict[str, str]:
    return {"email": f"u{number}@b.example"}


def in_both_halves() -> int:
    """A number whose two customers fall into different halves of a batch, the one with the phone being the lower."""
    for number in range(25):
        winner = named("customer", f"phone:{by_phone(number)['phone']}")
        loser = named("customer", f"email:{by_mail(number)['email']}")
        if winner < loser and crc32(winner.encode()) % 2 != crc32(loser.encode()) % 2:
            return number
    raise AssertionError("there is one")


async def intake() -> tuple[Cases, Database]:
    loop = current()
    database = Database(Replicas(loop, Faults(loop.random)).client()["switchboard_intake"])
    settings: Any = Settings.model_construct(partitions=12, rules=None)
    core: Core[Any] = Core("intake", settings, database, Tape(), Metrics("intake"), clock=SimClock(loop))
    parts = assemble(core)
    await set_up(build(core, parts))
    (cases, *_) = parts.stores
    assert isinstance(cases, Cases)
    cases.customers.halve_from = 2
    return cases, database


async def take(cases: Cases, id_: str, text: str = "你好", channel: str = "chat", **customer: str) -> None:
    said = {"source": channel, "id": id_, "channel": channel, "text": text, "customer": customer}
    contact = Contact.model_validate(said)
    await cases.apply([contact_change(contact, cases.rules())], recorded=True)


class DiesAt:
    """The write of customers at which the process dies, once."""

    def __init__(self, database: Database, number: int) -> None:
        self._collection, self._left = database.collections["customers"], number
        self._collection.before = self

    async def __call__(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Transient("the process dies here")
        self._collection.before = self


@pytest.mark.parametrize("death", [0, 1])
def test_IN_3_a_death_between_the_two_writes_of_a_merger_loses_no_point(death: int) -> None:
    async def story() -> None:
        number = in_both_halves()
        cases, database = await intake()
        await take(cases, "1", **by_phone(number))
        await take(cases, "2", **by_mail(number), app_id="app-1")
        DiesAt(database, death)
        with pytest.raises(Transient):
            await take(cases, "3", **by_phone(number), **by_mail(number))
        await take(cases, "3", **by_phone(number), **by_mail(number))  # the record comes again
        await take(cases, "4", app_id="app-1")
        alone = [c for c in await cases.customers.find({}, limit=0) if not c.merged_into]
        assert [sorted(c.points) for c in alone] == [
            ["app:app-1", f"email:u{number}@b.example", f"phone:+861380013{number:04d}"]
        ]

    run(story, 1)


@pytest.mark.parametrize("seed", range(25))
def test_IN_3_contacts_of_a_new_customer_by_several_channels_at_once_make_one_customer(seed: int) -> None:
    async def story() -> None:
        cases, _ = await intake()
        await asyncio.gather(
            take(cases, "1", **by_phone(1), **by_mail(1)),
            take(cases, "2", **by_mail(1)),
            take(cases, "3", app_id="app-1", **by_phone(1)),
            take(cases, "4", app_id="app-1"),
        )
        alone = [c for c in await cases.customers.find({}, limit=0) if not c.merged_into]
        assert [len(c.points) for c in alone] == [3]
        owners = {customer for case in await cases.find({}, limit=0) for customer in [case.customer_id]}
        assert {(await cases.customers.everyone_who_is(owner))[0] for owner in owners} == {alone[0].customer_id}

    run(story, seed)


@pytest.mark.parametrize("seed", range(25))
def test_IN_3_one_of_a_switchboard_who_comes_by_several_channels_at_once_is_one_customer(seed: int) -> None:
    async def story() -> None:
        cases, _ = await intake()
        landline = {"phone": "+862162345678"}
        await asyncio.gather(
            take(cases, "1", channel="phone", name="王芳", **landline),
            take(cases, "2", channel="email", name="王芳女士", **landline, **by_mail(1)),
            take(cases, "3", channel="phone", name="李明", **landline),
            take(cases, "4", channel="phone", **landline),
            take(cases, "5", channel="phone", **landline),
        )
        alone = [c for c in await cases.customers.find({}, limit=0) if not c.merged_into]
        assert sorted(len(c.points) for c in alone) == [1, 1, 2]
        assert [c.name for c in alone if len(c.points) == 2] in (["王芳"], ["王芳女士"])
        assert [c.name for c in alone if c.anybody] == [None]

    run(story, seed)


@pytest.mark.parametrize("seed", range(25))
def test_IN_3_who_states_anothers_mail_at_the_moment_when_its_owner_comes_does_not_become_him(seed: int) -> None:
    async def story() -> None:
        cases, _ = await intake()
        await take(cases, "1", channel="email", name="李丽", **by_mail(1))
        await asyncio.gather(
            take(cases, "2", channel="app", name="Mallory", app_id="mallory", **by_mail(1)),
            take(cases, "3", channel="app", app_id="li", name="李丽", **by_mail(1)),
            take(cases, "4", channel="email", name="Li Li", **by_mail(1)),
        )
        alone = [c for c in await cases.customers.find({}, limit=0) if not c.merged_into]
        assert {c.name: c.points for c in alone} == {
            "李丽": ("email:u1@b.example", "app:li"), "Mallory": ("app:mallory",),
        }  # fmt: skip

    run(story, seed)


@pytest.mark.parametrize("point", [by_mail(1), by_phone(1)], ids=["mail", "mobile"])
@pytest.mark.parametrize("seed", range(5))
def test_IN_3_two_who_state_the_same_new_point_at_the_same_moment_are_two(seed: int, point: dict[str, str]) -> None:
    async def story() -> None:
        cases, _ = await intake()
        await asyncio.gather(take(cases, "1", name="王芳", **point), take(cases, "2", name="李明", **point))
        alone = [c for c in await cases.customers.find({}, limit=0) if not c.merged_into]
        assert sorted(c.name or "" for c in alone) == ["李明", "王芳"]
        assert len([c for c in alone if c.points]) == 1

    run(story, seed)


@pytest.mark.parametrize("seed", range(25))
def test_IN_4_contacts_about_one_order_at_once_end_in_one_case(seed: int) -> None:
    async def story() -> None:
        cases, _ = await intake()
        said = "订单A20261121-553没有收到货"
        await asyncio.gather(*(take(cases, str(number), said, **by_phone(1)) for number in range(6)))
        (case,) = await cases.find({}, limit=0)
        assert len(case.contacts) == 6

    run(story, seed)
