"""The memory of a service on a real database, through both drivers (promises 1, 2 and 3)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from pydantic import BaseModel, ConfigDict
from pymongo.errors import AutoReconnect, ServerSelectionTimeoutError

from shared.blocked import Blocker
from shared.decisions import Decision, Elsewhere, Note, Refused
from shared.document import Entry
from shared.done import KEEP_DONE
from shared.errors import Transient
from shared.events.base import Event
from shared.fold import Change
from shared.guarded import Guards
from shared.outbox import SWEEP_AFTER
from shared.store import Shape, Skipped, Store
from tests.integration.shared.support import A, B, Process, Tape, process
from tests.unit.shared.tally import T0, Bug, Tally, add, change_for, event, fail, nothing, refuse
from tests.waiting import eventually


async def published(p: Process) -> None:
    await p.relay.settle()


# One document


async def test_a_first_change_makes_the_document_and_publishes_its_event(db: Any) -> None:
    p = await process(db)
    assert await p.take(event(A, 1, n=5)) == ["applied"]
    assert (await p.store.get("k")) == Tally(total=5, steps=(f"{A}:1",))
    ((topic, key, value, headers),) = p.tape.records
    assert (topic, key, value) == ("tallies.v1", b"k", b'{"total":5}')
    assert headers["ce_after"] == f"{A}=1"
    assert (headers["ce_type"], headers["ce_source"], headers["ce_time"]) == (
        "tally.counted",
        "/switchboard/test",
        "2026-11-22T08:00:00.000Z",
    )


async def test_changes_of_one_batch_are_folded_in_their_order_into_one_write(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1), event(B, 1), event(A, 2), event(A, 1, subject="other"))
    assert await p.steps() == (f"{A}:1", f"{B}:1", f"{A}:2")
    assert p.tallies.writes == 1
    assert (await p.body())["v"] == 1


async def test_a_large_batch_in_two_halves_keeps_order_and_answers_in_place(db: Any) -> None:
    p = await process(db)
    p.store.halve_from = 2
    keys = [f"k{n}" for n in range(8)]
    events = [event(A, number, subject=key) for number in (1, 2, 2, 3) for key in keys]
    assert await p.take(*events) == ["applied"] * 16 + ["repeat"] * 8 + ["applied"] * 8
    assert [await p.steps(key) for key in keys] == [(f"{A}:1", f"{A}:2", f"{A}:3")] * 8
    assert p.tallies.writes == 2


async def test_a_half_that_fails_lets_the_other_come_to_its_end(db: Any) -> None:
    p = await process(db)
    p.store.halve_from = 2
    keys = [f"k{n}" for n in range(8)]
    events = [event(A, 1, subject=key) for key in keys]

    async def away() -> None:
        raise Transient("away")

    p.tallies.before = away
    with pytest.raises(Transient):
        await p.take(*events)
    written = [key for key in keys if await p.body(key)]
    assert 0 < len(written) < len(keys)
    assert await p.take(*events) == ["repeat" if key in written else "applied" for key in keys]


async def test_a_key_wrongly_said_to_be_fresh_is_read_and_folded_again(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1))
    fresh = change_for(event(A, 2))
    fresh.fresh = True
    (outcome,) = await p.store.apply([fresh], recorded=True)
    assert (outcome.status, await p.steps()) == ("applied", (f"{A}:1", f"{A}:2"))


async def test_the_line_of_a_contact_that_two_replicas_took_in_at_once_stays(db: Any) -> None:
    """IN-10: the loser finds nothing to do, but the line under this cause is the winner's."""
    one, other = await process(db), await process(db)
    record = Entry("orders.v1", "order.placed", "k", "k", "id", T0, b"{}")

    def once(state: Tally | None, now: Any) -> Decision[Tally]:
        return Decision(Tally(total=1), note=Note(now, "said", "customer")) if state is None else Decision(state)

    async def overtake() -> None:
        await one.store.apply([Change("k", once, "c1", records=(record,))])

    other.tallies.before = overtake
    (outcome,) = await other.store.apply([Change("k", once, "c1", records=(record,))])
    lines = await other.store.timeline.find({"key": "k"}).to_list(None)
    assert (outcome.status, [line["_id"] for line in lines]) == ("unchanged", ["c1"])


