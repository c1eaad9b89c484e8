"""A call that is put through is answered again, by somebody else (IN-10)."""

from itertools import permutations
from typing import Any

import pytest

from services.intake.channels.phone import SPAN_S
from services.intake.domain.case import Case
from tests.unit.intake.given import arrive
from tests.unit.intake.test_phone import told

FIRST = told(state="answered", agent="Z01", answered="2026-11-22T08:00:05Z")
AGAIN = told(state="answered", agent="Z02", answered="2026-11-22T08:03:00Z")
ENDED = told(state="ended", agent="Z02", answered="2026-11-22T08:03:00Z", ended="2026-11-22T08:05:00Z")


def agents(*forms: Any) -> tuple[Case, list[str]]:
    case, notes = None, []
    for form in forms:
        decision = arrive(case, form)
        case = decision.state
        notes += [decision.note.data["voice"].get("agent", "")] if decision.note else []
    assert case is not None
    return case, notes


def test_IN_10_who_answers_after_a_transfer_stands_in_the_timeline() -> None:
    case, heard = agents(told(), FIRST, AGAIN, ENDED)
    assert heard == ["", "Z01", "Z02", "Z02"]
    assert arrive(case, AGAIN).state is case, "and the same form again changes nothing"


@pytest.mark.parametrize("forms", list(permutations([told(), FIRST, AGAIN])))
def test_IN_10_the_latest_answer_counts_in_whatever_order_the_forms_come(forms: Any) -> None:
    case, heard = agents(*forms)
    assert case.contacts[0].revision == AGAIN.revision
    assert heard[-1] == "Z02"


def test_IN_10_a_later_state_knows_more_than_any_time_of_an_earlier_one() -> None:
    long = told(state="answered", answered="2026-11-25T08:00:00Z")
    assert long.revision == 2 * SPAN_S < told(state="missed").revision
    last = told(state="transcribed", transcript="退款", recording="https://a.example/1", ended="2027-11-22T08:00:00Z")
    assert last.revision < 1_000_000
