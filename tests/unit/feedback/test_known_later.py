"""FB-7: who comes back and who does not, and whose case it is once that is known."""

from typing import Any

from services.feedback.domain.figures import is_first_contact
from shared.events.cases import CaseAbsorbed, CaseContactAdded, CaseFactsChecked, CaseResponded, ContactRef
from tests.unit.feedback.build import DAY, HOUR, IDS, NOW, RESOLVED, after, assigned_event, opened_event

ANSWERED = CaseResponded(**IDS, by="Z01", first=True)


def added(**more: Any) -> CaseContactAdded:
    return CaseContactAdded(**IDS, contact_id="c", contact=ContactRef(source="s", id="2"), channel="chat", **more)


def test_FB_7_thanks_after_the_solution_leave_it_solved_in_the_first_contact():
    solved = after(opened_event(), assigned_event(), ANSWERED, RESOLVED)
    thanked = after(added(text="谢谢", asks=False), state=solved, at=NOW + 6 * HOUR)
    assert (thanked.came_back, is_first_contact(thanked)) == (0, True)
    asked = after(added(text="发票呢"), state=thanked, at=NOW + DAY)
    assert (asked.came_back, is_first_contact(asked)) == (1, False)


def test_FB_7_thanks_do_not_make_the_next_question_part_of_the_dialogue():
    case = after(opened_event(), ANSWERED)
    case = after(added(asks=False), state=case, at=NOW + 3 * HOUR)
    assert after(added(), state=case, at=NOW + 6 * HOUR).came_back == 1


def test_IN_3_whoever_turns_out_to_be_the_customer_is_the_customer_of_the_outcome():
    for event in (added(customer_id="known", tier="gold"), CaseAbsorbed(**_OF, customer_id="known", tier="gold")):
        case = after(opened_event(), event)
        assert (case.customer_id, case.tier) == ("known", "gold")
        assert after(added(), state=case).customer_id == "known", "an event that names nobody takes nobody away"


def test_IN_8_a_tier_that_the_look_up_tells_is_kept():
    case = after(opened_event(), CaseFactsChecked(**IDS, by="look-up", tier="gold"))
    assert after(CaseFactsChecked(**IDS, by="look-up"), state=case).tier == "gold"


def test_IN_15_a_merger_tells_the_product_where_it_was_not_known():
    absorbed = CaseAbsorbed(**_OF, facts={"device_model": "R6"})
    assert after(opened_event(), absorbed).product == "R6"


_OF = {**IDS, "by": "Z01", "of": "b", "of_number": "M7JX-HSCM"}