async def test_an_index_that_an_older_version_defined_otherwise_is_built_anew(db: Any) -> None:
    await db["tallies"].create_index([("ix.total", 1)], name="total")
    await process(db)
    index = (await db["tallies"].index_information())["total"]
    assert index["partialFilterExpression"] == {"ix.total": {"$exists": True}}


async def test_topics_with_dots_in_their_names_keep_their_numbers(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1), event(B, 1), event(A, 3))
    body = await p.body()
    assert (body["seen"], body["seq"]) == ({A: 1, B: 1}, {"tallies.v1": 2})
    again = await process(db)
    assert await again.take(event(A, 1), event(A, 2)) == ["repeat", "applied"]
    assert await again.steps() == (f"{A}:1", f"{B}:1", f"{A}:2", f"{A}:3")


async def test_odd_words_of_outsiders_come_back_as_they_were(db: Any) -> None:
    p = await process(db)
    odd = {"$where": 1, "a.b": {"": [None, "\0", {"$ref": "x"}]}, ".": "𝄞", "n": 1}
    await p.store.apply([change_for(event(A, 2, **{"odd": odd}))], recorded=True)
    (waiting,) = (await p.store.load(["k"]))["k"].held
    assert waiting.event.data["odd"] == odd


async def test_a_repeat_writes_nothing(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1))
    before = await p.body()
    assert await p.take(event(A, 1)) == ["repeat"]
    assert await p.body() == before
    assert p.metrics.events_repeated._value.get() == 1


async def test_a_command_with_nothing_to_do_writes_nothing(db: Any) -> None:
    p = await process(db)
    await p.add()
    await published(p)
    before = await p.body()
    (outcome,) = await p.store.apply([Change("k", nothing, "c")])
    assert (outcome.status, await p.body()) == ("unchanged", before)


async def test_a_record_that_had_nothing_to_do_is_recognised_when_it_is_read_again(db: Any) -> None:
    """A batch is read again after a crash before its commit: the first time counts, even if it changed nothing."""
    p = await process(db)
    await p.add(once="x:1")
    await p.store.apply([Change("k", nothing, "c", once="x:2")], recorded=True)
    assert (await p.add(once="x:2")).status == "repeat"


async def test_a_refusal_changes_nothing_and_is_told(db: Any) -> None:
    p = await process(db)
    (outcome,) = await p.store.apply([Change("k", refuse, "c")])
    assert (outcome.status, outcome.refused and outcome.refused.code) == ("refused", "wrong")
    assert await p.body() == {}


async def test_a_bug_in_a_command_reaches_its_caller_and_nothing_is_written(db: Any) -> None:
    p = await process(db)
    with pytest.raises(Bug):
        await p.store.apply([Change("other", partial(add, n=1), "c1"), Change("k", fail, "c2")])
    assert (await p.body(), await p.body("other")) == ({}, {})


async def test_a_preview_tells_what_would_happen_and_changes_nothing(db: Any) -> None:
    p = await process(db)
    outcome = await p.store.preview(Change("k", partial(add, n=3), "c"))
    assert outcome.state
    assert (outcome.state.total, await p.body(), p.tape.records) == (3, {}, [])


async def test_documents_are_found_by_their_index_in_order(db: Any) -> None:
    p = await process(db)
    for key, n in (("a", 3), ("b", 1), ("c", 2), ("d", 9)):
        await p.add(n, key)
    found = await p.store.find({"ix.total": {"$lt": 9}}, sort=[("ix.total", 1)], limit=2)
    assert [tally.total for tally in found] == [1, 2]
    assert set(await p.store.get_many(["a", "d", "none"])) == {"a", "d"}


