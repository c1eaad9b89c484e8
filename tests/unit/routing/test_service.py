"""Routing at work: the real wiring over a broker and a database in memory, two replicas, virtual time."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import orjson
import pytest

from services.routing.app import assemble
from services.routing.domain.agent import Agent, Reservation, presence
from services.routing.domain.sweep import confirms
from services.routing.domain.ticket import Ticket
from services.routing.settings import Settings
from shared.clock import wire
from shared.decisions import Refused
from shared.document import Entry
from shared.events.agents import AgentPresence
from shared.events.base import EventData
from shared.events.cases import CaseReopened, CaseResolved
from shared.fold import Change
from shared.ids import event_id
from shared.outbox import headers
from shared.service import Running
from tests.simulation.faults import Faults
from tests.simulation.invariants import check_published, events_of
from tests.simulation.scheduler import current, run
from tests.simulation.trouble import drawn, trouble
from tests.simulation.world import World, silent
from tests.unit.routing.makers import ALL_READY, RULES, opened

SETTINGS = Settings.model_construct(kafka="simulated", mongo="simulated", partitions=12, rules=None, otlp="")
SEEDS = [int(os.environ["SEED"])] if os.environ.get("SEED") else list(range(12))


class Neighbours:
    """Intake and the agents' desktops, as far as routing hears of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._sequence: Counter[str] = Counter()

    @property
    def tickets(self) -> list[Ticket]:
        return [Ticket.model_validate(state) for state in self.world.states("routing", "tickets").values()]

    def tell(self, case_id: str, *events: EventData) -> None:
        for event in events:
            self._sequence[case_id] += 1
            number = self._sequence[case_id]
            id_ = event_id("cases.v1", case_id, number)
            entry = Entry("cases.v1", event.TYPE, case_id, case_id, id_, self.now, b"", number)
            self.world.broker.write(
                "cases.v1", event.model_dump_json().encode(), case_id.encode(), headers(entry, "intake")
            )

    def open(self, case_id: str, **more: Any) -> None:
        self.tell(case_id, opened(case_id, **more))

    def resolve(self, case_id: str, agent_id: str) -> None:
        self.tell(case_id, CaseResolved(case_id=case_id, number="7KQ4-M2XD", by=agent_id, resolution="好了"))

    def agent(self, agent_id: str, skills: dict[str, int], total: int = 1) -> None:
        profile = {
            "skills": skills,
            "languages": ["zh"],
            "capacity": {"total": total},
            "name": f"name of {agent_id}",
            "team": "t",
        }
        self.say("agents.v1", "agent.updated", agent_id, {"agent_id": agent_id, "at": wire(self.now), **profile})
        self.presence(agent_id, "online", ALL_READY)

    def presence(self, agent_id: str, state: str, readiness: dict[str, bool] | None = None) -> None:
        body = {"agent_id": agent_id, "at": wire(self.now), "state": state, "readiness": readiness or {}}
        self.say("agents.v1", "agent.presence", agent_id, body)

    def work(self, verb: str, agent_id: str, case_id: str, **more: Any) -> None:
        id_ = f"{verb}-{case_id}-{self.world.loop.count()}"
        self.say("work.v1", f"work.{verb}", case_id, {"id": id_, "agent_id": agent_id, "case_id": case_id, **more})

    def say(self, topic: str, type_: str, key: str, body: dict[str, Any]) -> None:
        self.world.broker.write(topic, orjson.dumps(body), key.encode(), [("ce_type", type_.encode())])

    @property
    def now(self) -> datetime:
        return self.world.clock()

    def ticket(self, case_id: str) -> Ticket:
        return Ticket.model_validate(self.world.states("routing", "tickets")[case_id])

    def told(self, case_id: str) -> list[tuple[str, str]]:
        """What `assignments.v1` says of a case: (type without `case.`, agent or why)."""
        lines = []
        for record in events_of(self.world, "assignments.v1", case_id):
            data = orjson.loads(record.value)
            type_ = dict(record.headers)["ce_type"].decode().removeprefix("case.")
            lines.append((type_, data.get("agent_id") or data["why"]))
        return lines


