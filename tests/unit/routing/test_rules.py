import re

import pytest

from services.routing.domain.rules import Rules
from tests.unit.routing.makers import RULES, rules_with


def documents() -> dict[str, dict[str, object]]:
    return RULES.model_dump(mode="json")


def test_the_shipped_rules_are_valid_and_say_their_versions() -> None:
    assert re.fullmatch(r"pools 20\d\d-\d\d\.\d+, offers 20\d\d-\d\d\.\d+", RULES.version)


def test_PF_4_a_missing_file_is_named() -> None:
    given = documents()
    del given["offers"]
    with pytest.raises(ValueError, match=r"offers\.yaml"):
        Rules.parse(given)


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        ("pools", {"otherwise": "nowhere"}, "unknown skill .*nowhere"),
        ("pools", {"categories": {"支付问题": "paymnts"}}, "unknown skill .*paymnts"),
        ("pools", {"levels": {"P0": 4, "P1": 3, "P2": 2}}, "no level for .*P3"),
        ("pools", {"levels": {"P0": 6, "P1": 3, "P2": 2, "P3": 1}}, "less than or equal to 5"),
        ("pools", {"languages": {"served": ["zh"], "otherwise": "en"}}, "none of the served"),
        (
            "pools",
            {"skills": {"a.b": {"zh": "", "en": ""}}, "categories": {}, "otherwise": "a.b", "review": None},
            "no dot",
        ),
        ("offers", {"rings": []}, "at least 1"),
        ("offers", {"rings": [{"after_s": 5}]}, "first begins after_s: 0"),
        ("offers", {"rings": [{"after_s": 0, "lower": 2}, {"after_s": 9, "lower": 1}]}, "number 1 is narrower"),
        ("offers", {"weights": {"ring": 3}}, "must outweigh"),
        ("offers", {"timeout": 3}, "Extra inputs"),
        ("readiness", {"items": {"login": {"zh": "登录"}}}, "Field required"),
    ],
)
def test_PF_4_a_wrong_rule_is_refused_with_what_is_wrong(file: str, change: dict[str, object], complaint: str) -> None:
    given = documents()
    given[file] = given[file] | change
    with pytest.raises(ValueError, match=complaint):
        Rules.parse(given)


def test_the_shortest_offer_time_that_applies_counts() -> None:
    rules = rules_with(timeout_s={"default": 30, "channel": {"chat": 20}, "priority": {"P0": 10}})
    assert rules.offer_timeout_s("email", "P2") == 30
    assert rules.offer_timeout_s("chat", "P2") == 20
    assert rules.offer_timeout_s("chat", "P0") == 10
    assert rules.offer_timeout_s("email", "P0") == 10


def test_RT_10_rings_open_with_the_wait_and_sooner_for_the_urgent() -> None:
    rules = rules_with(
        rings=[{"after_s": 0}, {"after_s": 20, "lower": 1}, {"after_s": 60, "lower": 2}], hurry={"P0": 4}
    )
    assert [rules.ring_after(waited, "P2") for waited in (-1, 0, 19.9, 20, 59, 60, 10_000)] == [0, 0, 0, 1, 1, 2, 2]
    assert [rules.ring_after(waited, "P0") for waited in (4.9, 5, 15)] == [0, 1, 2]


def test_RT_5_tiers_rank_as_they_are_listed_and_others_last() -> None:
    ranks = [RULES.tier_rank(tier) for tier in ("platinum", "Gold", "silver", "unheard-of", None)]
    assert ranks == sorted(ranks)
    assert ranks[0] < ranks[1] < ranks[2] < ranks[3] == ranks[4]