async def test_every_replica_may_set_up_at_every_start(db: Any) -> None:
    await asyncio.gather(*(process(db) for _ in range(4)))
    names = set(await db["tallies"].index_information())
    assert {"due", "pending", "parked", "held", "total"} <= names


# Races


async def test_two_writers_on_one_document_count_each_change_once(db: Any) -> None:
    tape = Tape()
    one, other = await process(db, tape=tape), await process(db, tape=tape)
    await asyncio.gather(*(p.add(n) for n in range(1, 13) for p in (one, other)))
    await published(one)
    await published(other)
    state = await one.store.get("k")
    assert state
    assert state.total == 2 * sum(range(1, 13))
    assert len(state.steps) == 24
    assert tape.first_appearances() == list(range(1, 25)), "gap-free, in order of first appearance"
    assert all(len(told) == 1 for told in tape.contents().values()), "one content under one number"
    assert one.metrics.write_conflicts._value.get() + other.metrics.write_conflicts._value.get() > 0


async def test_whoever_loses_a_race_decides_again_on_what_won(db: Any) -> None:
    one, other = await process(db), await process(db)
    states: list[int] = []

    def look(state: Tally | None, now: Any) -> Decision[Tally]:
        states.append(state.total if state else 0)
        return add(state, now, n=1)

    async def overtake() -> None:
        await other.add(10)

    await one.add(1)
    one.tallies.before = overtake
    (outcome,) = await one.store.apply([Change("k", look, "c")])
    assert states == [1, 11]
    assert outcome.state
    assert outcome.state.total == 12


async def test_a_lost_race_on_one_key_is_not_the_others(db: Any) -> None:
    one, other = await process(db), await process(db)

    async def overtake() -> None:
        await other.add(10)

    one.tallies.before = overtake
    await one.take(event(A, 1), event(A, 1, subject="calm"))
    assert await one.steps("calm") == (f"{A}:1",)
    assert await one.steps() == ("+10", f"{A}:1")


async def test_a_race_that_never_ends_is_left_to_a_later_attempt(db: Any) -> None:
    one, other = await process(db), await process(db)

    async def overtake() -> None:
        await other.add(1)
        one.tallies.before = overtake

    one.tallies.before = overtake
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shared.store.ROUNDS", 3)
        with pytest.raises(Transient, match="lost 3 races"):
            await one.add(100)
    one.tallies.before = None
    assert "+100" not in await one.steps()


# A claim by a unique index


class Claim(BaseModel):
    model_config = ConfigDict(frozen=True)
    names: tuple[str, ...] = ()
    open: bool = True


class Finder(Store[Any]):
    """Takes a name to the document that holds it, else to one of its own."""

    looked = 0

    async def locate(self, changes: Sequence[Change[Any]]) -> None:
        self.looked += 1
        for change in changes:
            found = await self.documents.find_one({"ix.names": change.decide.keywords["name"]})  # type: ignore[attr-defined]
            change.key = found["_id"] if found else f"{change.cause}-own"


CLAIMS = Shape("claims", Claim, index=lambda c: {"names": c.names if c.open else ()}, unique=("names",))


def claim(state: Claim | None, now: Any, *, name: str) -> Decision[Claim]:
    if state is not None and not state.open:
        raise Elsewhere("closed")
    before = state or Claim()
    return (
        Decision(before)
        if name in before.names
        else Decision(before.model_copy(update={"names": (*before.names, name)}))
    )


def claiming(name: str, by: str) -> Change[Any]:
    return Change("", partial(claim, name=name), by)


