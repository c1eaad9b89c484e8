"""Who may do work on a case."""

from functools import partial
from typing import Any

import pytest

from services.intake.domain.roster import Colleague, by_stranger, enrol
from services.intake.store import Roster
from shared.decisions import Decision, Refused
from shared.errors import TooEarly
from shared.events.agents import AgentUpdated
from tests.unit.intake.given import NOW, opened


def done(state: Any, now: Any) -> Decision[Any]:
    return Decision("done")


def test_an_agent_is_enrolled_once() -> None:
    event = AgentUpdated(agent_id="Z01", at=NOW)
    first = enrol(None, NOW, event=event).state
    assert first == Colleague(agent_id="Z01")
    assert enrol(first, NOW, event=event).state is first


def test_work_of_a_stranger_is_refused_and_the_field_is_named() -> None:
    for case in (None, opened()):
        with pytest.raises(Refused, match="NOBODY") as refused:
            by_stranger(case, NOW, agent_id="NOBODY", decide=done)
        assert (refused.value.code, refused.value.field, refused.value.status) == ("unknown_agent", "agent_id", 422)


def test_whoever_has_the_case_is_no_stranger() -> None:
    case = opened().changed(agent_id="Z09")
    assert partial(by_stranger, agent_id="Z09", decide=done)(case, NOW).state == "done"


class Colleagues:
    """What is stored of agents, and a consumer that may not have read all of `agents.v1` yet."""

    partitions = 12

    def __init__(self) -> None:
        self.stored: set[str] = set()
        self.asked = 0
        self.read_to_its_end = False
        self.on_the_topic: set[str] = set()

    async def get(self, agent_id: str) -> Colleague | None:
        self.asked += 1
        return Colleague(agent_id=agent_id) if agent_id in self.stored else None

    async def has_applied(self, places: list[tuple[str, int]]) -> bool:
        assert [topic for topic, _ in places] == ["agents.v1"]
        if self.read_to_its_end:
            self.stored |= self.on_the_topic
        return self.read_to_its_end


def roster_of(colleagues: Any) -> Roster:
    roster = Roster(colleagues)
    roster.consumer = lambda: colleagues
    return roster


async def test_whether_an_agent_is_unknown_is_left_open_until_the_topic_has_been_read_to_its_end() -> None:
    colleagues = Colleagues()
    roster = roster_of(colleagues)
    colleagues.on_the_topic = {"Z01"}
    for agent_id in ("Z01", "NOBODY"):
        with pytest.raises(TooEarly, match=agent_id):
            await roster.knows(agent_id)
    colleagues.read_to_its_end = True
    assert await roster.knows("Z01") is True
    assert await roster.knows("NOBODY") is False


async def test_without_a_consumer_nobody_is_called_unknown() -> None:
    roster = Roster(Colleagues())  # type: ignore[arg-type]
    with pytest.raises(TooEarly):
        await roster.knows("NOBODY")


async def test_whoever_is_known_is_not_looked_up_again() -> None:
    colleagues = Colleagues()
    colleagues.stored = {"Z01"}
    roster = roster_of(colleagues)
    assert [await roster.knows("Z01") for _ in range(3)] == [True] * 3
    assert colleagues.asked == 1
