import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.change import PAIRS
from services.intake.domain.case import Status
from services.intake.domain.lifecycle import ALLOWED, ANY, OPEN, allowed_from, back_to_work
from shared.decisions import Refused
from shared.events.work import INTAKE_VERBS
from tests.unit.intake.given import did, opened

NEEDED = {
    "noted": {"text": "看过了"}, "reclassified": {"category": ["产品咨询", "保修政策"]},
    "delay_noticed": {"reason": "配件缺货"},
    "closed": {"result": "已解决"}, "summarised": {"text": "重复扣款，等待退款"},
}  # fmt: skip
STATUSES: tuple[Status, ...] = ANY


def test_IN_15_every_verb_of_intake_is_in_the_table() -> None:
    assert set(ALLOWED) == INTAKE_VERBS


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("verb", sorted(INTAKE_VERBS - PAIRS))
def test_IN_15_a_verb_works_where_allowed_and_else_is_refused_naming_what_is(verb: str, status: Status) -> None:
    case = opened().changed(status=status)
    if status in ALLOWED[verb]:
        assert did(case, verb, **NEEDED.get(verb, {})).events
    else:
        with pytest.raises(Refused) as refused:
            did(case, verb, **NEEDED.get(verb, {}))
        assert (refused.value.code, refused.value.status, refused.value.field) == ("wrong_transition", 409, "type")
        assert all(allowed in refused.value.message for allowed in allowed_from(status))


def test_IN_15_a_merged_case_names_the_one_to_work_on() -> None:
    other = opened(id="other")
    with pytest.raises(Refused, match=f"{other.number} .{other.case_id}."):
        did(opened().changed(merged_into=other.case_id), "noted", text="x")


def test_a_case_goes_on_with_its_agent_or_in_its_queue() -> None:
    case = opened()
    assert back_to_work(case) == "new"
    assert back_to_work(case.changed(pool="payments:zh")) == "queued"
    assert back_to_work(case.changed(pool="payments:zh", agent_id="Z01")) == "in_progress"


@given(st.lists(st.sampled_from(sorted(INTAKE_VERBS - PAIRS)), max_size=12))
def test_IN_15_whatever_agents_do_a_case_stays_sound(verbs: list[str]) -> None:
    case = opened()
    for verb in verbs:
        if case.status in ALLOWED[verb]:
            case = did(case, verb, **NEEDED.get(verb, {})).state
    assert (case.status == "closed") == (case.closed_at is not None)
    assert (case.status in OPEN) == (case.resolved_at is None)
    assert (case.auto_close_at is not None) == (case.status == "resolved")
    assert not (case.status == "closed" and case.open_conversations)