async def test_of_two_who_claim_one_name_the_loser_finds_the_winner(db: Any) -> None:
    """IN: no contact in two cases, whoever reads it first."""
    one, other = [await process(db, shape=CLAIMS, kind=Finder) for _ in range(2)]  # type: ignore[arg-type]

    async def overtake() -> None:
        await other.store.apply([claiming("x", "other")])

    one.database.collections["claims"].before = overtake
    (outcome,) = await one.store.apply([claiming("x", "one")])
    assert outcome.key == "other-own"
    assert one.store.looked == 2  # type: ignore[attr-defined]
    assert await db["claims"].count_documents({"ix.names": "x"}) == 1


async def test_many_who_claim_one_name_at_once_end_in_one_document(db: Any) -> None:
    some = [await process(db, shape=CLAIMS, kind=Finder) for _ in range(4)]  # type: ignore[arg-type]
    told = await asyncio.gather(
        *(p.store.apply([claiming("x", f"p{i}-{j}") for j in range(3)]) for i, p in enumerate(some))
    )
    assert len({outcome.key for outcomes in told for outcome in outcomes}) == 1
    assert await db["claims"].count_documents({}) == 1


async def test_a_document_that_can_not_take_a_fact_any_more_sends_it_elsewhere(db: Any) -> None:
    p = await process(db, shape=CLAIMS, kind=Finder)  # type: ignore[arg-type]
    await p.store.apply([claiming("x", "first")])

    looks = []

    class Late(Finder):
        async def locate(self, changes: Sequence[Change[Any]]) -> None:
            await super().locate(changes)
            looks.append(changes[0].key)
            if len(looks) == 1:
                await db["claims"].update_one(
                    {"_id": "first-own"}, {"$set": {"state.open": False}, "$unset": {"ix": ""}, "$inc": {"v": 1}}
                )

    late = await process(db, shape=CLAIMS, kind=Late)  # type: ignore[arg-type]
    (outcome,) = await late.store.apply([claiming("x", "second")])
    assert looks == ["first-own", "second-own"]
    assert (outcome.status, outcome.key) == ("applied", "second-own")


# A lost answer


async def lost() -> None:
    raise AutoReconnect("the answer is lost")


async def test_a_write_whose_answer_was_lost_is_known_by_its_nonce(db: Any) -> None:
    p = await process(db)
    p.tallies.after = lost
    outcome = await p.add(once="x:1")
    assert (outcome.status, (await p.body())["v"]) == ("applied", 1)
    assert await p.steps() == ("+1",)


async def test_a_write_that_was_not_made_is_made_again(db: Any) -> None:
    p = await process(db)
    p.tallies.before = lost
    assert (await p.add()).status == "applied"
    assert await p.steps() == ("+1",)


async def test_without_nonces_a_strangers_write_would_be_taken_for_ones_own(db: Any) -> None:
    """What the nonce is for: the same race with the guard and without."""
    for guards, kept in ((Guards(), True), (Guards(nonce=False), False)):
        one, other = await process(db, guards=guards), await process(db)
        await db["tallies"].delete_many({})

        async def overtake(other: Process = other) -> None:
            await other.add(10)

        one.tallies.before = overtake
        await one.add(1)
        assert ("+1" in await one.steps()) is kept


async def test_a_database_that_is_away_is_told_to_the_caller(db: Any) -> None:
    async def away() -> None:
        raise ServerSelectionTimeoutError("no primary")

    p = await process(db)
    p.tallies.before = away
    assert issubclass(ServerSelectionTimeoutError, AutoReconnect)
    assert (await p.add()).status == "applied", "as if its answer had been lost"


# Outbox


async def test_what_no_record_caused_is_published_beside_and_taken_out(db: Any) -> None:
    p = await process(db)
    await p.add()
    await published(p)
    body = await p.body()
    assert p.tape.sequences() == [1]
    assert (body["outbox"], "pending" in body) == ([], False)


async def test_what_a_record_caused_is_taken_out_by_the_next_write(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1))
    await p.take(event(A, 2))
    assert [entry["sequence"] for entry in (await p.body())["outbox"]] == [2]
    assert p.tape.sequences() == [1, 2]


