"""The benchmark compares like with like: contacts of different people, one stopwatch for both sides."""

from __future__ import annotations

import json
from pathlib import Path

import bson
import orjson
import pytest

from bench import hop
from bench.bare import _documents, _sized, reader
from bench.contacts import contacts
from bench.hop import BARE, Plan, _result
from bench.laps import Lap, Load, Stopwatch
from services.intake.domain.rules import Rules
from shared.events.contacts import Contact

BENCH = Path(__file__).parents[3] / "bench"
MANY = 700
TIMES = {
    "bare": (0.5, 0.25, 9.0),
    "reading": (0.6,),
    "looking": (0.8,),
    "upserting": (1.0,),
    "intake": (1.0, 1.0, 0.1),
}


@pytest.fixture(scope="module")
def made() -> list[Contact]:
    return [Contact.model_validate_json(value) for _, value in contacts(MANY, "round-1")]


def test_every_contact_is_a_valid_one_of_another_customer(made: list[Contact]) -> None:
    for identity in ("id", "conversation"):
        named = [value for contact in made if (value := getattr(contact, identity))]
        assert len(named) == len(set(named))
    for point in ("phone", "email", "app_id", "social"):
        points = [value for contact in made if (value := getattr(contact.customer, point))]
        assert points
        assert len(points) == len(set(points))


def test_two_rounds_have_no_contact_in_common() -> None:
    first, second = ({value for _, value in contacts(MANY, series)} for series in ("round-1", "round-2"))

    assert first.isdisjoint(second)


def test_the_clock_runs_from_the_end_of_the_warm_up_to_the_last_commit() -> None:
    started: list[int] = []
    watch = Stopwatch(warm_up=100, wanted=200, on_start=lambda: started.append(watch.seen))

    assert [watch.committed(size) for size in (60, 60, 100, 79)] == [False, False, False, False]
    assert watch.committed(1)
    assert started == [120]
    assert watch.lap is not None
    assert (watch.lap.contacts, watch.lap.batches) == (180, 3)
    assert watch.lap.seconds > 0


def test_the_bare_client_writes_documents_and_records_of_the_size_it_was_told() -> None:
    contact = {"id": "c1", "text": "重复扣款"}
    load = Load(per_contact=1, value_bytes=900)

    (document,) = _documents([contact], load)
    assert abs(len(bson.encode(document)) - 900) <= 20
    assert len(_sized(contact, load)) == 900
    assert orjson.loads(_sized(contact, load)) == contact


def test_the_ratio_is_that_of_the_medians() -> None:
    laps = {
        side: [Lap(contacts=1000, seconds=seconds, batches=1, cpu_seconds=0.1) for seconds in some]
        for side, some in TIMES.items()
    }

    result = _result(Plan("", "", 1, 1000), {}, {}, laps)

    assert (result["ratio"], result["met"]) == (0.5, True)
    assert result["ratios"] == {"bare": 0.5, "reading": 0.6, "looking": 0.8, "upserting": 1.0}


def test_every_bare_side_is_told_what_it_does() -> None:
    plan = Plan("kafka", "mongo", 1, 2)
    tasks = {side: plan.task(topic="t", database="d", **way) for side, way in BARE.items()}
    assert {side for side, task in tasks.items() if task.reads} == {"reading"}


def test_the_side_that_reads_understands_each_contact_and_loads_it_as_the_others_do() -> None:
    understood: list[tuple[Contact, Rules]] = []
    read = reader(lambda contact, rules: understood.append((contact, rules)))
    values = [value for _, value in contacts(3, "read")]

    assert [read(value) for value in values] == [orjson.loads(value) for value in values]
    assert [contact for contact, _ in understood] == [Contact.model_validate_json(value) for value in values]
    assert all(isinstance(rules, Rules) for _, rules in understood)


def test_the_figures_of_the_hop_are_those_of_the_last_bench() -> None:
    page = (BENCH / "README.md").read_text()
    for row in hop.figures(json.loads((BENCH / "results.json").read_text())["hop"]):
        assert f"| {' | '.join(row)} |" in page