Story = Callable[[Neighbours], Awaitable[None]]


def play(story: Story, seed: int = 1) -> None:
    """A story with nothing going wrong."""

    async def main() -> None:
        world = World(current(), Faults(current().random))
        world.add("routing", assemble, SETTINGS)
        world.start()
        await asyncio.sleep(10)
        await story(Neighbours(world))
        await world.settle()
        check_at_rest(world)

    with silent():
        run(main, seed)


def check(world: World) -> None:
    """Nobody above his capacity, and no case in two hands."""
    check_published(world, ("assignments.v1",))
    held = Counter(place.case_id for _, place in places(world, confirmed=True))
    assert max(held.values(), default=0) <= 1, f"a case in two hands: {held}"
    for state in world.states("routing", "agents").values():
        assert len(state["reservations"]) <= state["capacity"]["total"], f"{state['agent_id']} above capacity"


def check_at_rest(world: World) -> None:
    """Every place is confirmed by its case, and the other way round."""
    check(world)
    assert places(world, confirmed=False) == []
    held = {place.case_id for _, place in places(world, confirmed=True)}
    tickets = world.states("routing", "tickets").values()
    assert held == {ticket["case_id"] for ticket in tickets if ticket["status"] in ("offered", "assigned")}


def places(world: World, confirmed: bool) -> list[tuple[str, Reservation]]:
    agents = [Agent.model_validate(state) for state in world.states("routing", "agents").values()]
    tickets = {key: Ticket.model_validate(state) for key, state in world.states("routing", "tickets").items()}
    return [
        (agent.agent_id, place)
        for agent in agents
        for place in agent.reservations
        if confirms(tickets.get(place.case_id), agent.agent_id, place.generation) == confirmed
    ]


def test_RT_1_RT_6_a_case_is_queued_offered_and_assigned() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 4})
        n.open("case-1")
        await asyncio.sleep(2)
        assert n.told("case-1") == [("queued", "opened"), ("offered", "Z01")]
        n.work("accepted", "Z01", "case-1")
        await asyncio.sleep(2)
        assert n.told("case-1")[2:] == [("assigned", "Z01")]
        assigned = orjson.loads(events_of(n.world, "assignments.v1", "case-1")[-1].value)
        assert (assigned["agent_name"], assigned["team"]) == ("name of Z01", "t")
        assert (assigned["reason"]["skill"], assigned["reason"]["level"]) == ("payments", 4)
        assert 0 < assigned["waited_s"] < 5

    play(story)


def test_S7_the_one_place_goes_to_the_case_that_jumped_the_queue() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"product": 3, "technical": 3})
        n.open("busy", category=("产品咨询",), priority="P3")
        await asyncio.sleep(2)
        n.work("accepted", "Z01", "busy")
        for number in range(10):
            n.open(f"question-{number}", category=("产品咨询",), kind="question", priority="P3")
        await asyncio.sleep(1)
        n.open("200-devices", category=("技术故障",), kind="fault", priority="P1")
        await asyncio.sleep(1)
        n.resolve("busy", "Z01")
        await asyncio.sleep(2)
        assert n.told("200-devices")[1:] == [("offered", "Z01")]
        assert [n.ticket(f"question-{number}").status for number in range(10)] == ["waiting"] * 10

    play(story)


def test_S9_an_offer_not_answered_goes_to_the_next_and_never_to_two() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 2})
        n.agent("Z02", {"payments": 3})
        await asyncio.sleep(1)
        n.open("case-1")
        await asyncio.sleep(RULES.offer_timeout_s("phone", "P2") + 4)
        assert n.told("case-1")[1:] == [("offered", "Z01"), ("queued", "offer_expired"), ("offered", "Z02")]
        n.work("accepted", "Z01", "case-1")
        n.work("accepted", "Z02", "case-1")
        await asyncio.sleep(2)
        assert n.told("case-1")[4:] == [("assigned", "Z02")]

    play(story)