async def test_nobody_drops_an_entry_whose_publication_he_did_not_see(db: Any) -> None:
    one, other = await process(db), await process(db)
    one.tape.away = True
    with pytest.raises(Transient):
        await one.take(event(A, 1))
    await other.take(event(A, 2))
    assert other.tape.sequences() == [1, 2]


async def test_who_meets_what_a_crashed_record_left_sees_to_its_publication_even_with_nothing_to_do(db: Any) -> None:
    """The record may come back to another document: the contact it carried was taken in over HTTP meanwhile."""
    dead, other, sweeper = await process(db), await process(db), await process(db)
    dead.tape.away = other.tape.away = True
    with pytest.raises(Transient):
        await dead.take(event(A, 1))
    (outcome,) = await other.store.apply([Change("k", nothing, "c")])
    await published(other)
    sweeper.clock.now += SWEEP_AFTER
    assert (outcome.status, await sweeper.relay.sweep([sweeper.store], None)) == ("unchanged", 1)
    assert (sweeper.tape.sequences(), (await sweeper.body())["outbox"]) == ([1], [])


async def test_publication_is_awaited_before_a_record_counts_as_done(db: Any) -> None:
    """Promise 1: its offset is committed only after its events are published."""
    p = await process(db)
    p.tape.away = True
    with pytest.raises(Transient):
        await p.take(event(A, 1))
    p.tape.away = False
    assert await p.take(event(A, 1)) == ["repeat"]
    assert p.tape.sequences() == [1]


async def test_what_the_broker_does_not_acknowledge_is_not_published(db: Any) -> None:
    p = await process(db)
    p.tape.deaf = True
    with pytest.raises(KafkaTimeoutError):
        await p.take(event(A, 1))
    assert not p.relay.has_published(p.store, "k", (await p.body())["nonce"])
    p.tape.deaf = False
    await p.take(event(A, 2))
    assert p.tape.sequences() == [1, 2]


async def test_a_crash_between_write_and_publication_is_mended_by_the_repeat(db: Any) -> None:
    one = await process(db)
    one.tape.away = True
    with pytest.raises(Transient):
        await one.take(event(A, 1), event(A, 2))
    reborn = await process(db)
    assert await reborn.take(event(A, 1), event(A, 2)) == ["repeat", "repeat"]
    assert reborn.tape.sequences() == [1, 2]


async def test_a_command_that_is_refused_publishes_nothing_of_others(db: Any) -> None:
    one, other = await process(db), await process(db)
    await one.take(event(A, 1))
    await other.store.apply([Change("k", refuse, "c")])
    await published(other)
    assert other.tape.records == []


async def test_a_relay_knows_what_it_published_and_nothing_else(db: Any) -> None:
    one, other = await process(db), await process(db)
    await one.take(event(A, 1))
    nonce = (await one.body())["nonce"]
    assert one.relay.has_published(one.store, "k", nonce)
    assert not one.relay.has_published(one.store, "k", "another")
    assert not other.relay.has_published(other.store, "k", nonce)


async def test_the_http_door_works_while_the_broker_is_away_and_the_sweeper_follows_in_order(db: Any) -> None:
    p = await process(db)
    p.tape.away = True
    for n in (1, 2, 3):
        await p.add(n)
    await p.add(4, key="other")
    await published(p)
    assert await p.relay.sweep([p.store], None) == 0, "what was written just now is left to its writer"
    p.tape.away = False
    p.clock.forward(seconds=3)
    assert await p.relay.sweep([p.store], None) == 2
    assert (p.tape.sequences(), p.tape.sequences(key="other")) == ([1, 2, 3], [1])
    await eventually(lambda: nothing_left(p))


async def nothing_left(p: Process) -> bool:
    return await p.relay.sweep([p.store], None) == 0


