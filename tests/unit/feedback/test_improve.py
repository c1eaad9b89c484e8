"""FB-2: an improvement is followed until before and after are compared."""

import pytest
from pydantic import ValidationError

from services.feedback.domain.improve import Changed, change
from shared.decisions import Decision, Refused
from shared.events.feedback import ImprovementChanged, ImprovementClosed
from tests.unit.feedback.build import BAD, DAY, NOW, RULES, answered

OPENED = answered(BAD).state
(ONE,) = OPENED.improvements
PROOF = {"status": "closed", "measure": "辅导", "before": 2.1, "after": "4.6"}


def changed(state=OPENED, **told) -> Decision:
    return change(state, NOW + 2 * DAY, id_=ONE.id, changed=Changed(**told), by="quality")


def refusal(state=OPENED, **told) -> tuple[str, int, str | None]:
    with pytest.raises(Refused) as refused:
        changed(state, **told)
    return refused.value.code, refused.value.status, refused.value.field


def test_FB_2_it_closes_with_the_proof_of_before_and_after():
    decision = changed(**PROOF)
    (event,) = decision.events
    assert isinstance(event, ImprovementClosed)
    assert (event.before, event.after, event.by) == ("2.1", "4.6", "quality")
    assert decision.state.improvements[0].status == "closed"
    assert decision.note.kind == "improvement.closed"


@pytest.mark.parametrize("field", ["before", "after"])
def test_FB_2_it_does_not_close_without_the_proof(field: str):
    assert refusal(**PROOF | {field: " "}) == ("missing_field", 422, field)


def test_FB_2_closing_it_the_same_way_again_changes_nothing_and_otherwise_is_refused():
    done = changed(**PROOF).state
    assert changed(done, **PROOF).state is done
    assert refusal(done, **PROOF | {"after": "5"}) == ("closed_already", 409, "status")
    assert refusal(done, note="x") == ("closed_already", 409, "status")


def test_FB_2_person_department_and_date_may_change_while_it_is_open():
    due_at = NOW + 9 * DAY
    decision = changed(person="Z02", department="quality", due_at=due_at, note="转交")
    one = decision.state.improvements[0]
    assert (one.person, one.department, one.due_at, one.note) == ("Z02", "quality", due_at, "转交")
    (event,) = decision.events
    assert isinstance(event, ImprovementChanged)
    assert (event.person, event.supervisor, event.department) == ("Z02", "S01", "quality")
    assert (event.due_at, event.by, event.note) == (due_at, "quality", "转交")
    assert decision.note.text == "转交"
    assert refusal(due_at=NOW) == ("past_due", 422, "due_at")


@pytest.mark.parametrize("told", [{"person": "Z02"}, {"department": "quality"}, {"due_at": NOW + 9 * DAY}])
def test_FB_2_each_of_them_is_told(told: dict):
    (event,) = changed(**told).events
    assert event.model_dump(include=set(told)) == told


def test_FB_2_a_note_alone_and_what_stands_so_already_are_not_told():
    assert changed(note="x").events == ()
    assert changed(person=ONE.person, department=ONE.department, note="x").events == ()


@pytest.mark.parametrize("after", [2.1, "2.1", " 2.1\n"])
def test_FB_2_it_does_not_close_when_nothing_is_better(after):
    assert refusal(**PROOF | {"after": after}) == ("no_difference", 422, "after")
    assert refusal(**PROOF | {"before": "Often late", "after": "OFTEN LATE "}) == ("no_difference", 422, "after")


def test_FB_2_an_unknown_one_is_said_to_be_so():
    with pytest.raises(Refused, match="there is no improvement"):
        change(OPENED, NOW, id_="none", changed=Changed(note="x"), by="quality")


@pytest.mark.parametrize("told", [{}, PROOF | {"person": "Z02"}, {"before": "1"}, {"status": "open"}, {"before": True}])
def test_FB_2_half_a_change_is_refused(told: dict):
    with pytest.raises(ValidationError):
        Changed(**told)


@pytest.mark.parametrize(
    ("bad", "category", "department"),
    [
        (("attitude", "solved"), ("支付问题",), "frontline"),
        (("solved",), ("支付问题", "退款异常"), "payment"),
        (("speed",), ("物流查询",), "logistics"),
        (("solved",), ("投诉建议", "商品质量"), "quality"),
        (("clarity",), ("支付问题",), "operations"),
    ],
)
def test_FB_2_the_department_follows_from_what_was_bad_and_the_category(bad, category, department: str):
    assert RULES.improvements.department(bad, category) == department
