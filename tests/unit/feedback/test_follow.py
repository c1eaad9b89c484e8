"""FB-7: what is known of a case is what its owners said."""

from services.feedback.domain.delivery import deliver
from services.feedback.domain.figures import facts
from services.feedback.domain.follow import follow
from services.feedback.domain.promise import settle
from shared.events.base import EventData
from shared.events.cases import (
    CaseContactAdded,
    CaseMerged,
    CaseNoted,
    CaseReclassified,
    CaseResponded,
    CaseResumed,
    CaseWaiting,
    ContactRef,
)
from shared.events.notifications import NotificationFailed, NotificationSent, Template
from shared.events.sla import PolicyRef, TargetMet, TargetMissed
from tests.unit.feedback.build import (
    CLOSED,
    DAY,
    HOUR,
    IDS,
    NOW,
    REOPENED,
    RESOLVED,
    RULES,
    after,
    asked,
    assigned_event,
    closed,
    opened_event,
    tick,
)  # fmt: skip

POLICY = PolicyRef(id="default", version="1")


def added(revision: int = 1, **facts: str) -> CaseContactAdded:
    ref = ContactRef(source="cti", id="2")
    return CaseContactAdded(**IDS, contact_id="c", contact=ref, revision=revision, channel="sms", facts=facts)


def test_a_case_remembers_how_it_went():
    case = after(opened_event(facts={"device_model": " R6 "}), assigned_event())
    case = after(CaseResponded(**IDS, by="Z01", first=True), state=case, at=NOW + HOUR)
    case = after(CaseResponded(**IDS, by="Z01", first=False), RESOLVED, CLOSED, state=case, at=NOW + 2 * HOUR)
    assert (case.opened_at, case.first_responded_at, case.resolved_at) == (NOW, NOW + HOUR, NOW + 2 * HOUR)
    assert (case.agent.agent_id, case.agent.supervisor, case.product) == ("Z01", "S01", "R6")


ANSWERED = CaseResponded(**IDS, by="Z01", first=True)


def test_who_comes_back_after_our_answer_counts_and_amendments_do_not():
    case = after(opened_event(), ANSWERED)
    case = after(added(), added(revision=2, device_model="R7"), state=case, at=NOW + DAY)
    assert (case.came_back, case.product) == (1, "R7")


def hourly(*steps: tuple[int, EventData]) -> int:
    """How often the customer came back, with each event so many hours after the opening."""
    case = after(opened_event())
    for hours, event in steps:
        case = after(event, state=case, at=NOW + hours * HOUR)
    return case.came_back


def test_FB_7_a_dialogue_is_one_contact_however_long_it_goes_on():
    assert hourly((1, ANSWERED), (2, added()), (6, added()), (9, ANSWERED), (13, added())) == 0
    assert hourly((1, ANSWERED), (2, added()), (7, added())) == 1
    assert hourly((1, ANSWERED), (2, added()), (4, added(revision=2)), (7, added())) == 1


ASKED_BACK = CaseWaiting(**IDS, by="Z01", on="customer")


def test_FB_7_the_answer_to_our_question_is_no_further_contact():
    woken = CaseResumed(**IDS, by="customer", on="customer")
    assert hourly((1, ANSWERED), (1, ASKED_BACK), (99, added()), (99, woken)) == 0
    assert hourly((1, ANSWERED), (1, ASKED_BACK), (9, added()), (9, woken), (99, added())) == 1
    assert hourly((1, ANSWERED), (1, CaseWaiting(**IDS, by="Z01", on="third_party")), (99, added())) == 1


def test_FB_7_we_wait_no_longer_for_a_customer_whose_case_is_over():
    for over in (RESOLVED, CLOSED):
        assert hourly((1, ANSWERED), (1, ASKED_BACK), (2, over), (99, added())) == 1


def test_what_is_added_before_anybody_answered_belongs_to_the_first_contact():
    assert after(opened_event(), added(), ANSWERED).came_back == 0


def test_everyone_who_had_it_is_remembered_once_and_the_last_one_counts():
    case = after(opened_event(), *(assigned_event(agent) for agent in ("Z01", "Z02", "Z01")))
    assert (case.agents, case.agent.agent_id) == (("Z01", "Z02"), "Z01")


def test_a_reopened_case_is_not_resolved():
    case = after(REOPENED, state=closed())
    assert (case.resolved_at, case.closed_at, case.reopened) == (None, None, 1)


def test_a_reclassified_case_counts_under_its_new_category():
    change = CaseReclassified(**IDS, by="Z01", was=("支付问题",), to=("物流查询",), kind="question")
    assert after(change, state=closed()).category == ("物流查询",)


def test_what_says_nothing_about_the_outcome_changes_nothing():
    case = closed()
    noted = CaseNoted(**IDS, by="Z01", text="x")
    assert follow(case, NOW, event=noted, at=NOW, rules=RULES).state is case
    assert follow(None, NOW, event=CLOSED, at=NOW, rules=RULES).state is None


def test_FB_7_a_promise_is_kept_unless_it_was_missed_or_met_late():
    told = {**IDS, "at": NOW, "policy": POLICY}
    case = closed()
    for target, event, kept in (
        ("resolution", TargetMissed, [False]),
        ("resolution", TargetMet, [True]),  # corrected
        ("first_response", TargetMet, [True, True]),
        ("promise", TargetMissed, [True, True]),
    ):
        more = {"late_s": 5} if event is TargetMissed else {"late_s": 0}
        case = settle(case, NOW, event=event(**told, target=target, **more)).state
        assert [promise.kept for promise in case.promises] == kept
    late = TargetMet(**told, target="resolution", nth=2, late_s=9)
    assert settle(case, NOW, event=late).state.promises[-1].kept is False


def test_the_survey_knows_what_became_of_its_message():
    told = {"notification_id": "n", "channel": "sms", "cause": "c", "provider": "local", "attempt": 1}
    case = asked()
    survey = NotificationFailed(**IDS, **told, template=Template(id="survey", version=1))
    other = NotificationSent(**IDS, **told, template=Template(id="resolved", version=1))
    assert deliver(case, NOW, event=survey).state.surveys[0].delivery == "failed"
    assert deliver(case, NOW, event=other).state is case
    assert deliver(closed(), NOW, event=survey).state.surveys == ()


def test_what_became_of_a_message_is_put_on_the_survey_that_it_names():
    told = {"notification_id": "n", "channel": "sms", "cause": "c", "provider": "local", "attempt": 1}
    case = tick(after(REOPENED, CLOSED, state=asked()), NOW + 2 * HOUR).state
    first, second = (survey.id for survey in case.surveys)
    for about, became in ((first, ["failed", None]), (second, [None, "failed"]), ("", [None, "failed"])):
        event = NotificationFailed(**IDS, **told, template=Template(id="survey", version=1), about=about)
        assert [survey.delivery for survey in deliver(case, NOW, event=event).state.surveys] == became
    unknown = NotificationFailed(**IDS, **told, template=Template(id="survey", version=1), about="none")
    assert deliver(case, NOW, event=unknown).state is case


def test_IN_15_a_case_that_went_on_in_another_is_not_asked_about_and_not_counted_twice():
    case = after(opened_event(), CaseMerged(**IDS, by="Z01", into="a", into_number="7KQ4-M2XD"), at=NOW + HOUR)
    assert (case.closed_at, case.ask_at) == (NOW + HOUR, None)
    assert facts(case) == {}
