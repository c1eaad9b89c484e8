"""What a person must look at first goes to manual review, and from there to its own group (IN-5, RT-2)."""

from typing import Any

from services.routing.domain.enter_queue import enter
from services.routing.domain.follow_case import follow
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket
from services.routing.domain.transfer import transfer
from shared.events.cases import CaseReclassified
from shared.events.work import Work
from tests.unit.routing.makers import NOW, RULES, opened, ticket

ID: Any = {"case_id": "case-1", "number": "7KQ4-M2XD"}
UNCERTAIN: Any = {"category": ("产品咨询", "其他咨询"), "review": "uncertain_category"}


def entered(rules: Rules = RULES, **more: Any) -> Ticket:
    return enter(None, NOW, opened=opened(**more), rules=rules).state


def reclassified(state: Ticket, to: tuple[str, ...], review: str | None = None) -> Any:
    event = CaseReclassified(**ID, by="Z09", was=state.category, to=to, review=review)
    return follow(state, NOW, event=event, rules=RULES)


def test_RT_2_a_case_of_uncertain_category_queues_for_review_and_says_why() -> None:
    waiting = entered(**UNCERTAIN)
    assert (waiting.pool, waiting.why) == ("review.zh", "review: uncertain_category")


def test_RT_2_whoever_says_what_it_is_about_sends_it_to_that_group() -> None:
    decision = reclassified(entered(**UNCERTAIN), ("支付问题", "退款异常"))
    assert (decision.state.pool, decision.state.review) == ("payments.zh", None)
    assert [event.pool for event in decision.events] == ["payments.zh"]


def test_RT_2_a_person_who_confirms_the_category_ends_the_review_too() -> None:
    waiting = entered(**UNCERTAIN)
    assert reclassified(waiting, waiting.category).state.pool == "product.zh"


def test_RT_2_a_case_that_stays_uncertain_stays_in_review() -> None:
    decision = reclassified(entered(**UNCERTAIN), ("产品咨询", "使用方法"), review="uncertain_category")
    assert (decision.state.pool, decision.events) == ("review.zh", ())


def test_RT_2_a_complex_matter_queues_for_review_and_is_passed_on_from_there_for_good() -> None:
    waiting = entered(category=("产品咨询", "其他咨询"), review="complex_matter")
    assert (waiting.pool, waiting.why) == ("review.zh", "review: complex_matter")
    held = waiting.model_copy(update={"status": "assigned", "agent_id": "Z01"})
    work = Work(id="1", agent_id="Z01", case_id=held.case_id, to="complaints")
    passed_on = transfer(held, NOW, work=work, rules=RULES).state
    assert passed_on.pool == "complaints.zh"
    assert reclassified(passed_on, ("退换货", "退货"), review="complex_matter").state.pool == "returns.zh"


def test_RT_2_a_case_that_turns_out_to_be_complex_while_it_waits_goes_to_review() -> None:
    decision = reclassified(entered(category=("退换货", "退货")), ("退换货", "退货"), review="complex_matter")
    assert [event.pool for event in decision.events] == ["review.zh"]


def test_RT_2_where_no_group_reviews_a_case_goes_to_the_group_of_its_category() -> None:
    without = RULES.model_copy(update={"pools": RULES.pools.model_copy(update={"review": None})})
    assert entered(without, **UNCERTAIN).pool == "product.zh"


def test_a_ticket_of_the_version_before_knows_no_review() -> None:
    assert Ticket.model_validate(ticket().model_dump(exclude={"review"})).review is None