def test_S9_nobody_online_then_a_break_then_ready() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 2})
        await asyncio.sleep(1)
        n.presence("Z01", "break")
        await asyncio.sleep(1)
        n.open("case-1")
        await asyncio.sleep(3)
        assert n.told("case-1") == [("queued", "opened")]
        queued = orjson.loads(events_of(n.world, "assignments.v1", "case-1")[0].value)
        assert queued["estimate_s"] is None
        n.presence("Z01", "online")
        await asyncio.sleep(1)
        assert n.told("case-1")[1:] == [("offered", "Z01")]

    play(story)


def test_S9_the_cases_of_an_agent_who_goes_offline_go_back_oldest_first() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 2}, total=2)
        for case_id in ("old", "young"):
            n.open(case_id)
            await asyncio.sleep(2)
            n.work("accepted", "Z01", case_id)
        await asyncio.sleep(2)
        n.presence("Z01", "offline")
        await asyncio.sleep(2)
        assert n.told("old")[3:] == [("unassigned", "Z01"), ("queued", "agent_offline")]
        n.agent("Z02", {"payments": 2})
        await asyncio.sleep(2)
        assert (n.ticket("old").agent_id, n.ticket("young").agent_id) == ("Z02", None)

    play(story)


def test_RT_4_a_reopened_case_goes_to_who_had_it() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z02", {"payments": 5})
        n.open("case-1")
        await asyncio.sleep(2)
        n.work("accepted", "Z02", "case-1")
        n.agent("Z01", {"payments": 2})
        await asyncio.sleep(2)
        n.resolve("case-1", "Z02")
        await asyncio.sleep(2)
        n.tell("case-1", CaseReopened(case_id="case-1", number="7KQ4-M2XD", by="customer"))
        n.open("case-2", customer={"id": "another"})
        await asyncio.sleep(2)
        assert (n.ticket("case-1").agent_id, n.ticket("case-2").agent_id) == ("Z02", "Z01")

    play(story)


def test_RT_4_a_new_case_goes_to_who_helped_the_customer_before() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z02", {"payments": 5})
        n.open("case-1")
        await asyncio.sleep(2)
        n.work("accepted", "Z02", "case-1")
        n.agent("Z01", {"payments": 2})
        await asyncio.sleep(2)
        n.resolve("case-1", "Z02")
        await asyncio.sleep(60)
        n.open("case-2")
        await asyncio.sleep(2)
        assert n.ticket("case-2").agent_id == "Z02"

    play(story)


def test_RT_14_a_case_handed_on_goes_to_the_other_group() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 2})
        n.agent("L01", {"logistics": 2})
        n.open("case-1")
        await asyncio.sleep(2)
        n.work("accepted", "Z01", "case-1")
        await asyncio.sleep(2)
        n.work("transferred", "Z01", "case-1", to="logistics")
        await asyncio.sleep(2)
        assert n.told("case-1")[3:] == [("unassigned", "Z01"), ("queued", "transferred"), ("offered", "L01")]

    play(story)


def test_what_an_agent_may_not_do_is_set_aside_and_nothing_stops() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 2})
        n.open("case-1")
        await asyncio.sleep(1)
        n.work("accepted", "Z99", "case-1")
        n.presence("nobody", "online", ALL_READY)
        await asyncio.sleep(3)
        n.work("accepted", "Z99", "case-1")
        n.work("visit_started", "Z01", "case-1")
        n.work("responded", "Z01", "case-1")
        n.work("accepted", "Z01", "case-1")
        await asyncio.sleep(3)
        assert n.told("case-1")[-1] == ("assigned", "Z01")
        aside = n.world.replicas.documents("switchboard_routing", "quarantine").values()
        assert sorted(document["reason"] for document in aside) == ["not_offered", "not_offered", "unknown_agent"]

    play(story)


