"""Who may see which escalations."""

import pytest

from services.sla.api import seen_by
from shared.access import Forbidden, Principal
from shared.http import Problem


def bound(department: str | None, role: str = "department") -> Principal:
    return Principal("key", role, department=department)


def test_SL_5_a_departments_key_sees_the_escalations_of_its_department_alone() -> None:
    assert seen_by(bound("legal"), None) == "legal"
    assert seen_by(bound("legal"), "legal") == "legal"
    with pytest.raises(Forbidden) as refused:
        seen_by(bound("legal"), "payment")
    assert refused.value.status == 403


def test_SL_5_a_key_that_is_bound_to_no_department_names_one() -> None:
    assert seen_by(bound(None), "payment") == "payment"
    with pytest.raises(Problem) as refused:
        seen_by(bound(None), None)
    assert (refused.value.status, refused.value.field) == (422, "department")


@pytest.mark.parametrize("role", ["supervisor", "admin", "auditor"])
def test_who_leads_sees_the_escalations_of_all(role: str) -> None:
    assert seen_by(bound(None, role), None) is None
    assert seen_by(bound(None, role), "legal") == "legal"
