"""The routing page says why."""

from typing import Any

import pytest

from services.routing.domain.agent import Agent
from services.routing.domain.explain import WAITING, explain
from services.routing.domain.ticket import Ticket
from tests.unit.routing.makers import NOW, REASON, RULES, agent, rules_with, seconds, ticket


def why(one: Ticket, agents: list[Agent], tickets: list[Ticket] | None = None, **more: Any) -> dict[str, Any]:
    said = explain(one, tickets if tickets is not None else [one], agents, NOW, more.pop("rules", RULES), **more)
    waiting: dict[str, Any] = said["waiting"]
    return waiting


def test_S7_it_says_which_rule_and_tier_made_a_case_jump() -> None:
    said = explain(ticket(priority="P1", tier="gold", priority_rule="business-stopped"), [], [], NOW, RULES)
    assert (said["priority"], said["tier"], said["priority_rule"]) == ("P1", "gold", "business-stopped")
    assert said["policy_version"] == RULES.version


def test_it_says_why_this_agent() -> None:
    had = ticket().model_copy(update={"status": "assigned", "agent_id": "Z01", "reason": REASON, "waited_s": 3.0})
    said = explain(had, [], [], NOW, RULES)
    assert (said["agent_id"], said["owner"], said["waited_s"]) == ("Z01", "agent:Z01", 3.0)
    assert said["reason"]["score"] == REASON.score
    assert "waiting" not in said


def test_RT_13_while_it_waits_the_pool_has_the_ball() -> None:
    said = explain(ticket(waited_s=7), [], [], NOW, RULES, estimate_s=90)
    assert (said["owner"], said["waited_s"], said["estimate_s"]) == ("pool:payments.zh", 7, 90)


def test_nobody_at_work() -> None:
    assert why(ticket(), [agent(state="offline"), agent("B", languages=("en",))])["code"] == "nobody_at_work"


def test_everyone_busy() -> None:
    said = why(ticket(), [agent(holds=("x",)), agent("B", holds=("y",))])
    assert (said["code"], said["agents_fitting"], said["agents_free"]) == ("no_free_place", 2, 0)


def test_everyone_asked() -> None:
    assert why(ticket(asked=("Z01",), returned_at=NOW), [agent()])["code"] == "round_rests"


def test_free_but_of_a_ring_that_is_not_open() -> None:
    agents = [agent(holds=("x",)), agent("B", {"payments": 1})]
    said = why(
        ticket(level=2, waited_s=5), agents, rules=rules_with(rings=[{"after_s": 0}, {"after_s": 20, "lower": 1}])
    )
    assert (said["code"], said["ring"], said["next_ring_in_s"]) == ("ring_not_open", 0, 15)


def test_free_but_asked_already_while_another_is_busy() -> None:
    agents = [agent("A"), agent("B", holds=("x",))]
    assert why(ticket(asked=("A",), returned_at=NOW), agents)["code"] == "ring_not_open"


def test_S7_others_go_first() -> None:
    first, one = ticket("first", priority="P1", waited_s=1), ticket(waited_s=50)
    said = why(one, [agent()], [one, first])
    assert (said["code"], said["ahead"]) == ("not_its_turn", 1)


def test_RT_4_it_waits_for_who_knows_the_customer() -> None:
    agents = [agent("A"), agent("B", holds=("x",))]
    assert why(ticket(last_agent="B", waited_s=1), agents)["code"] == "knows_customer"
    assert why(ticket(customer_id="王芳", waited_s=1), agents, familiar={"王芳": "B"})["code"] == "knows_customer"


def test_it_is_next() -> None:
    assert why(ticket(), [agent()])["code"] == "next"


def test_as_wide_as_it_gets() -> None:
    assert why(ticket(waited_s=10_000), [])["next_ring_in_s"] is None


@pytest.mark.parametrize("code", WAITING)
def test_every_reason_is_told_in_both_languages(code: str) -> None:
    english, chinese = WAITING[code]
    assert english.isascii()
    assert not chinese.isascii()


def test_looking_does_not_change_what_is_looked_at() -> None:
    one, agents = ticket(waited_s=3), [agent(idle_since=NOW - seconds(9))]
    assert explain(one, [one], agents, NOW, RULES) == explain(one, [one], agents, NOW, RULES)
