from datetime import UTC, datetime

import pytest

from demo.agents import SKILLS, crew_for
from demo.work import Step, answer, handling, record
from shared.events.agents import AgentUpdated
from shared.events.work import INTAKE_VERBS, ROUTING_VERBS, Work

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CASES = [f"case-{number}" for number in range(1000)]


def steps(case: str) -> list[Step]:
    return handling(case, "D001", SKILLS[len(case) % 8], "zh", NOW)


def test_every_record_of_an_agent_keeps_the_contract() -> None:
    for case in CASES:
        for step in steps(case):
            assert Work.model_validate(record(step, case, "D001", "3", NOW)).case_id == case
            assert step.verb in INTAKE_VERBS | ROUTING_VERBS


def test_no_two_records_of_an_agent_have_one_id() -> None:
    ids = [record(step, case, "D001", "3", NOW)["id"] for case in CASES for step in steps(case)]
    assert len(ids) == len(set(ids))


def test_FB_12_who_resolves_or_closes_says_result_and_measure() -> None:
    ends = [step for case in CASES for step in steps(case) if step.verb in ("resolved", "closed")]
    assert {step.verb for step in ends} == {"resolved", "closed"}
    assert all(step.body["result"] and step.body["measure"] for step in ends)


def test_IN_18_a_technical_fault_is_resolved_with_cause_and_evidence() -> None:
    ends = [s for case in CASES for s in handling(case, "D001", "technical", "en", NOW) if s.verb == "resolved"]
    assert ends
    assert all(step.body["cause"] and step.body["evidence"] for step in ends)


def test_most_offers_are_accepted_some_declined_a_few_left_to_expire() -> None:
    answers = [answer(case, "D001", 20, picky=True) for case in CASES]
    declined = sum(step is not None and step.verb == "declined" for step in answers)
    expired = sum(step is None for step in answers)
    assert 10 <= declined <= 60
    assert 3 <= expired <= 40


def test_nobody_lets_a_long_offer_expire_or_declines_when_it_is_to_go_on() -> None:
    assert None not in [answer(case, "D001", 30, picky=True) for case in CASES]
    assert {step.verb for case in CASES if (step := answer(case, "D001", 20, picky=False))} == {"accepted"}


@pytest.mark.parametrize("contacts", [1, 268, 2500, 50_000])
def test_there_are_places_enough_for_every_contact_in_every_skill(contacts: int) -> None:
    people = crew_for(contacts)
    assert sum(person.places for person in people) >= 2 * contacts
    assert len({person.agent_id for person in people}) == len(people) <= 120
    for skill in SKILLS:
        assert any(person.skills[skill] >= 4 and "es" in person.languages for person in people)


def test_a_profile_keeps_the_contract() -> None:
    for person in crew_for(268):
        assert AgentUpdated.model_validate(person.body()).capacity == {"total": person.places}
