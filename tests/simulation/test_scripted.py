"""Interleavings that a sceptical reader would name, each written step by step. Nothing is drawn but small delays."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from shared.blocked import STILL_COMING, Blocker
from shared.done import KEEP_DONE
from shared.http import Problem
from tests.simulation import tiny
from tests.simulation.faults import Faults
from tests.simulation.house import READY, SKILLS, TEXTS, House, HouseCore, _post
from tests.simulation.invariants import check_followed, check_published, events_of
from tests.simulation.processes import Process
from tests.simulation.promises import check as check_house
from tests.simulation.scheduler import current, run
from tests.simulation.unguarded import (
    DoesNotDrain,
    GapsUnheeded,
    PlacesUncounted,
    ReleasesWhateverIsHeld,
    SendsBeforeTaking,
    built_ready,
    with_bus,
    with_core,
    with_store,
)
from tests.simulation.world import MADE, Made, World, silent

KEY = "k1"
OUR_TOPICS = ("counts.v1", "echoes.v1")
PATIENCE_S = 60.0
SERVICES = {"count": tiny.count_service, "echo": tiny.echo_service, "watch": tiny.watch_service}


Story = Callable[[World], Awaitable[None]]


def told(story: Story, made_of: Made = MADE) -> World:
    """Play a story of the three tiny services and look whether every effect came once, in order."""
    world = played(story, *SERVICES, made_of=made_of)
    check_published(world, OUR_TOPICS)
    check_followed(world, OUR_TOPICS)
    return world


def played(story: Story, *services: str, made_of: Made = MADE) -> World:
    """Play a story of these services, two replicas of each, and bring it to rest."""

    async def main() -> World:
        world = _world(made_of)
        for name in services:
            world.add(name, SERVICES[name], tiny.SETTINGS)
        world.start()
        await until(lambda: all_at_work(world))
        await story(world)
        await world.settle()
        return world

    with silent():
        return run(main, seed=1)


HOUSE = Made(core=lambda _: HouseCore)


def told_of_the_house(
    story: Callable[[House], Awaitable[None]], replicas: int = 1, made_of: Made = HOUSE, at_work: bool = True
) -> None:
    """The same with all five services, calm but for what the story does; then every promise is looked at.

    `at_work`: the story begins when everyone is, not with their start.
    """

    async def main() -> None:
        house = House(_world(made_of), lambda: replicas)
        house.world.start()
        if at_work:
            await until(lambda: all_at_work(house.world))
        await story(house)
        await house.world.settle()
        check_house(house)

    with silent():
        run(main, seed=1)


def _world(made_of: Made) -> World:
    loop = current()
    return World(loop, Faults(loop.random), made_of=made_of, partitions=2)


async def until(true: Callable[[], Any]) -> Any:
    end = current().time() + PATIENCE_S
    while not (answer := true()):
        assert current().time() < end, "it never came true"
        await asyncio.sleep(0.01)
    return answer


def all_at_work(world: World) -> bool:
    up = world.running.values()
    return len(up) == len(world.processes) and all(running.ownership.places for running in up)


def process(world: World, name: str) -> Process:
    return next(one for one in world.processes if one.name == name)


def owner(world: World, name: str) -> Process:
    """The replica that owns the partition of KEY on the orders, or of the counts."""
    topic = "orders.v1" if name == "count" else "counts.v1"
    place = world.broker.place_of(topic, KEY.encode())
    owners = [p for p, running in world.running.items() if p.startswith(name) and place in running.ownership.places]
    return process(world, owners[0])


def other(world: World, one: Process) -> Process:
    return next(p for p in world.processes if p is not one and p.name[:-1] == one.name[:-1])


def order(id_: str, key: str = KEY) -> tiny.Order:
    return tiny.Order(key=key, id=id_)


def over_kafka(world: World, *orders: tiny.Order) -> None:
    for one in orders:
        world.broker.write("orders.v1", tiny.body(one), one.key.encode())


def over_http(world: World, replica: Process, one: tiny.Order) -> "asyncio.Task[Any]":
    assert replica.life is not None
    return replica.life.do(lambda: tiny.place(world.running[replica.name], one))


def counted(world: World, key: str = KEY) -> list[str]:
    return list(world.states("count", "counts").get(key, {"ids": ()})["ids"])


def copies(world: World, topic: str, number: int) -> int:
    return sum(dict(record.headers)["ce_sequence"] == str(number).encode() for record in world.broker.records(topic))


def test_a_zombie_whose_partition_moved_writes_nothing() -> None:
    async def story(world: World) -> None:
        zombie = owner(world, "count")
        write = world.gates.hold(f"{zombie.name} write counts")
        over_kafka(world, order("a"))
        await write.reached.wait()
        zombie.freeze()
        await until(lambda: counted(world) == ["a"])  # by the other one, to whom the partition went
        write.release()
        zombie.thaw()
        over_kafka(world, order("b"))

    assert counted(told(story)) == ["a", "b"]


def test_a_write_whose_answer_was_lost_is_known_by_its_nonce_and_counts_once() -> None:
    async def story(world: World) -> None:
        door = process(world, "count-0")
        write = world.gates.hold("count-0 write counts")
        asked = over_http(world, door, order("a"))
        await write.reached.wait()
        with world.faults.certain("mongo.lost_reply"):
            write.release()
        assert (await asked).status == "applied"
        assert (await over_http(world, process(world, "count-1"), order("a"))).status == "repeat"

    assert counted(told(story)) == ["a"]


def test_a_number_that_was_rolled_back_is_used_again_and_only_the_second_event_was_ever_out() -> None:
    async def story(world: World) -> None:
        asked = over_http(world, process(world, "count-0"), order("a"))
        write = world.gates.hold("count-0 write counts")
        await write.reached.wait()
        kept, world.faults.delays["mongo.majority"] = world.faults.delays["mongo.majority"], (5.0, 6.0)
        write.release()
        assert world.replicas.fail_over(keep=0) == 1
        world.faults.delays["mongo.majority"] = kept
        await until(lambda: counted(world))
        await asked
        await over_http(world, process(world, "count-1"), order("b"))

    world = told(story)
    assert counted(world) == ["a", "b"]
    assert [dict(r.headers)["ce_sequence"] for r in events_of(world, "counts.v1", KEY)][:2] == [b"1", b"2"]


def test_what_was_written_and_not_published_before_a_crash_is_published_after_it() -> None:
    async def story(world: World) -> None:
        first = owner(world, "count")
        publication = world.gates.hold(f"{first.name} publish counts.v1")
        over_kafka(world, order("a"))
        await publication.reached.wait()
        assert counted(world) == ["a"]
        assert not world.broker.records("counts.v1")
        first.crash()  # the record never left it

    world = told(story)
    assert (counted(world), copies(world, "counts.v1", 1)) == (["a"], 1)


def test_what_was_published_and_not_committed_before_a_crash_comes_again_as_a_repeat() -> None:
    async def story(world: World) -> None:
        first = owner(world, "count")
        commit = world.gates.hold(f"{first.name} commit")
        over_kafka(world, order("a"))
        await commit.reached.wait()
        first.crash()
        await until(lambda: world.broker.group("switchboard.count").generation > 1)

    assert counted(told(story)) == ["a"]


def test_two_replicas_publish_one_outbox_and_every_reader_counts_it_once() -> None:
    async def story(world: World) -> None:
        slow = other(world, owner(world, "count"))
        publication = world.gates.hold(f"{slow.name} publish counts.v1")
        await over_http(world, slow, order("a"))
        await publication.reached.wait()
        await until(lambda: world.broker.records("counts.v1"))  # the sweeper of the shard's owner found it
        publication.release()

    world = told(story)
    assert copies(world, "counts.v1", 1) == 2
    assert watched(world) == ["count 1", "echo 1"]


def test_one_order_at_two_doors_and_on_the_topic_at_the_same_instant_counts_once() -> None:
    async def story(world: World) -> None:
        writes = [world.gates.hold(f"count-{number} write counts") for number in (0, 1)]
        over_kafka(world, order("a"))
        asked = [over_http(world, process(world, f"count-{number}"), order("a")) for number in (0, 1)]
        for write in writes:
            await write.reached.wait()
        for write in writes:
            write.release()
        assert sorted([outcome.status for outcome in await asyncio.gather(*asked)])[-1] == "repeat"

    assert counted(told(story)) == ["a"]


def test_a_timer_waits_for_a_fact_that_came_before_it_and_is_still_in_a_batch() -> None:
    async def story(world: World) -> None:
        over_kafka(world, order("a"))
        closes_at = await until(lambda: world.states("count", "counts").get(KEY, {}).get("closes_at"))
        await until(lambda: (closes_at - world.clock()).total_seconds() < 0.2)
        write = world.gates.hold(f"{owner(world, 'count').name} write counts")
        over_kafka(world, order("b"))
        await write.reached.wait()
        await asyncio.sleep(1.0)
        assert world.clock() > closes_at
        assert len(events_of(world, "counts.v1", KEY)) == 1, "closed before the order that was written before"
        write.release()
        await until(lambda: counted(world) == ["a", "b"])
        await asyncio.sleep(4.0)

    closings = [orjson.loads(r.value) for r in events_of(told(story), "counts.v1", KEY) if b"due" in r.value]
    assert [closing["total"] for closing in closings] == [2]


def repeats_of_a_handover(made_of: Made) -> float:
    """How many records of a batch were worked on again that was under way when another replica came."""
    counts: list[float] = []

    async def story(world: World) -> None:
        first = owner(world, "count")
        repeated = world.running[first.name].core.metrics.events_repeated  # one for all replicas here
        newcomer = other(world, first)
        await newcomer.stop()
        await until(lambda: len(world.running[first.name].ownership.places) == 4)
        counts.append(repeated._value.get())
        commit = world.gates.hold(f"{first.name} commit")
        over_kafka(world, *(order(f"o{number}", f"k{number}") for number in range(4)))
        await commit.reached.wait()
        newcomer.start()
        await asyncio.sleep(1.0)
        commit.release()
        await world.settle()
        counts.append(repeated._value.get())

    told(story, made_of)
    return counts[1] - counts[0]


def test_a_batch_is_finished_and_committed_before_its_partitions_are_given_away() -> None:
    assert repeats_of_a_handover(MADE) == 0


def test_without_draining_a_handover_has_records_worked_on_twice() -> None:
    assert repeats_of_a_handover(with_bus(DoesNotDrain)) > 0


@pytest.fixture
def _no_bugs_left() -> Any:
    yield
    tiny.BUGS.clear()


@pytest.mark.usefixtures("_no_bugs_left")
def test_what_waits_behind_an_error_of_ours_is_counted_in_order_while_more_comes() -> None:
    async def story(world: World) -> None:
        tiny.BUGS.add("bad")
        one = owner(world, "count")
        over_kafka(world, order("a"), order("bad"), order("b"))
        await until(lambda: world.replicas.documents("switchboard_count", "counts").get(KEY, {}).get("parked"))
        tiny.BUGS.clear()
        write = world.gates.hold(f"{one.name} write counts")
        over_kafka(world, order("c"))
        await write.reached.wait()  # it was read while the key was parked, and is to wait in its document
        assert await world.running[other(world, one).name].parts.stores[0].unpark(KEY)
        write.release()

    assert counted(told(story)) == ["a", "bad", "b", "c"]


def counted_elsewhere(world: World, number: int) -> None:
    """An event of a writer that is no service here, so that it can come out of order."""
    headers = {
        "specversion": "1.0", "id": f"n{number}", "type": "order.counted", "source": "/elsewhere", "subject": KEY,
        "sequence": str(number), "time": world.clock().isoformat(),
    }  # fmt: skip
    value = orjson.dumps({"id": f"n{number}", "total": number})
    packed = [(f"ce_{name}", text.encode()) for name, text in headers.items()]
    world.broker.write("counts.v1", value, KEY.encode(), packed)


def held(world: World) -> int:
    return len(world.replicas.documents("switchboard_watch", "watches").get(KEY, {}).get("held", ()))


def watched(world: World) -> list[str]:
    return list(world.states("watch", "watches")[KEY]["log"])


async def _out_of_order(world: World) -> None:
    for number in (3, 2, 1):
        counted_elsewhere(world, number)
        await asyncio.sleep(1.0)


def test_what_comes_beyond_a_gap_waits_until_it_is_filled() -> None:
    assert watched(played(_out_of_order, "watch")) == ["count 1", "count 2", "count 3"]


def test_without_watching_for_gaps_what_comes_late_is_taken_for_a_repeat() -> None:
    assert watched(played(_out_of_order, "watch", made_of=with_core(with_store(GapsUnheeded)))) == ["count 3"]


def test_an_event_that_comes_after_its_gap_was_skipped_has_no_effect() -> None:
    async def story(world: World) -> None:
        counted_elsewhere(world, 3)
        counted_elsewhere(world, 2)
        await until(lambda: held(world) == 2)
        await asyncio.sleep(STILL_COMING.total_seconds())
        gap = Blocker(topic="counts.v1", first=1, last=1)
        assert (await world.running[owner(world, "watch").name].parts.stores[0].skip(KEY, gap)).flows
        counted_elsewhere(world, 1)

    assert watched(played(story, "watch")) == ["count 2", "count 3"]


def test_a_repeat_is_recognised_after_its_id_was_moved_to_the_side_collection() -> None:
    many = [order(f"o{number}") for number in range(KEEP_DONE + 2)]

    async def story(world: World) -> None:
        over_kafka(world, *many)
        await until(lambda: len(counted(world)) == len(many))
        over_kafka(world, order("last"))
        await until(lambda: world.replicas.documents("switchboard_count", "counts.done"))
        over_kafka(world, many[0])
        assert (await over_http(world, process(world, "count-0"), many[0])).status == "repeat"

    assert counted(told(story)) == [one.id for one in many] + ["last"]


def test_a_clock_that_jumps_an_hour_ahead_fires_nothing_and_takes_nothing_until_it_is_right() -> None:
    async def story(world: World) -> None:
        over_kafka(world, order("a"))
        await until(lambda: events_of(world, "counts.v1", KEY))
        one = owner(world, "count")
        world.clock_of(one.name).skew = 3600.0
        over_kafka(world, order("b"))
        with pytest.raises(Problem, match="clock"):
            await over_http(world, one, order("c"))
        await asyncio.sleep(2.0)
        assert (counted(world), len(events_of(world, "counts.v1", KEY))) == (["a"], 1)
        world.clock_of(one.name).skew = 0.0

    assert counted(told(story)) == ["a", "b"]


# The house


def body(number: int, **more: Any) -> dict[str, Any]:
    contact = {"source": "sim", "id": f"c{number}", "channel": "phone", "text": "咨询保修政策"}
    return {**contact, "customer": {"name": "客户", "phone": "+8613800138000"}, **more}


async def contact(house: House, number: int, replica: str = "intake-0", **more: Any) -> Any:
    asked = process(house.world, replica)
    assert asked.life is not None
    house.accepted.add(("sim", f"c{number}"))
    return await asked.life.do(lambda: _post(house.world.running[replica], body(number, **more)))


def test_two_doors_that_open_a_case_for_one_conversation_end_with_one_case() -> None:
    async def story(house: House) -> None:
        writes = [house.world.gates.hold(f"intake-{number} write cases") for number in (0, 1)]
        asked = [
            asyncio.create_task(contact(house, number, f"intake-{number}", conversation="talk")) for number in (0, 1)
        ]
        for write in writes:
            await write.reached.wait()
        for write in reversed(writes):
            write.release()
        first, second = await asyncio.gather(*asked)
        assert first.key == second.key
        assert len(house.world.states("intake", "cases")) == 1

    told_of_the_house(story, replicas=2)


async def an_agent(house: House) -> None:
    """One comes to work, who can do everything and hold one case."""
    profile = {"skills": dict.fromkeys(SKILLS, 5), "languages": ["zh", "en"], "capacity": {"total": 1}}
    for type_, data in (("agent.updated", profile), ("agent.presence", {"state": "online", "readiness": READY})):
        said = {"agent_id": "Z1", "at": house.world.clock().isoformat(), **data}
        house.world.broker.write("agents.v1", orjson.dumps(said), b"Z1", [("ce_type", type_.encode())])
        await asyncio.sleep(0.5)


async def an_offer(house: House) -> dict[str, Any]:
    """A case is offered to the only agent; returns its ticket."""
    await an_agent(house)
    await contact(house, 1)
    return await until(lambda: next((t for t in tickets(house) if t["status"] == "offered"), None))


def tickets(house: House) -> list[dict[str, Any]]:
    return list(house.world.states("routing", "tickets").values())


def work(house: House, verb: str, case_id: str, number: int) -> None:
    said = {"id": f"w{number}", "agent_id": "Z1", "case_id": case_id, "at": house.world.clock().isoformat()}
    house.world.broker.write("work.v1", orjson.dumps(said), case_id.encode(), [("ce_type", f"work.{verb}".encode())])


@pytest.mark.parametrize("before_s", [0.3, 0.0, -0.3])
def test_an_offer_that_is_accepted_as_it_expires_ends_with_one_holder_or_none(before_s: float) -> None:
    async def story(house: House) -> None:
        ticket = await an_offer(house)
        left_s = (ticket["expires_at"] - house.world.clock()).total_seconds()
        await asyncio.sleep(left_s - before_s)
        work(house, "accepted", ticket["case_id"], 1)
        await asyncio.sleep(2.0)
        held, given = house.places()
        assert held == given

    told_of_the_house(story)


@pytest.mark.parametrize("verbs", [("accepted", "declined"), ("declined", "accepted")])
def test_a_decline_that_crosses_an_accept_leaves_place_and_ticket_agreed(verbs: tuple[str, str]) -> None:
    async def story(house: House) -> None:
        ticket = await an_offer(house)
        for number, verb in enumerate(verbs):
            work(house, verb, ticket["case_id"], number)
        await asyncio.sleep(3.0)
        held, given = house.places()
        assert held == given

    told_of_the_house(story)


async def a_sender_dies_when_its_message_was_taken(house: House) -> None:
    sender = process(house.world, "notify-0")

    def dies() -> None:
        house.provider.then = bool
        sender.crash()

    house.provider.then = dies
    await contact(house, 1)
    await until(lambda: not sender.running)
    sender.start()


def test_a_message_that_was_taken_before_its_sender_died_is_not_sent_again() -> None:
    async def story(house: House) -> None:
        await a_sender_dies_when_its_message_was_taken(house)
        await until(lambda: "unknown" in states_of_messages(house))

    told_of_the_house(story)


def test_without_noting_first_that_it_is_being_sent_a_message_is_sent_again_after_a_crash() -> None:
    made = Made(core=lambda _: with_store(SendsBeforeTaking, HouseCore, only="casefiles"))
    with pytest.raises(AssertionError, match="twice"):
        told_of_the_house(a_sender_dies_when_its_message_was_taken, made_of=made)


def states_of_messages(house: House) -> list[str]:
    files = house.world.states("notify", "casefiles").values()
    return [message["state"] for file in files for message in file["messages"]]


async def two_desks_want_the_last_place(house: House) -> None:
    """Each owns the pool of one of two cases, and both saw the only agent free."""
    await an_agent(house)
    holds = [house.world.gates.hold(f"routing-{number} write agents") for number in (0, 1)]
    await contact(house, 1, text=TEXTS[2])
    await contact(house, 2, text=TEXTS[0], customer={"phone": "+8613800138001"})
    for hold in holds:
        await hold.reached.wait()
    for hold in holds:
        hold.release()
    await until(lambda: [ticket["status"] for ticket in tickets(house)].count("offered"))
    await asyncio.sleep(2.0)


def test_of_two_desks_that_want_the_last_place_of_an_agent_one_gets_it() -> None:
    async def story(house: House) -> None:
        await two_desks_want_the_last_place(house)
        assert [ticket["status"] for ticket in tickets(house)].count("offered") == 1

    told_of_the_house(story, replicas=2)


def test_where_places_are_not_counted_two_desks_give_an_agent_more_than_he_can_hold() -> None:
    made = Made(core=lambda _: with_store(PlacesUncounted, HouseCore, only="agents"))
    with pytest.raises(AssertionError, match="Z1 holds"):
        told_of_the_house(two_desks_want_the_last_place, replicas=2, made_of=made)


async def a_late_release_of_an_earlier_offer(house: House) -> None:
    """The desk that heard the decline is slow; meanwhile the case was offered to the same agent again."""
    ticket = await an_offer(house)
    shard = house.world.broker.place_of("work.v1", ticket["case_id"].encode())
    slow = next(p for p, r in house.world.running.items() if p.startswith("routing") and shard in r.ownership.places)
    giving_back = house.world.gates.hold(f"{slow} write agents")
    work(house, "declined", ticket["case_id"], 1)
    await giving_back.reached.wait()
    await until(lambda: any(t["generation"] == 2 and t["status"] == "offered" for t in tickets(house)))
    giving_back.release()
    await asyncio.sleep(0.5)
    held, given = house.places()
    assert held == given, "places and tickets differ"


def test_a_late_release_of_an_earlier_offer_leaves_the_place_of_the_later_one() -> None:
    told_of_the_house(a_late_release_of_an_earlier_offer, replicas=2)


def test_a_place_without_the_number_of_its_offer_is_lost_by_a_late_release() -> None:
    made = Made(core=lambda _: with_store(ReleasesWhateverIsHeld, HouseCore, only="agents"))
    with pytest.raises(AssertionError, match="places and tickets differ"):
        told_of_the_house(a_late_release_of_an_earlier_offer, replicas=2, made_of=made)


async def a_door_opens_before_the_indexes_are_there(house: House) -> list[Any]:
    """Both replicas are asked about one conversation at that time; returns what they say."""
    doors = ("intake-0", "intake-1")
    indexes = [house.world.gates.hold(f"{door} write cases") for door in doors]
    for index in indexes:
        await index.reached.wait()
    asked = [
        asyncio.create_task(contact(house, number, door, conversation="talk")) for number, door in enumerate(doors)
    ]
    said = await asyncio.gather(*asked, return_exceptions=True)
    for index in indexes:
        index.release()
    return said


def test_nothing_is_taken_over_http_before_the_unique_indexes_are_there() -> None:
    async def story(house: House) -> None:
        said = await a_door_opens_before_the_indexes_are_there(house)
        assert [getattr(one, "status", one) for one in said] == [503, 503]
        await until(lambda: all_at_work(house.world))
        for number in (0, 1):
            await contact(house, number, f"intake-{number}", conversation="talk")
        assert len(house.world.states("intake", "cases")) == 1

    told_of_the_house(story, replicas=2, at_work=False)


def test_with_doors_open_before_the_unique_indexes_are_there_a_conversation_is_in_two_open_cases() -> None:
    async def story(house: House) -> None:
        await a_door_opens_before_the_indexes_are_there(house)

    with pytest.raises(AssertionError, match="in two open cases"):
        told_of_the_house(story, replicas=2, made_of=replace(HOUSE, build=built_ready), at_work=False)


def test_what_a_dying_reader_left_of_a_customer_is_published_though_his_contact_came_over_http_as_well() -> None:
    async def story(house: House) -> None:
        place = house.world.broker.place_of("contacts.v1", b"sim:c1")
        reader = next(
            p for p, r in house.world.running.items() if p.startswith("intake") and place in r.ownership.places
        )
        publication = house.world.gates.hold(f"{reader} publish customers.v1")
        house.world.broker.write("contacts.v1", orjson.dumps(body(1)), b"sim:c1")
        await publication.reached.wait()
        await contact(house, 1, other(house.world, process(house.world, reader)).name)
        process(house.world, reader).crash()  # the record never left it
        await house.world.settle()
        (customer,) = house.world.replicas.documents("switchboard_intake", "customers").values()
        assert len(events_of(house.world, "customers.v1", customer["_id"])) == customer["seq"]["customers.v1"] > 0

    told_of_the_house(story, replicas=2)


def test_a_history_in_which_a_service_dies_at_its_start_does_not_come_to_rest() -> None:
    def assemble(core: Any) -> Any:
        raise ValueError("no such rule")

    async def main() -> None:
        world = _world(MADE)
        world.add("count", assemble, tiny.SETTINGS, replicas=1)
        world.start()
        await world.settle()

    with silent(), pytest.raises(AssertionError, match="count-0 is not at work: ValueError"):
        run(main, seed=1)
