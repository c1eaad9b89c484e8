"""IN-4: a call of ours is about the case of which the customer spoke last, unless its words say something else."""

from services.intake.domain.case import Case
from services.intake.domain.choose_case import Place
from services.intake.domain.customer import Customer
from services.intake.domain.receive import receive
from services.intake.domain.split import new_case, split
from shared.events.contacts import Contact
from shared.events.work import Work
from shared.ids import contact_id
from tests.unit.intake.given import HOUR, NOW, RULES, arrive, contact
from tests.unit.intake.test_choose_case import asked, found, held, place
from tests.unit.intake.test_silent_calls import dialled

FANG = Customer(customer_id="cu", points=("phone:+8613800138000",))
REFUND = "订单A20261121-901重复扣款两次，请退款"


def test_IN_4_our_call_about_another_order_or_topic_does_not_join_his_last_case() -> None:
    there = found(latest={"cu-1": [held(facts={"order": "A1"}, topic="技术故障/硬件故障")]})
    assert place(asked(ours=True, facts={"order": "B2"}), there) == Place()
    assert place(asked(ours=True, topic="支付问题/退款异常"), there) == Place()
    assert place(asked(ours=True, facts={"order": "A1"}), there).by == "called"


def test_IN_4_our_call_about_no_matter_joins_his_last_case_however_long_ago_that_was() -> None:
    there = found(latest={"cu-1": [held(touched_at=NOW - 1000 * HOUR, topic="技术故障/硬件故障")]})
    assert place(asked(ours=True, silent=True), there).by == "called"


def called(by: str = "called") -> Case:
    """A call of ours without words joined the case of a printer."""
    printer = contact("订单A20261121-100的打印机E500卡纸，硬件故障，无法打印")
    return to(arrive(None, printer, customer=FANG).state, dialled(), by)


def to(case: Case, said: Contact, by: str, claims: tuple[str, ...] = ()) -> Case:
    where, id_ = Place(case.case_id, by, claims), contact_id(said.source, said.id)
    return receive(case, NOW, contact=said, contact_id=id_, place=where, customer=FANG, rules=RULES).state


def split_off(case: Case, said: Contact) -> Case:
    body = {"id": "split-1", "agent_id": "Z01", "case_id": case.case_id, "contact_id": contact_id(said.source, said.id)}
    work = Work.model_validate(body)
    return split(case, NOW, into=case.changed(case_id=new_case(work)), work=work).state


def transcribed(case: Case, text: str, revision: int = 6) -> Case:
    said = dialled(state="transcribed", transcript=text).model_copy(update={"revision": revision})
    return to(case, said, "contact", ("cu|order|A1",))


def test_IN_4_the_later_words_of_our_call_about_another_matter_are_flagged_and_change_no_fact() -> None:
    after = transcribed(called(), REFUND)
    assert (after.flags, after.facts["order"], after.claims) == (("another_matter",), "A20261121-100", ())


def test_IN_4_the_later_words_of_our_call_about_the_same_matter_are_the_cases() -> None:
    after = transcribed(called(), "订单A20261121-100的打印机约了上门维修")
    assert (after.flags, after.claims) == ((), ("cu|order|A1",))


def test_IN_15_once_the_call_was_split_off_no_later_revision_asks_for_it_again() -> None:
    left = split_off(transcribed(called(), REFUND), dialled())
    assert left.flags == ()
    assert transcribed(left, REFUND + "。", 7).flags == ()


def test_IN_15_what_was_split_off_of_another_contact_hides_no_flag() -> None:
    left = split_off(called(), contact(id="c1"))
    assert transcribed(left, REFUND).flags == ("another_matter",)