async def test_the_sweeper_takes_what_another_process_left(db: Any) -> None:
    dead = await process(db)
    dead.tape.away = True
    await dead.add()
    await published(dead)
    p = await process(db)
    p.clock.forward(seconds=3)
    assert await p.relay.sweep([p.store], [(await p.body())["shard"]]) == 1
    assert p.tape.sequences() == [1]


async def test_the_sweeper_leaves_the_shards_of_others_alone(db: Any) -> None:
    dead = await process(db)
    dead.tape.away = True
    await dead.add()
    await published(dead)
    p = await process(db)
    p.clock.forward(seconds=3)
    others = [shard for shard in range(12) if shard != (await p.body())["shard"]]
    assert await p.relay.sweep([p.store], others) == 0


async def test_an_inbound_record_is_written_before_the_effect_it_had(db: Any) -> None:
    p = await process(db)
    record = Entry("work.v1", "work.noted", "k", "k", "id-1", T0, b'{"id":"7"}')
    await p.add(records=(record,))
    await published(p)
    assert [topic for topic, *_ in p.tape.records] == ["work.v1", "tallies.v1"]
    assert "ce_sequence" not in p.tape.records[0][3]


async def test_two_processes_that_take_turns_do_not_pile_up_an_outbox(db: Any) -> None:
    tape = Tape()
    one, other = await process(db, tape=tape), await process(db, tape=tape)
    for n in range(1, 21):
        await (one if n % 2 else other).take(event(A, n))
    await published(one)
    await published(other)
    assert len((await one.body()).get("outbox", [])) < 5
    assert tape.first_appearances() == list(range(1, 21))


# Ids of outsiders' records, for ever


async def many(p: Process, first: int, last: int) -> list[str]:
    changes = [Change("k", partial(add, n=1, step=str(i)), f"c{i}", once=f"x:{i}") for i in range(first, last)]
    return [outcome.status for outcome in await p.store.apply(changes, recorded=True)]


async def test_ids_that_left_the_document_are_still_recognised(db: Any) -> None:
    p = await process(db)
    for first in range(0, 3 * KEEP_DONE, 50):
        assert set(await many(p, first, first + 50)) == {"applied"}
    body = await p.body()
    assert len(body["done"]) <= KEEP_DONE + 50
    assert await db["tallies.done"].count_documents({}) > KEEP_DONE
    again = await process(db)
    assert set(await many(again, 0, 3 * KEEP_DONE)) == {"repeat"}
    assert len(await again.steps()) == 3 * KEEP_DONE


async def test_an_id_never_leaves_before_its_effect_is_written(db: Any) -> None:
    """Promise 1: a crash between the two writes must not make a repeat of what was never applied."""
    p = await process(db)
    await many(p, 0, 250)
    await many(p, 250, 260)

    async def crash() -> None:
        raise KeyboardInterrupt

    p.tallies.before = crash
    with pytest.raises(KeyboardInterrupt):
        await many(p, 1000, 1000 + 2 * KEEP_DONE)
    reborn = await process(db)
    assert set(await many(reborn, 1000, 1000 + 2 * KEEP_DONE)) == {"applied"}


# Timeline


async def lines(db: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await db["timeline"].find({"key": "k"}).to_list(None)
    return found


async def test_a_line_of_the_timeline_is_written_once_however_often_it_is_decided(db: Any) -> None:
    one, other = await process(db), await process(db)

    async def overtake() -> None:
        await other.take(event(A, 1))

    one.tallies.before = overtake
    assert await one.take(event(A, 1)) == ["repeat"]
    assert [(line["kind"], line["text"]) for line in await lines(db)] == [("added", "1")]


@pytest.mark.parametrize("then", [refuse, nothing])
async def test_a_line_is_taken_back_when_the_decision_falls_otherwise_in_the_end(db: Any, then: Any) -> None:
    one, other = await process(db), await process(db)

    def unless_done(state: Tally | None, now: Any) -> Decision[Tally]:
        return then(state, now) if state else add(state, now, n=1, by="me")  # type: ignore[no-any-return]

    async def overtake() -> None:
        await other.add(10)

    one.tallies.before = overtake
    (outcome,) = await one.store.apply([Change("k", unless_done, "mine")])
    assert outcome.status in ("refused", "unchanged")
    assert [line["by"] for line in await lines(db)] == ["test"], "only what happened is told"


async def test_what_waited_is_told_in_the_timeline_when_it_happens(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 2))
    assert await lines(db) == []
    await p.take(event(A, 1))
    assert {line["_id"] for line in await lines(db)} == {event(A, 1).id, event(A, 2).id}


