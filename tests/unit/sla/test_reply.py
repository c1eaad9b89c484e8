"""What departments answer (SL-5), and what comes of it."""

from typing import Any

import pytest

from services.sla.domain.reply import answer
from shared.decisions import Decision, Refused
from shared.events.escalations import EscalationLevelRaised, EscalationReply, EscalationWithdrawn
from shared.events.sla import EscalationAnswered, TargetMet
from tests.unit.sla.build import CASE, NOON, RULES, Story, at, only, resolves, responds

INACTIVITY = 48 * 60


def missed() -> Story:
    """The solution is due at 100; the front line is called and has ten minutes, the department then twenty."""
    story = Story().assigned(1).fact(1, responds()).until(100)
    story.told()
    return story


def answered(story: Story) -> EscalationAnswered:
    return next(event for event in story.events if isinstance(event, EscalationAnswered))


def refusal(story: Story, **more: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        story.reply(105, **{"department": "frontline", "said": "acknowledged", **more})
    return refused.value


@pytest.mark.parametrize("said", ["acknowledged", "progress"])
def test_SL_4_an_acknowledgement_stops_the_climb(said: Any) -> None:
    story = missed().reply(105, "frontline", said, by="李主管", text="已接手")
    event = answered(story)
    assert (event.department, event.level, event.answer, event.by, event.stands) == (
        "frontline", 1, said, "李主管", 1,
    )  # fmt: skip
    assert only(story.until(2000).lines(), "level_raised", "missed escalation") == []


def test_SL_4_acknowledged_in_time_the_level_has_kept_its_own_promise() -> None:
    story = missed().reply(105, "frontline", "acknowledged").reply(106, "frontline", "progress")
    met = story.told(TargetMet)
    assert [(e.target, e.late_s, e.due_at) for e in met] == [("escalation", 0, at(110))]


def test_SL_4_a_refusal_goes_up_at_once_with_its_reason() -> None:
    story = missed().reply(105, "frontline", "refused", text="不归一线处理")
    (called,) = [event for event in story.events if isinstance(event, EscalationLevelRaised)]
    assert (called.topic, called.level, called.why) == (
        "escalations.payment.v1", 2, "refused by frontline: 不归一线处理",
    )  # fmt: skip
    assert called.due_at == at(125)
    assert answered(story).stands == 2
    assert [line.what for line in called.history][-2:] == ["escalated", "escalation.refused"]


def test_SL_4_a_refusal_read_late_gives_the_next_level_its_whole_time() -> None:
    story = missed().reply(101, "frontline", "refused", read=109)
    assert story.escalation.due_at == at(129)


def test_SL_4_a_refusal_by_management_is_kept_and_goes_nowhere() -> None:
    story = missed().until(130)
    story.told()
    story.reply(131, "management", "refused", text="按合同执行")
    assert answered(story).stands == 3
    assert story.escalation.state == "open"
    assert only(story.until(2000).lines(), "level_raised", "missed escalation") == []


def test_SL_4_who_took_it_and_then_can_not_help_sends_it_up() -> None:
    story = missed().reply(105, "frontline", "acknowledged").reply(300, "frontline", "refused")
    assert only(story.lines(), "level_raised") == ["level_raised payment 2"]


def test_SL_5_a_resolution_ends_it_and_the_others_are_told() -> None:
    story = missed().until(115)
    story.told()
    story.reply(120, "payment", "resolved", text="已补开发票")
    assert (story.escalation.state, answered(story).stands) == ("resolved", 0)
    withdrawn = [event for event in story.events if isinstance(event, EscalationWithdrawn)]
    assert [(e.department, e.why) for e in withdrawn] == [("frontline", "resolved by payment")]
    assert only(story.until(2000).lines(), "level_raised") == []


def test_SL_4_the_front_line_may_still_take_what_has_climbed() -> None:
    story = missed().until(115)
    story.told()
    story.reply(116, "frontline", "acknowledged")
    assert answered(story).stands == 2
    met = next(event for event in story.events if isinstance(event, TargetMet))
    assert (met.late_s, met.corrected) == (360, False)
    assert only(story.until(2000).lines(), "level_raised") == []


def test_an_acknowledgement_in_time_that_is_read_late_takes_the_climb_back() -> None:
    story = missed().until(115)
    story.told()
    story.reply(109, "frontline", "acknowledged", read=116)
    met = next(event for event in story.events if isinstance(event, TargetMet))
    assert met.corrected
    withdrawn = [event for event in story.events if isinstance(event, EscalationWithdrawn)]
    assert [(e.department, e.level, e.why) for e in withdrawn] == [("payment", 2, "in_time")]
    assert answered(story).stands == 1
    assert [call.level for call in story.escalation.calls] == [1]


def test_what_a_department_says_that_was_called_off_meanwhile_has_no_effect_and_is_no_error() -> None:
    story = missed().until(115).reply(109, "frontline", "acknowledged", read=116)
    before, _ = story.state, story.told()
    assert story.reply(117, "payment", "acknowledged").told() == []
    assert story.state == before


def test_SL_4_a_refusal_in_time_that_is_read_late_corrects_the_miss_and_the_next_level_stays_called() -> None:
    """With the refusal in hand it would have been called even earlier."""
    story = missed().until(115)
    story.told()
    story.reply(109, "frontline", "refused", read=116)
    assert story.lines() == ["answered frontline 1", "met escalation corrected"]
    assert [call.level for call in story.escalation.calls] == [1, 2]


def test_a_refusal_of_a_lower_level_changes_nothing_above() -> None:
    story = missed().until(115)
    story.told()
    story.reply(116, "frontline", "refused")
    assert only(story.lines(), "level_raised") == []
    assert story.escalation.due_at == at(130)


def test_SL_14_a_fix_after_the_solution_was_due_is_a_delay() -> None:
    story = Story().fact(1, responds(promise="回电", until=at(30))).until(30)
    story.reply(31, "frontline", "progress", reproduced=True, responsible="供应商", fix_at=at(101))
    event = answered(story)
    assert (event.reproduced, event.responsible, event.fix_at, event.delays) == (True, "供应商", at(101), True)
    story.told()
    assert not answered(story.reply(32, "frontline", "progress", fix_at=at(99))).delays


def test_SL_3_a_reply_is_progress_of_the_case() -> None:
    story = missed().reply(105, "frontline", "progress", text="已查到原因")
    assert story.clock("inactivity").due_at == at(105 + INACTIVITY)
    assert story.state.history[-1].text == "已查到原因"


def test_SL_3_a_refusal_is_no_progress_and_does_not_end_the_silence() -> None:
    story = Story().assigned(0).fact(0, responds()).until(INACTIVITY)
    silence = next(e for e in story.state.open_escalations if e.target == "inactivity")
    story.reply(INACTIVITY + 1, "frontline", "refused", escalation_id=silence.id)
    assert story.clock("inactivity").state == "missed"
    assert [e.last.level for e in story.state.open_escalations if e.id == silence.id] == [2]


def test_a_department_that_was_not_called_is_told_who_was() -> None:
    refused = refusal(missed(), department="legal")
    assert (refused.code, refused.field) == ("not_called", "department")
    assert "frontline" in refused.message


def test_a_reply_to_an_unknown_escalation_is_refused() -> None:
    refused = refusal(missed(), escalation_id="nothing-of-ours")
    assert (refused.code, refused.field, refused.status) == ("unknown_escalation", "escalation_id", 404)


def test_a_reply_about_an_unknown_case_is_refused() -> None:
    reply = EscalationReply(id="1", escalation_id="e", case_id=CASE, department="technical")
    with pytest.raises(Refused) as refused:
        answer(None, NOON, reply=reply, said="acknowledged", at=NOON, rules=RULES)
    assert (refused.value.code, refused.value.field) == ("unknown_case", "case_id")


@pytest.mark.parametrize("said", ["acknowledged", "progress", "refused", "resolved"])
def test_a_reply_to_what_is_over_changes_nothing(said: Any) -> None:
    story = missed().fact(105, resolves())
    reply = EscalationReply(id="1", escalation_id=story.escalation.id, case_id=CASE, department="frontline")
    decision = answer(story.state, at(106), reply=reply, said=said, at=at(106), rules=RULES)
    assert decision == Decision(story.state)


def test_a_reply_dated_before_its_call_counts_as_of_the_call() -> None:
    story = missed().reply(50, "frontline", "acknowledged", read=105)
    assert story.told(TargetMet)[0].at == at(100)
    assert story.state.history[-1].at == at(100)


def test_a_reply_dated_ahead_of_us_counts_as_of_now() -> None:
    story = missed().reply(500, "frontline", "acknowledged", read=105)
    assert story.told(TargetMet)[0].at == at(105)


def test_a_long_answer_is_cut_to_what_an_event_may_carry() -> None:
    story = missed().reply(105, "frontline", "progress", text="原因" * 20_000)
    assert len(answered(story).text.encode()) <= 8 * 1024
    assert len(story.state.model_dump_json().encode()) < 16 * 1024
