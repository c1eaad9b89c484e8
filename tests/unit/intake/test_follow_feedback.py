from services.intake.domain import follow_feedback
from shared.events.feedback import (
    ImprovementChanged,
    ImprovementClosed,
    ImprovementOpened,
    Scores,
    SurveyAnswered,
)
from tests.unit.intake.given import NOW, did, opened

CLOSED = did(opened(), "closed", result="好了", measure="无").state


def test_IN_10_what_the_customer_said_of_us_is_a_line_in_his_words() -> None:
    event = SurveyAnswered(
        **CLOSED.ids,
        survey_id="s1",
        scores=Scores(attitude=1, solved=False),
        csat=1.0,
        words="等了三天没人理",
        bad=True,
    )
    decision = follow_feedback.survey_answered(CLOSED, NOW, event=event)
    assert (decision.state, decision.events) == (CLOSED, ())
    assert decision.note is not None
    assert (decision.note.kind, decision.note.by) == ("survey_answered", "customer")
    assert decision.note.text == "等了三天没人理"
    assert decision.note.data == {"revision": 1, "scores": {"attitude": 1, "solved": False}, "csat": 1.0}


def test_IN_10_an_improvement_is_a_line_when_it_is_opened_and_when_it_is_closed() -> None:
    begun = ImprovementOpened(
        **CLOSED.ids, improvement_id="i1", survey_id="s1", person="Z01", department="payment", due_at=NOW,
        criteria=("一周内无同类投诉",), why=("attitude",),
    )  # fmt: skip
    ended = ImprovementClosed(
        **CLOSED.ids, improvement_id="i1", by="S01", measure="每日跟进", before="3 天", after="4 小时"
    )
    first = follow_feedback.improvement_opened(CLOSED, NOW, event=begun)
    last = follow_feedback.improvement_closed(CLOSED, NOW, event=ended)
    assert (first.state, last.state) == (CLOSED, CLOSED)
    assert first.note is not None
    assert last.note is not None
    assert (first.note.kind, first.note.data["person"], first.note.data["due_at"]) == ("improvement_opened", "Z01", NOW)
    assert (last.note.by, last.note.text) == ("S01", "每日跟进")
    assert last.note.data == {"improvement_id": "i1", "before": "3 天", "after": "4 小时"}


def test_IN_10_an_improvement_that_goes_to_somebody_else_is_a_line() -> None:
    moved = ImprovementChanged(
        **CLOSED.ids, improvement_id="i1", person="Z02", department="quality", due_at=NOW, by="S01", note="换人跟进"
    )
    note = follow_feedback.improvement_changed(CLOSED, NOW, event=moved).note
    assert note is not None
    assert (note.kind, note.by, note.text) == ("improvement_changed", "S01", "换人跟进")
    assert note.data == {"improvement_id": "i1", "person": "Z02", "department": "quality", "due_at": NOW}