# Older shapes


class Renamed(BaseModel):
    model_config = ConfigDict(frozen=True)
    sum: int = 0
    history: tuple[str, ...] = ()


async def test_an_older_shape_is_lifted_when_it_is_read_step_by_step(db: Any) -> None:
    old = await process(db)
    await old.add(7)
    newer = Shape(
        "tallies",
        Renamed,
        schema=3,
        lift={
            1: lambda raw: {**raw, "sum": raw["total"]},
            2: lambda raw: {"sum": raw["sum"], "history": [*raw["steps"], "lifted"]},
        },
    )
    p = await process(db, shape=newer)  # type: ignore[arg-type]
    assert await p.store.get("k") == Renamed(sum=7, history=("+7", "lifted"))  # type: ignore[comparison-overlap]
    await p.store.apply([Change("k", lambda s, _: Decision(s.model_copy(update={"sum": 8})), "c")])
    body = await p.body()
    assert (body["schema"], body["state"]) == (3, {"sum": 8, "history": ["+7", "lifted"]})


# Parked keys


def mended(event_: Event) -> Change[Tally]:
    return change_for(replace(event_, data={**event_.data, "broken": False, "wrong": False}))


async def test_unparking_applies_what_waited_in_order_and_publishes_it(db: Any) -> None:
    p = await process(db)
    assert await p.take(event(A, 1, broken=True), event(B, 1), event(A, 2)) == ["parked", "parked", "parked"]
    assert not await p.store.unpark("k"), "the bug is still there"
    assert "RuntimeError" not in (await p.body())["parked"]["error"]
    repaired = await process(db, interpret=mended)
    assert await repaired.store.unpark("k")
    await published(repaired)
    assert await repaired.steps() == (f"{A}:1", f"{B}:1", f"{A}:2")
    assert repaired.tape.sequences() == [1, 2, 3]
    assert "parked" not in await repaired.body()
    assert len(await lines(db)) == 3


async def test_a_key_that_is_not_there_can_not_be_unparked(db: Any) -> None:
    assert not await (await process(db)).store.unpark("none")


async def test_a_key_is_unparked_in_order_while_new_records_arrive(db: Any) -> None:
    """Promise 3. Two commands at once and a stream of records, on two processes: nothing twice, nothing overtakes."""
    tape, broken = Tape(), [True]

    def interpret(told: Event) -> Change[Any]:
        return change_for(replace(told, data={**told.data, "broken": broken[0] and told.sequence == 1}))

    p = await process(db, tape=tape, interpret=interpret)
    q = await process(db, tape=tape, interpret=interpret)
    await p.store.apply([interpret(event(A, n)) for n in range(1, 6)], recorded=True)
    assert len((await p.body())["held"]) == 5
    broken[0] = False

    async def arrives(n: int) -> None:
        await p.store.apply([interpret(event(A, n))], recorded=True)

    await asyncio.gather(p.store.unpark("k"), q.store.unpark("k"), *(arrives(n) for n in range(6, 11)))
    await p.relay.settle()
    await q.relay.settle()
    assert await p.steps() == tuple(f"{A}:{n}" for n in range(1, 11))
    assert tape.first_appearances() == list(range(1, 11))