async def go(state: str, readiness: dict[str, bool], running: Running) -> Any:
    event = AgentPresence(agent_id="Z01", at=running.core.clock(), state=state, readiness=readiness)
    decide = partial(presence, event=event, rules=RULES)
    return await running.submit(running.parts.stores[1], Change("Z01", decide, f"test {running.core.clock()}"))


def test_S9_online_with_unread_updates_is_refused_over_the_other_door_too() -> None:
    async def story(n: Neighbours) -> None:
        n.agent("Z01", {"payments": 2})
        await asyncio.sleep(1)
        n.presence("Z01", "offline")
        await asyncio.sleep(2)
        with pytest.raises(Refused, match="updates_read"):
            await n.world.request("routing", partial(go, "online", ALL_READY | {"updates_read": False}))
        outcome = await n.world.request("routing", partial(go, "online", ALL_READY))
        assert outcome.state.state == "online"

    play(story)


async def busy_day(world: World) -> Neighbours:
    """Cases come, agents take, decline, miss, finish, hand on and leave, while everything that can fail fails."""
    n, chance = Neighbours(world), world.faults.chance
    names = [f"Z0{number}" for number in range(4)]
    for name in names:
        n.agent(name, {"payments": chance.randint(1, 5), "logistics": 3}, total=chance.randint(1, 2))
    cases = [f"case-{number}" for number in range(10)]
    steps = [partial(n.open, case_id, customer={"id": f"customer of {case_id}"}) for case_id in cases]
    for step in steps:
        step()
        await asyncio.sleep(chance.uniform(0, 0.5))
        await _something(n, chance.choice(names), chance)
    for _ in range(30):
        await _something(n, chance.choice(names), chance)
        await asyncio.sleep(chance.uniform(0, 0.6))
    for name in names:
        n.presence(name, "online", ALL_READY)
    return n


async def finish(n: Neighbours) -> None:
    """Nothing fails any more and everyone works: every case comes to an end."""
    end = n.world.loop.time() + 300
    while unfinished := [ticket for ticket in n.tickets if ticket.status != "done"]:
        assert n.world.loop.time() < end, f"nobody takes {unfinished[0]}"
        for ticket in unfinished:
            if ticket.agent_id and ticket.status == "offered":
                n.work("accepted", ticket.agent_id, ticket.case_id)
            elif ticket.agent_id:
                n.resolve(ticket.case_id, ticket.agent_id)
        await asyncio.sleep(3)


async def _something(n: Neighbours, name: str, chance: Any) -> None:
    """One thing an agent might do next with something that he believes is his."""
    offered = [t.case_id for t in n.tickets if t.status == "offered" and t.agent_id == name]
    assigned = [t.case_id for t in n.tickets if t.status == "assigned" and t.agent_id == name]
    dice = chance.random()
    if dice < 0.1:
        n.presence(name, chance.choice(["break", "offline", "wrap_up"]))
    elif dice < 0.3:
        n.presence(name, "online", ALL_READY)
    elif offered:
        n.work("accepted" if dice < 0.8 else "declined", name, chance.choice(offered))
    elif assigned and dice < 0.8:
        n.resolve(chance.choice(assigned), name)
    elif assigned:
        n.work("transferred", name, chance.choice(assigned), to="logistics")


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_fails_no_agent_is_above_capacity_and_no_case_in_two_hands(seed: int) -> None:
    async def main() -> None:
        faults = Faults(current().random)
        drawn(faults)
        world = World(current(), faults)
        world.add("routing", assemble, SETTINGS)
        world.start()
        await asyncio.sleep(3)
        day = asyncio.create_task(busy_day(world))
        await trouble(world, 12.0)
        await day
        await world.settle()
        await asyncio.sleep(RULES.offers.reservation_grace_s + 10)
        await world.settle()
        check(world)
        await finish(day.result())
        await world.settle()
        check_at_rest(world)

    with silent():
        run(main, seed)
