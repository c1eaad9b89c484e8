from typing import Any

import pytest

from demo.circle import Circle


def circle(*events: tuple[str, str, dict[str, Any]], at: float = 1.0) -> Circle:
    made = Circle()
    for type_, case, data in events:
        made.add(type_, case, data, at)
    return made


def missed(case: str, escalation: str | None, target: str = "resolution") -> tuple[str, str, dict[str, Any]]:
    return "target.missed", case, {"target": target, "nth": 1, "escalation_id": escalation}


def called(case: str, escalation: str, level: int = 1) -> tuple[str, str, dict[str, Any]]:
    kind = "escalation.raised" if level == 1 else "escalation.level_raised"
    return kind, case, {"escalation_id": escalation, "level": level}


def asked(case: str, survey: str) -> tuple[str, str, dict[str, Any]]:
    return "survey.requested", case, {"survey_id": survey}


CLOSED = ("case.closed", "c1", {"how": "agent"})
BAD = ("survey.answered", "c1", {"survey_id": "s1", "bad": True})
IMPROVED = ("improvement.opened", "c1", {"survey_id": "s1"})


def test_a_miss_with_its_chain_adds_up_however_far_it_climbs() -> None:
    seen = circle(missed("c1", "e1"), called("c1", "e1"), called("c1", "e1", 2), missed("c1", None, "escalation"))
    assert seen.unchained({"c1"}) == []
    assert (seen.counts({"c1"})["missed"], seen.counts({"c1"})["escalated"], seen.level["e1"]) == (1, 1, 2)


TWICE = (missed("c1", "e1"), called("c1", "e1"), called("c1", "e1"))


@pytest.mark.parametrize("events", [(missed("c1", "e1"),), (missed("c1", None),), (called("c1", "e1"),), TWICE])
def test_a_miss_without_one_chain_and_a_chain_without_a_miss_are_named(events: Any) -> None:
    assert circle(*events).unchained({"c1"})


def test_a_closed_case_is_to_be_surveyed_once_per_closing() -> None:
    assert circle(CLOSED, asked("c1", "s1")).unasked({"c1"}, before=2) == []
    assert circle(CLOSED).unasked({"c1"}, before=2) == ["c1"]
    assert circle(CLOSED, asked("c1", "s1"), asked("c1", "s2")).unasked({"c1"}, before=2) == ["c1"]


def test_a_case_that_is_opened_again_before_the_survey_is_asked_once_it_is_closed_for_good() -> None:
    again = ("case.reopened", "c1", {})
    assert circle(CLOSED, again, CLOSED, asked("c1", "s1")).unasked({"c1"}, before=2) == []
    assert circle(CLOSED, again, CLOSED).unasked({"c1"}, before=2) == ["c1"]
    assert circle(CLOSED, CLOSED, again, asked("c1", "s1")).unasked({"c1"}, before=2) == []
    assert circle(again, CLOSED).unasked({"c1"}, before=2) == ["c1"], "it was only resolved before"


def test_a_case_closed_a_moment_ago_or_by_the_clock_is_not_judged() -> None:
    by_the_clock = ("case.closed", "c1", {"how": "timer"})
    assert circle(CLOSED).unasked({"c1"}, before=1) == circle(by_the_clock).unasked({"c1"}, before=2) == []


def test_every_bad_answer_has_one_improvement() -> None:
    assert circle(BAD, IMPROVED).unimproved({"c1"}) == []
    assert circle(BAD).unimproved({"c1"})
    assert circle(IMPROVED).unimproved({"c1"})
    assert circle(BAD, IMPROVED, IMPROVED).unimproved({"c1"})


def test_only_the_cases_asked_for_are_counted() -> None:
    seen = circle(missed("c1", "e1"), called("c1", "e1"), asked("c2", "s2"), CLOSED, BAD, IMPROVED)
    assert seen.counts({"c2"}) == {"reminded": 0, "missed": 0, "escalated": 0, "surveyed": 1, "improved": 0}


def test_an_event_of_which_nobody_heard_is_named() -> None:
    made = Circle()
    made.add("case.resolved", "c1", {}, 1.0, "e1")
    made.add("survey.requested", "c1", {"survey_id": "s1"}, 1.0, "e2")
    made.add("notification.suppressed", "c1", {"cause": "e1"}, 1.0, "e3")
    assert made.untold({"c1"}) == ["survey.requested of c1"]
    assert made.untold({"c2"}) == []


def test_a_chain_that_began_before_the_demo_is_not_judged() -> None:
    assert circle(called("c1", "e1", 2)).unchained(set()) == []
