"""IN-2: what a call is called on its case describes nothing."""

import pytest

from tests.unit.intake.given import arrive, contact
from tests.unit.intake.test_phone import told


@pytest.mark.parametrize(
    "fields", [{"state": "missed"}, {"state": "missed", "language": "en"}, {"direction": "outbound"}]
)
def test_IN_2_a_call_without_words_lacks_its_description(fields: dict[str, str]) -> None:
    assert arrive(None, told(**fields)).state.missing == ("description",)


@pytest.mark.parametrize("fields", [{"transcript": "咨询保修政策"}, {"subject": "咨询保修政策"}])
def test_IN_2_with_the_callers_words_it_is_described(fields: dict[str, str]) -> None:
    rung = arrive(None, told()).state
    assert arrive(rung, told(state="ended", **fields)).state.missing == ()
    assert arrive(None, told(**fields)).state.missing == ()


def test_IN_2_a_second_missed_call_describes_nothing_either() -> None:
    case = arrive(None, told(state="missed")).state
    assert arrive(case, told(state="missed", call="77813")).state.missing == ("description",)
    assert arrive(case, contact("咨询保修政策")).state.missing == ()
