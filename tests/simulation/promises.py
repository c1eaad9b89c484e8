"""What customers, agents and departments are promised, looked up in a history that has come to rest."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from shared.events.escalations import TOPICS as ESCALATIONS
from shared.ids import contact_id
from tests.simulation.house import OURS, House
from tests.simulation.invariants import check_causes, check_followed, check_published, events
from tests.simulation.world import World

REASONS = frozenset({"wrong_transition", "not_yours"})
"""Why a record of a well-behaved sender may be refused: what he answers may have changed meanwhile."""


def check(house: House) -> None:
    world = house.world
    check_published(world, OURS)
    check_causes(world, OURS)
    check_followed(world, OURS)
    check_contacts(house)
    check_assignments(world)
    check_places(house)
    check_messages(house)
    check_promises(world)
    check_misses(world)
    check_surveys(world)
    check_set_aside(world)


def check_contacts(house: House) -> None:
    """IN-4: every accepted contact is in exactly one case, and every case was opened once."""
    cases = house.world.states("intake", "cases")
    held = sorted(seen["id"] for case in cases.values() for seen in case["contacts"])
    assert held == sorted(contact_id(*identity) for identity in house.accepted), "a contact is missing, or in two cases"
    for case, records in of_cases(house.world).items():
        types = [_type(record) for record in records]
        assert types.count("case.opened") == 1, f"{case} was opened {types.count('case.opened')} times"


def check_assignments(world: World) -> None:
    """No case is with two agents: between two assignments it was taken back or ended."""
    for case, records in events(world, "assignments.v1").items():
        holder = None
        for record in records:
            data = orjson.loads(record.value)
            if _type(record) == "case.assigned":
                assert holder in (None, data["agent_id"]), f"{case} is with {holder} and {data['agent_id']}"
                holder = data["agent_id"]
            elif _type(record) in ("case.unassigned", "case.queued"):
                holder = None


def check_places(house: House) -> None:
    """What agents hold is what tickets say."""
    held, given = house.places()
    assert held == given, f"held and not given: {held - given}; given and not held: {given - held}"


def check_messages(house: House) -> None:
    """NT-6: no message reaches a provider twice that cannot recognise repeats, and none that was sent is lost."""
    twice = [id_ for id_, count in house.provider.taken.items() if count > 1]
    assert not twice, f"sent twice: {twice}"
    files = house.world.states("notify", "casefiles")
    for case, file in files.items():
        for message in file["messages"]:
            assert message["state"] == "unknown", f"{case}: {message['template']} is still {message['state']}"
        for finished in file["finished"]:
            if finished["state"] == "sent":
                assert house.provider.taken[finished["id"]] == 1, f"{case}: {finished['template']} was never sent"


def check_promises(world: World) -> None:
    """SL-4: every miss has one escalation of its own, and every escalation its miss."""
    raised = [
        orjson.loads(record.value) for topic in ESCALATIONS for record in all_of(world, topic, "escalation.raised")
    ]
    missed = [orjson.loads(record.value) for record in all_of(world, "sla.v1", "target.missed")]
    promises = [one["escalation_id"] for one in missed if one["target"] != "escalation"]
    assert sorted(promises) == sorted(one["escalation_id"] for one in raised)
    assert len(promises) == len(set(promises))


def check_misses(world: World) -> None:
    """SL-2: no promise stays missed that a fact kept which was written before it fell due."""
    for target, fact in (("first_response", "case.responded"), ("resolution", "case.resolved")):
        for case, records in events(world, "sla.v1").items():
            ends = [(_type(record), orjson.loads(record.value)) for record in records]
            met = {one["nth"] for type_, one in ends if type_ == "target.met" and one["target"] == target}
            for type_, one in ends:
                if type_ == "target.missed" and one["target"] == target and one["nth"] not in met:
                    began = next(c["at"] for t, c in ends if t == "clock.started" and _same(c, one))
                    kept = [at for at in _moments(world, case, fact) if _at(began) <= at <= _at(one["due_at"])]
                    assert not kept, f"{case}: {target} {one['nth']} stays missed, though kept at {kept}"


def _same(clock: dict[str, Any], other: dict[str, Any]) -> bool:
    return (clock["target"], clock["nth"]) == (other["target"], other["nth"])


def _moments(world: World, case: str, type_: str) -> Iterator[datetime]:
    for record in events(world, "cases.v1").get(case, ()):
        if _type(record) == type_:
            yield _at(orjson.loads(record.value).get("happened_at") or dict(record.headers)["ce_time"].decode())


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def check_set_aside(world: World) -> None:
    """Everybody here speaks well: nothing is set aside but what came too late for its case."""
    for name in world.topics:
        for aside in world.replicas.documents(f"switchboard_{name}", "quarantine").values():
            assert aside["reason"] in REASONS, f"{name} set aside {aside['topic']}: {aside['reason']}: {aside['error']}"


def check_surveys(world: World) -> None:
    """FB-1: every closing that was not undone in time is asked about once."""
    outcomes = world.states("feedback", "outcomes")
    for case, records in of_cases(world).items():
        closed = [_type(record) for record in records].count("case.closed")
        asked = len([r for r in events(world, "feedback.v1").get(case, ()) if _type(r) == "survey.requested"])
        assert asked <= closed, f"{case} was closed {closed} times and asked {asked} times"
        assert asked == len(outcomes[case]["surveys"])
        if outcomes[case]["closed_at"]:
            assert asked >= 1, f"{case} was closed and never asked"


def of_cases(world: World) -> dict[str, list[Any]]:
    """What was given out of each case; a burst of cases is a subject of its own."""
    given = events(world, "cases.v1")
    return {case: records for case, records in given.items() if _type(records[0]) != "burst.noticed"}


def all_of(world: World, topic: str, type_: str) -> list[Any]:
    return [r for records in events(world, topic).values() for r in records if _type(r) == type_]


def _type(record: Any) -> str:
    return dict(record.headers)["ce_type"].decode()