async def test_a_command_on_a_parked_key_writes_nothing(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1, broken=True))
    before = await p.body()
    assert (await p.add()).status == "parked"
    assert await p.body() == before


async def skipped(p: Process) -> Skipped:
    """What is first is given up, a minute later."""
    p.clock.forward(minutes=1)
    (document,) = (await p.store.load(["k"])).values()
    return await p.store.skip("k", p.store.blocker(document))


async def test_skipping_gives_up_the_record_that_parked_the_key_and_goes_on(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1, broken=True), event(A, 2), event(B, 1))
    assert (await skipped(p)).flows
    assert await p.steps() == (f"{A}:2", f"{B}:1")
    assert await p.take(event(A, 1)) == ["repeat"]


async def test_skipping_gives_up_a_gap_that_nothing_will_fill(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1), event(A, 4), event(A, 5))
    assert (await skipped(p)).flows
    assert await p.steps() == (f"{A}:1", f"{A}:4", f"{A}:5")


async def test_skipping_gives_up_a_cause_that_will_never_come(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 1, after={B: 3}))
    assert (await skipped(p)).flows
    assert await p.steps() == (f"{A}:1",)


async def test_of_two_who_skip_the_same_gap_one_gives_it_up_and_the_other_gives_up_nothing(db: Any) -> None:
    p = await process(db)
    q = await process(db, clock=p.clock)
    await p.take(event(A, 2), event(A, 4))
    p.clock.forward(minutes=1)
    first = Blocker(topic=A, first=1, last=1)
    done = await asyncio.gather(p.store.skip("k", first), q.store.skip("k", first), return_exceptions=True)
    assert [one.code for one in done if isinstance(one, Refused)] == ["not_first"]
    assert [one.lost for one in done if isinstance(one, Skipped)] == [[{"topic": A, "first": 1, "last": 1}]]
    assert await p.steps() == (f"{A}:2",)


async def test_skipping_a_timers_bug_gives_up_no_record(db: Any) -> None:
    p = await process(db)
    await p.store.apply([Change("k", fail, "timer", timer=True)])
    await p.take(event(A, 1))
    assert (await skipped(p)).flows
    assert await p.steps() == (f"{A}:1",)


async def test_skipping_a_key_where_nothing_waits_only_unparks_it(db: Any) -> None:
    p = await process(db)
    await p.store.apply([Change("k", fail, "timer", timer=True)])
    assert (await skipped(p)).flows
    assert (await p.add()).status == "applied"


async def test_a_record_that_waited_and_is_refused_then_is_set_aside(db: Any) -> None:
    p = await process(db)
    aside: list[Any] = []

    async def put(event_: Event, refused: Any) -> None:
        aside.append((event_.id, refused.code))

    p.store.set_aside = put
    await p.take(event(A, 1, broken=True), event(A, None, wrong=True, place=7))
    repaired = await process(db, interpret=lambda e: mended(e) if e.sequence else change_for(e))
    repaired.store.set_aside = put
    assert await repaired.store.unpark("k")
    assert aside == [(f"{A}/0/7", "wrong")]


async def test_what_waited_is_counted_when_it_is_applied(db: Any) -> None:
    p = await process(db)
    await p.take(event(A, 2), event(A, 1))
    assert p.metrics.events_applied.labels("number.added")._value.get() == 2


# Timers in the index


async def test_a_documents_next_instant_lies_in_its_index_and_goes_with_it(db: Any) -> None:
    p = await process(db)
    ring = Change("k", lambda s, now: Decision(Tally(alarm_at=T0)), "set")
    await p.store.apply([ring])
    assert (await p.body())["due"].replace(tzinfo=T0.tzinfo) == T0
    await p.store.apply([Change("k", lambda s, now: Decision(Tally()), "unset")])
    assert "due" not in await p.body()


async def test_eventually_names_what_did_not_come() -> None:
    with pytest.raises(AssertionError, match="not within"):
        await eventually(lambda: False, within=0.05)
