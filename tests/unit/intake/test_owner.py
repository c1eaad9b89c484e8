import pytest

from services.intake.domain.case import Case, Escalation
from services.intake.domain.owner import owner
from tests.unit.intake.given import did, opened

CASE = opened(customer={"name": "王芳", "phone": "+8613800138000"})
HELD = CASE.changed(status="in_progress", pool="payments.zh", agent_id="Z01", agent_name="林悦")


@pytest.mark.parametrize(
    ("case", "kind", "id_", "name"),
    [
        (CASE, "routing", None, ""),
        (CASE.changed(status="queued", pool="payments.zh"), "pool", "payments.zh", ""),
        (HELD, "agent", "Z01", "林悦"),
        (did(HELD, "waiting").state, "customer", CASE.customer_id, "王芳"),
        (did(HELD, "waiting", party="支付平台").state, "third_party", None, "支付平台"),
        (
            HELD.changed(escalations=(Escalation(id="e1", level=2, department="technical"),)),
            "department", "technical", "",
        ),
        (did(HELD, "resolved", result="已退款").state, "customer", CASE.customer_id, "王芳"),
        (did(HELD, "closed", result="已退款").state, "nobody", None, ""),
        (HELD.changed(merged_into="case-2"), "case", "case-2", ""),
    ],
)  # fmt: skip
def test_RT_13_at_any_moment_somebody_has_the_ball(case: Case, kind: str, id_: str | None, name: str) -> None:
    has = owner(case)
    assert (has.kind, has.id, has.name) == (kind, id_, name)


def test_RT_13_a_solved_complaint_that_cannot_be_closed_yet_is_ours_not_the_customers() -> None:
    complaint = HELD.changed(kind="complaint")
    lacks_measure = did(complaint, "resolved", result="已道歉").state
    assert (owner(lacks_measure).kind, owner(lacks_measure).id) == ("agent", "Z01")
    assert owner(lacks_measure.changed(agent_id=None, agent_name="")).kind == "pool"
    assert owner(did(complaint, "resolved", result="已道歉", measure="培训").state).kind == "customer"


def test_RT_13_of_several_open_escalations_the_highest_has_the_ball() -> None:
    called = (
        Escalation(id="e1", level=1, department="frontline"),
        Escalation(id="e2", level=3, department="management"),
    )
    assert owner(HELD.changed(escalations=called)).id == "management"


def test_RT_13_who_of_ours_holds_the_case_is_told_whoever_has_the_ball() -> None:
    assert owner(did(HELD, "waiting", party="支付平台").state).agent_id == "Z01"
