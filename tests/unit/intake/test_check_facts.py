"""Facts against the customer system: flagged, not guessed away (IN-8)."""

from typing import Any

import pytest

from services.intake.domain.check_facts import check_facts
from services.intake.domain.found import Found
from tests.unit.intake.given import NOW

WANG = {"id": "C1"}


def checked(claimed: dict[str, str], **found: Any) -> dict[str, tuple[str, str, str | None]]:
    answer = Found.model_validate({"source": "crm", **found})
    return {check.fact: (check.status, check.why, check.expected) for check in check_facts(claimed, answer, NOW)}


def test_IN_8_an_order_of_this_customer_is_confirmed() -> None:
    assert checked({"order": "A1"}, customer=WANG, facts={"order": {"customer": "C1"}}) == {
        "order": ("confirmed", "", None)
    }


def test_IN_8_an_order_of_another_customer_is_a_mismatch_and_nothing_of_the_other_is_told() -> None:
    others = {"customer": "C2", "facts": {"device_model": "R9", "serial": "SN9"}}
    assert checked({"order": "A1", "device_model": "E500"}, customer=WANG, facts={"order": others}) == {
        "order": ("mismatch", "other_customer", None)
    }


def test_IN_8_a_serial_of_another_model_is_a_mismatch_that_names_the_model() -> None:
    serial = {"customer": "C1", "facts": {"device_model": "E300"}}
    facts = {"device_model": "E500", "serial": "SN88210"}
    assert checked(facts, customer=WANG, facts={"serial": serial}) == {
        "device_model": ("mismatch", "other_serial", "E300"), "serial": ("confirmed", "", None),
    }  # fmt: skip


def test_IN_8_the_same_model_written_otherwise_is_no_mismatch() -> None:
    serial = {"facts": {"device_model": "e500 "}}
    assert (
        checked({"device_model": "E500", "serial": "SN1"}, facts={"serial": serial})["device_model"][0] == "confirmed"
    )


def test_IN_8_what_the_crm_does_not_know_is_unknown() -> None:
    assert checked({"order": "A1"}, customer=WANG, facts={"order": None}) == {"order": ("unknown", "not_found", None)}


def test_IN_8_whose_it_is_can_not_be_said_while_the_customer_is_not_known() -> None:
    assert checked({"order": "A1"}, facts={"order": {"customer": "C2"}}) == {
        "order": ("unknown", "customer_not_known", None)
    }


def test_IN_8_of_several_verdicts_on_a_fact_the_worst_counts() -> None:
    order = {"customer": "C1", "facts": {"serial": "SN2"}}
    facts = {"order": "A1", "serial": "SN1"}
    assert checked(facts, customer=WANG, facts={"order": order, "serial": {"customer": "C1"}})["serial"] == (
        "mismatch", "other_order", "SN2",
    )  # fmt: skip


@pytest.mark.parametrize("fact", ["order", "serial", "account"])
def test_IN_8_without_an_answer_a_fact_is_unchecked(fact: str) -> None:
    (check,) = check_facts({fact: "A1", "firmware": "2.0"}, None, NOW)
    assert (check.fact, check.status, check.source) == (fact, "unchecked", "")


def test_IN_8_a_fact_of_which_the_crm_knows_nothing_is_not_judged() -> None:
    assert checked({"firmware": "2.0"}, customer=WANG, facts={}) == {}
