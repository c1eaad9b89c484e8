"""A whole service over the mechanics, on a real broker and a real database (promises 1 to 4, and what is set aside)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from shared import health
from tests.integration.shared.counting import Member, World, member
from tests.integration.shared.proxy import proxied
from tests.unit.shared.tally import Raw
from tests.waiting import eventually, never


def words(first: int, last: int, text: str = "x") -> list[dict[str, str]]:
    return [{"id": str(i), "text": text} for i in range(first, last)]


async def reaches(one: Member, total: int, key: str = "k", within: float = 15.0) -> None:
    async def there() -> bool:
        return await one.total(key) >= total

    await eventually(there, within)


async def all_is_committed(here: World) -> None:
    async def done() -> bool:
        return await here.uncommitted() == 0

    await eventually(done, 15)


# Bad input


BAD: list[tuple[Any, list[tuple[str, Any]], str]] = [
    (b"{", [], "bad_json"),
    (b"[]", [], "bad_json"),
    (b"\xff\xfe", [], "bad_json"),
    (None, [], "empty_value"),
    (b'{"type": "word", "n": ' + b"[" * 40 + b"]" * 40 + b"}", [], "too_deep"),
    (b'{"type": "word", "text": "' + b"x" * 300 * 1024 + b'"}', [], "too_large"),
    (b'{"type": "word", "text": "' + b"x" * 1_048_400 + b'"}', [], "too_large"),
    (b'{"type": "word"', [("x", b"y" * 1_048_300)], "bad_json"),
    (b'{"type": "word", "a\\u0000b": 1}', [], "invalid"),
    (b'{"type": ["word"], "key": "k", "id": "1"}', [], "unknown_type"),
    (b'{"type": "word", "key": "k"}', [], "invalid"),
    (b'{"type": "word", "key": "k", "id": "bad", "text": "wrong"}', [], "wrong"),
    (b'{"type": "word", "key": "k", "id": "h1"}', [("x", b"\xff")], "bad_headers"),
    (b'{"type": "word", "key": "k", "id": "h2"}', [("ce_type", None)], "bad_headers"),
]


async def test_bad_records_among_good_ones_are_set_aside_whole_and_every_good_one_arrives(here: World) -> None:
    """Promise 4."""
    for i, (value, headers, _) in enumerate(BAD):
        await here.say(*words(10 * i, 10 * i + 10))
        await here.say(value, headers=headers, key=f"bad-{i}")
    async with member(here) as one:
        await reaches(one, 10 * len(BAD))
        await all_is_committed(here)
        assert await one.total() == 10 * len(BAD)
        await one.running.bus.work(
            [Raw(topic=here.words, offset=10**9, key=None, value=None)]
        )  # our producer can't send it
        listed = (await one.ask("GET", "/v1/quarantine")).json()["items"]
        kept = await one.running.quarantine.documents.find({}).to_list(None)
    assert sorted(item["reason"] for item in listed) == sorted([*(reason for *_, reason in BAD), "empty_value"])
    assert {body["value"] for body in kept} == {value for value, *_ in BAD}
    copies = await here.on(f"{here.words}.dlq")
    assert {dict(r.headers)["switchboard_place"].decode() for r in copies} == {body["_id"] for body in kept}
    whole = {
        value for value, headers, _ in BAD if value and len(value) + sum(len(v or b"") for _, v in headers) < 900_000
    }
    assert whole <= {record.value for record in copies}


async def test_a_header_name_that_is_not_text_stops_nothing(here: World) -> None:
    """Promise 4. The client library would give up every partition for it."""
    for key in ("a", "b", "c", "d"):
        await here.say({"id": "1", "key": key}, key=key)
    await here.say_with_header_name(b"\xff\xfe", {"id": "odd"})
    await here.say({"id": "2"})
    async with member(here) as one:
        await reaches(one, 2)
        await all_is_committed(here)
        assert [await one.total(key) for key in ("a", "b", "c", "d")] == [1] * 4


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_outsiders_may_compress_what_they_send(here: World, compression: str) -> None:
    await here.say_compressed(compression, *words(0, 20))
    async with member(here) as one:
        await reaches(one, 20)


async def test_a_record_is_replayed_when_the_reason_is_gone(here: World) -> None:
    await here.say({"id": "1", "text": "wrong"}, {"id": "2", "text": "x"})
    async with member(here) as one:
        await reaches(one, 1)

        async def set_aside() -> Any:
            return (await one.ask("GET", "/v1/quarantine?reason=wrong")).json()["items"]

        (item,) = await eventually(set_aside)
        shown = (await one.ask("GET", f"/v1/quarantine/{item['id']}")).json()
        assert '"text": "wrong"' in shown["value"]
        replay = f"/v1/quarantine/{item['id']}/replay"
        assert (await one.ask("POST", replay)).json()["replayed"] is False, "the reason is still there"
        assert (await one.ask("POST", replay, role="auditor")).status_code == 403
        here.wrong.clear()
        assert (await one.ask("POST", f"{replay}?dry_run=true")).json()["replayed"] is False
        assert await one.total() == 1
        assert (await one.ask("POST", replay)).json()["replayed"] is True
        assert (await one.tally()).steps == ("x", "wrong")
        assert (await one.ask("GET", "/v1/quarantine")).json()["items"] == []
        audit = (await one.ask("GET", "/v1/audit")).json()["items"]
        assert [(line["by"], line["what"], line["became"]) for line in audit] == [
            ("test supervisor", item["id"], became) for became in ("stays in quarantine", "replayed")
        ]
        await one.ask("POST", replay)
        assert await one.total() == 2, "a second replay is a repeat"


# Failures


async def test_a_death_between_write_and_commit_repeats_and_nothing_counts_twice(here: World) -> None:
    """Promises 1 and 2."""

    async def die(outcomes: Sequence[Any]) -> None:
        raise asyncio.CancelledError

    await here.say(*words(0, 200))
    await here.number(*range(1, 51))
    async with member(here, after=die) as dying:
        await reaches(dying, 1)
        assert await here.uncommitted() == 250
    async with member(here) as reborn:
        await reaches(reborn, 250)
        await all_is_committed(here)
        assert await reborn.total() == 250
    assert here.outcomes["repeat"] > 0
    published = await here.published()
    assert list(dict.fromkeys(published)) == list(range(1, 251))


async def test_while_the_database_is_away_nothing_moves_and_the_member_stays_in_its_group(here: World) -> None:
    async with (
        proxied(here.mongo.removeprefix("mongodb://").partition("/")[0]) as proxy,
        member(here, mongo=f"mongodb://{proxy.address}/?directConnection=true") as one,
    ):
        await here.say(*words(0, 10))
        await reaches(one, 10)
        await all_is_committed(here)
        before = await here.members()
        await proxy.shut()
        await here.say(*words(10, 30))
        away = asyncio.create_task(one.client.get("/readyz"))
        await eventually(lambda: one.running.bus._failures, within=20)
        told = await away
        assert told.status_code == 503
        assert "store" in told.json()["reasons"][0]
        assert (await one.client.get("/livez")).status_code == 200
        assert await here.uncommitted() == 20
        assert await here.members() == before
        await proxy.open()
        await reaches(one, 30, within=30)
        await all_is_committed(here)
        assert await one.total() == 30
        assert await here.members() == before
    assert list(dict.fromkeys(await here.published())) == list(range(1, 31))


async def test_the_http_door_works_while_the_broker_is_away_and_the_outbox_follows_later(here: World) -> None:
    async with proxied(here.kafka) as proxy:
        await proxy.shut()
        async with member(here, kafka=proxy.address) as one:

            async def ready() -> bool:
                return (await one.client.get("/readyz")).status_code == 200

            await eventually(ready)
            for i in range(1, 6):
                answer = await one.say(f"word-{i}", str(i))
                assert (answer.status_code, answer.json()) == (201, {"total": i})
            await health.observe(one.running)
            assert "switchboard_outbox_pending" in (await one.client.get("/metrics")).text
            assert one.running.core.metrics.outbox_pending._value.get() == 1
            await proxy.open()

            async def drained() -> bool:
                return await one.store.documents.count_documents({"pending": {"$exists": True}}) == 0

            await eventually(drained, 20)
            assert list(dict.fromkeys(await here.published())) == [1, 2, 3, 4, 5]
            said = [record.key for record in await here.on(here.words)]
            assert said[:5] == [b"k"] * 5
            await eventually(one.consumes, 20)
            await all_is_committed(here)
            assert await one.total() == 5, "its own consumer found them to be repeats"
    assert here.outcomes["repeat"] >= 5


async def test_partitions_are_drained_before_they_are_given_away(here: World) -> None:
    """Promise 2: the second member finds nothing to repeat."""
    going, go = asyncio.Event(), asyncio.Event()

    async def slow(outcomes: Sequence[Any]) -> None:
        going.set()
        await go.wait()

    keys = [f"key-{i}" for i in range(20)]
    for key in keys:
        await here.say(*({"id": str(i), "text": "x", "key": key} for i in range(6)), key=key)
    async with member(here, after=slow) as first:
        await asyncio.wait_for(going.wait(), 15)
        async with member(here) as second:
            await held_back_until_drained(here, second, go)
            for key in keys:
                await here.say({"id": "late", "text": "x", "key": key}, key=key)
            for key in keys:
                await reaches(first, 7, key)
            await all_is_committed(here)
            shards = [one.running.ownership.shards for one in (first, second)]
            assert frozenset.union(*shards) == {0, 1, 2}
            assert not frozenset.intersection(*shards)
            assert all(shards), "each has its part"
    assert here.outcomes == {"applied": 140}


async def held_back_until_drained(here: World, second: Member, go: asyncio.Event) -> None:
    """The second member gets no partition before the batch of the first is let go on and committed."""

    async def both_are_in() -> bool:
        return len(await here.members()) == 2

    try:
        await eventually(both_are_in, 15)
        await never(second.consumes, during=4.0)  # longer than the heartbeat that brings the news
        assert await here.uncommitted() == 120
    finally:
        go.set()
    await eventually(second.consumes, 20)
    await all_is_committed(here)


async def test_a_graceful_stop_finishes_its_batch_and_commits(here: World) -> None:
    await here.say(*words(0, 500))
    began, in_the_group = asyncio.Event(), set[str]()

    async def last_until_the_stop(outcomes: Sequence[Any]) -> None:
        began.set()
        await eventually(lambda: one.running.bus.stopping)
        in_the_group.update(await here.members())

    async with member(here, after=last_until_the_stop) as one:
        await asyncio.wait_for(began.wait(), 15)
    assert len(in_the_group) == 1, "it leaves only when its batch is done"
    applied = here.outcomes["applied"]
    assert applied > 0
    assert await here.uncommitted() == 500 - applied
    async with member(here) as again:
        await reaches(again, 500)
        await all_is_committed(here)
    assert (here.outcomes["applied"], here.outcomes["repeat"]) == (500, 0)
    assert await here.members() == set()


# Errors of ours


async def test_one_key_is_parked_the_others_flow_and_unparking_drains_in_order(here: World) -> None:
    """Promise 3."""
    async with member(here) as one:
        await here.number(1, key="k")
        await reaches(one, 1)
        await here.number(2, key="k", broken=True)
        await here.number(3, 4, key="k")
        await here.number(1, 2, 3, key="other")
        await reaches(one, 3, key="other")
        await all_is_committed(here)

        async def parked() -> Any:
            items = (await one.ask("GET", "/v1/parked")).json()["items"]
            return items if items and len(items[0]["waiting"]) == 3 else None

        (item,) = await eventually(parked)
        assert (item["key"], item["parked"]["error"]) == ("k", "Bug: ours")
        told = await one.say(key="k")
        assert (told.status_code, "retry-after" in told.headers) == (503, True)
        assert (await one.ask("POST", "/v1/parked/k/replay")).json()["flows"] is False
        here.bugs.clear()
        assert (await one.ask("POST", "/v1/parked/k/replay")).json()["flows"] is True
        assert (await one.tally()).steps == ("#1", "#2", "#3", "#4")
        await here.number(5, key="k")
        await reaches(one, 5)
        assert (await one.say(key="k")).status_code == 201
        assert (await one.ask("POST", "/v1/parked/nobody/replay")).status_code == 404

        async def told_all() -> bool:
            return list(dict.fromkeys(await here.published())) == [1, 2, 3, 4, 5, 6]

        await eventually(told_all)


async def test_many_bugs_stop_the_partition_until_an_operator_resumes_it_and_nothing_is_lost(here: World) -> None:
    async with member(here) as one:
        await eventually(one.consumes)
        for i in range(25):
            await here.say({"id": "1", "text": "bug", "key": f"bug-{i}"}, key="same partition")

        async def stopped() -> Any:
            items = (await one.ask("GET", "/v1/partitions")).json()["items"]
            return [item for item in items if item["stopped"]]

        (place,) = await eventually(stopped)
        await here.say({"id": "2", "text": "fine", "key": "after"}, key="same partition")
        await here.say(*words(0, 3), key="k")
        resume = f"/v1/partitions/{place['topic']}/{place['partition']}/resume"
        here.bugs.clear()
        assert (await one.ask("POST", resume)).json()["stopped"] is False
        await reaches(one, 1, key="after")
        assert (await one.ask("POST", resume)).status_code == 404
        for i in range(25):
            await one.ask("POST", f"/v1/parked/bug-{i}/replay")
        totals = [await one.total(f"bug-{i}") for i in range(25)]
        assert totals == [1] * 25


# Doors


async def test_every_http_door_has_the_same_manners(here: World) -> None:
    """CONTRACTS section 3."""
    async with member(here) as one:

        async def ready() -> bool:
            return (await one.client.get("/readyz")).json()["status"] == "ready"

        await eventually(ready)
        assert (await one.client.get("/livez")).json() == {"status": "alive"}
        assert (await one.client.get("/openapi.json")).status_code == 200
        metrics = (await one.client.get("/metrics")).text
        assert f'switchboard_build_info{{revision="unknown",service="{here.name}"' in metrics
        for answer, status, type_ in [
            (await one.client.get("/v1/nothing"), 404, "not_found"),
            (await one.client.post("/v1/words"), 401, "unauthenticated"),
            (await one.client.post("/v1/words", headers={"Authorization": "Bearer x"}), 401, "unauthenticated"),
            (await one.say(role="auditor"), 403, "forbidden"),
            (await one.ask("POST", "/v1/words", "channel", content=b"{"), 400, "bad_json"),
            (await one.ask("POST", "/v1/words", "channel", json={"key": "k"}), 422, "invalid"),
            (await one.say("wrong"), 409, "wrong"),
            (await one.say("bug"), 500, "internal"),
            (await one.ask("GET", "/v1/quarantine/none/0/0"), 404, "unknown_record"),
            (await one.ask("GET", "/v1/parked", "channel"), 403, "forbidden"),
        ]:  # fmt: skip
            assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{type_}"), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
        assert await one.total() == 0
        seen = (await one.client.get("/metrics")).text
        assert 'route="/v1/words",service=' in seen
        assert 'status="409"' in seen


async def test_the_same_idempotency_key_gets_the_same_answer_and_another_body_none(here: World) -> None:
    async with member(here) as one:
        await eventually(lambda: not one.running.ready)
        first = await one.say("a", "1", **{"Idempotency-Key": "x"})
        await one.say("b", "2")
        again = await one.say("a", "1", **{"Idempotency-Key": "x"})
        other = await one.say("c", "3", **{"Idempotency-Key": "x"})
        assert (first.status_code, first.content) == (again.status_code, again.content) == (201, b'{"total":1}')
        assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency_key_reused")
        assert await one.total() == 2


async def test_what_was_said_over_http_and_by_record_counts_once(here: World) -> None:
    async with member(here) as one:
        await eventually(one.consumes)
        assert (await one.say("a", "1")).status_code == 201
        await here.say({"id": "1", "text": "a"})

        async def both_read() -> bool:
            return here.outcomes["repeat"] >= 2

        await eventually(both_read)
        assert (await one.tally()).steps == ("a",)


async def test_many_http_writes_at_once_are_all_done(here: World) -> None:
    async with member(here) as one:
        await eventually(one.consumes)
        began = time.monotonic()
        answers = await asyncio.gather(*(one.say(f"w{i}", str(i), key=f"key-{i % 10}") for i in range(200)))
        assert {answer.status_code for answer in answers} == {201}
        assert time.monotonic() - began < 10
        assert [await one.total(f"key-{i}") for i in range(10)] == [20] * 10


async def test_the_same_service_runs_through_the_other_driver(here: World) -> None:
    here.driver = "motor"
    await here.say(*words(0, 50))
    async with member(here) as one:
        await reaches(one, 50)
        assert (await one.client.get("/readyz")).status_code == 200
        assert (await one.say("http", "http")).json() == {"total": 51}
        await all_is_committed(here)
    assert list(dict.fromkeys(await here.published())) == list(range(1, 52))
