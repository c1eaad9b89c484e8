from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.estimate import Outlook, estimate
from tests.unit.routing.makers import RULES, agent, rules_with, ticket

RULES_600 = rules_with(estimate={"assumed_handling_s": 600, "enough": 3, "reaction_s": 10})
KNOW_NOTHING = rules_with(estimate={"assumed_handling_s": None, "enough": 3, "reaction_s": 10})


def seconds_until(rules: Any = RULES_600, **more: Any) -> int | None:
    plain: dict[str, Any] = {"ahead": 0, "free": 0, "places": 4, "handling_s": ()}
    return estimate(**(plain | more), rules=rules)


def test_RT_10_S9_nobody_at_work_means_no_estimate_rather_than_a_pleasant_one() -> None:
    assert seconds_until(places=0) is None


def test_RT_10_with_a_free_place_only_the_reaction_is_waited_for() -> None:
    assert seconds_until(free=3, ahead=2) == 10


def test_RT_10_without_a_free_place_each_case_ahead_needs_one_to_end() -> None:
    assert seconds_until(ahead=0) == 600 / 4 + 10
    assert seconds_until(ahead=7) == 8 * 600 / 4 + 10
    assert seconds_until(ahead=7, free=3) == 5 * 600 / 4 + 10


def test_RT_10_recent_handling_replaces_the_assumption_once_there_is_enough() -> None:
    assert seconds_until(handling_s=[60, 60]) == 160
    assert seconds_until(handling_s=[60, 60, 120]) == 80 / 4 + 10


def test_RT_10_nothing_known_and_nothing_assumed_is_unknown() -> None:
    assert seconds_until(KNOW_NOTHING) is None
    assert seconds_until(KNOW_NOTHING, free=1) == 10


@given(st.integers(0, 500), st.integers(0, 50), st.integers(1, 50), st.integers(1, 50))
def test_RT_10_more_ahead_never_shortens_and_more_places_never_lengthen_the_wait(
    ahead: int, free: int, places: int, more: int
) -> None:
    here = seconds_until(ahead=ahead, free=free, places=places)
    longer = seconds_until(ahead=ahead + more, free=free, places=places)
    shorter = seconds_until(ahead=ahead, free=free, places=places + more)
    assert here is not None
    assert longer is not None
    assert shorter is not None
    assert shorter <= here <= longer


def outlook(tickets: Any = (), agents: Any = (), **more: Any) -> Outlook:
    return Outlook(tickets, agents, RULES_600, **more)


def test_only_cases_of_the_same_or_a_higher_priority_go_first() -> None:
    waiting = [ticket(priority="P1"), ticket(priority="P2"), ticket(priority="P3")]
    busy = [agent(holds=("x",))]
    waits = [outlook(waiting, busy).estimate_s("payments", "zh", p) for p in ("P0", "P1", "P2", "P3")]
    assert waits == [610, 1210, 1810, 2410]


def test_cases_of_another_pool_count_as_far_as_they_take_the_same_agents() -> None:
    both, other = agent("A", {"payments": 3, "accounts": 3}, holds=("x",)), agent("B", {"accounts": 3}, holds=("y",))
    waiting = [ticket(skill="accounts"), ticket(skill="accounts"), ticket(skill="accounts", language="en")]
    assert outlook(waiting, [both]).estimate_s("payments", "zh", "P2") == 3 * 600 + 10
    assert outlook(waiting, [both, other]).estimate_s("payments", "zh", "P2") == 2 * 600 + 10


def test_S9_with_nobody_online_there_is_no_estimate() -> None:
    absent = [agent(state="offline"), agent("B", state="break"), agent("C", languages=("en",))]
    assert outlook([ticket()], absent).estimate_s("payments", "zh", "P2") is None


def test_where_nobody_has_the_skill_the_overflow_counts() -> None:
    assert outlook([], [agent(skills={"logistics": 1})]).estimate_s("payments", "zh", "P2") == 10


def test_each_pool_has_its_own_handling_time() -> None:
    seen = outlook([], [agent(holds=("x",))], handling={"payments.zh": [90.0] * 3, "accounts.zh": [1.0] * 9})
    assert seen.estimate_s("payments", "zh", "P2") == 100


@pytest.mark.parametrize("status", ["offered", "assigned", "done"])
def test_what_does_not_wait_is_not_ahead(status: str) -> None:
    assert outlook([ticket(status=status)], [agent()]).estimate_s("payments", "zh", "P2") == 10


def test_the_shipped_assumption_is_used_until_something_is_known() -> None:
    assumed = RULES.offers.estimate.assumed_handling_s
    assert assumed is not None
    assert Outlook([], [agent(holds=("x",))], RULES).estimate_s("payments", "zh", "P2") == assumed + 15
