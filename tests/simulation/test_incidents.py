"""The cases of a large incident are linked in small pages, and what fails keeps nothing else waiting (IN-14)."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.intake.app import assemble
from services.intake.change import contact_change
from services.intake.domain.follow_incident import PAGE
from services.intake.incidents import Declared, Incidents
from services.intake.settings import Settings
from shared.clock import utc_now
from shared.events.base import Event
from shared.events.contacts import Contact
from shared.events.incidents import IncidentDeclared
from shared.fold import Change, Outcome
from shared.ids import contact_id, event_id, named
from shared.metrics import Metrics
from shared.service import Core, build
from shared.store import Store
from shared.work import set_up
from tests.integration.shared.support import Database, Tape
from tests.simulation.faults import Faults
from tests.simulation.mongo import Replicas
from tests.simulation.scheduler import SimClock, current, run


class Failing:
    """A service that writes everything but the cases that it is told not to."""

    def __init__(self, *bad: str) -> None:
        self.ownership = SimpleNamespace(shards=range(12))
        self._bad = bad

    async def submit(self, store: Store[Any], change: Change[Any]) -> Outcome[Any]:
        if change.key in self._bad:
            raise RuntimeError(f"{change.key} can't be written")
        (outcome,) = await store.apply([change])
        return outcome


async def house(*bad: str) -> tuple[Incidents, Declared, Any]:
    loop = current()
    database = Database(Replicas(loop, Faults(loop.random)).client()["switchboard_intake"])
    settings: Any = Settings.model_construct(partitions=12, rules=None)
    core: Core[Any] = Core("intake", settings, database, Tape(), Metrics("intake"), clock=SimClock(loop))
    parts = assemble(core)
    await set_up(build(core, parts))
    cases: Any = parts.stores[0]
    (declared,) = (store for store in parts.stores if isinstance(store, Declared))
    running: Any = Failing(*bad)
    return Incidents(running, declared, cases), declared, (parts, cases)


async def declare(parts: Any, incident: str, *cases: str) -> None:
    said = IncidentDeclared(incident_id=incident, title="上海系统中断", cases=cases)
    id_, data = event_id(said.topic, incident, 1), said.model_dump(mode="json")
    (door,) = parts.doors[said.TOPIC]
    change = door.prepare(Event(said.TOPIC, said.TYPE, incident, id_, utc_now(), data, 1))
    await door.store.apply([change], recorded=True)


async def opened(cases: Any, id_: str) -> str:
    contact = Contact.model_validate({"source": "chat", "id": id_, "channel": "chat", "text": "系统崩溃"})
    (outcome,) = await cases.apply([contact_change(contact, cases.rules())], recorded=True)
    return str(outcome.key)


def test_IN_14_the_cases_of_a_large_incident_lie_in_pages_and_none_is_forgotten() -> None:
    async def story() -> None:
        turns, declared, (parts, _) = await house()
        cases = tuple(named("case", n) for n in range(3 * PAGE + 1))
        await declare(parts, "i1", *cases)
        await declare(parts, "i1", *cases)
        kept = await declared.find({}, limit=0)
        assert sorted(case for page in kept for case in page.to_link) == sorted(cases)
        assert max(len(page.model_dump_json()) for page in kept) < 24 * 1024
        for _ in range(PAGE):
            await turns.turn()
            if not await declared.find({"ix.to_link": True}):
                break
        assert not await declared.find({"ix.to_link": True})

    run(story, seed=1)


def test_IN_14_a_case_that_fails_keeps_no_other_waiting_and_no_other_incident() -> None:
    async def story() -> None:
        bad, worse = (named("case", contact_id("chat", id_)) for id_ in ("bad", "worse"))
        turns, declared, (parts, cases) = await house(bad, worse)
        assert [await opened(cases, id_) for id_ in ("bad", "worse")] == [bad, worse]
        good, later = await opened(cases, "good"), await opened(cases, "later")
        await declare(parts, "i1", bad, good)
        await declare(parts, "i2", worse, later)
        with pytest.raises(RuntimeError):
            await turns.turn()
        assert {page.to_link for page in await declared.find({"ix.to_link": True})} == {(bad,), (worse,)}
        for case in (good, later):
            assert [link.kind for link in (await cases.get(case)).links] == ["incident"]

    run(story, seed=1)
