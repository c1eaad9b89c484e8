"""IN-4: who speaks of something reported before means a case of his about that, not whichever was touched last."""

import pytest

from services.intake.domain.choose_case import Place
from services.intake.domain.understand import understand
from tests.unit.intake.given import HOUR, NOW, RULES, contact
from tests.unit.intake.test_choose_case import asked, found, held, place

PRINTER, REFUND = "技术故障/硬件故障", "支付问题/退款异常"


def test_IN_4_of_two_cases_the_one_about_the_same_topic_is_meant() -> None:
    cases = [held("refund", topic=REFUND, touched_at=NOW - 2 * HOUR), held("unclear")]
    assert place(asked(mentions=True, topic=REFUND), found(latest={"cu-1": cases})).case_id == "refund"
    assert place(asked(mentions=True), found(latest={"cu-1": cases})).case_id == "unclear", "he names none"


def test_IN_4_a_case_about_another_topic_is_not_meant_be_it_open_or_closed() -> None:
    one = asked(mentions=True, topic=REFUND)
    assert place(one, found(latest={"cu-1": [held(topic=PRINTER)]})) == Place()
    over = held(status="closed", closed_at=NOW, topic=PRINTER)
    assert place(one, found(latest={"cu-1": [over]})).case_id == ""


def test_IN_4_a_case_that_claims_a_topic_is_found_by_it_though_it_began_with_another() -> None:
    one = asked(topic=REFUND, claims={"topic": ("cu-1|topic|refund",)})
    assert place(one, found(names={"cu-1|topic|refund": held(topic=PRINTER)})).by == "topic"


def test_IN_4_a_case_whose_topic_nobody_knows_may_be_meant() -> None:
    assert place(asked(mentions=True, topic=REFUND), found(latest={"cu-1": [held()]})).by == "mention"


def test_IN_4_the_same_order_is_the_same_matter_whatever_is_wrong_with_it_now() -> None:
    case = held(topic=PRINTER, facts={"order": "A1"})
    one = asked(mentions=True, topic=REFUND, facts={"order": "A1"})
    assert place(one, found(latest={"cu-1": [case]})).case_id == "a"


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("怎么还没处理？", ""),
        ("态度恶劣，没人管", ""),
        ("重复扣款的退款怎么还没处理", REFUND),
        ("I was charged twice and I am still waiting for my refund", REFUND),
    ],
)
def test_IN_4_a_complaint_about_us_is_no_topic_and_hides_none(text: str, topic: str) -> None:
    assert understand(contact(text), RULES).classification.topic == topic


# our own calls


def test_SL_11_our_own_call_is_about_the_case_that_he_spoke_of_last_were_it_solved_long_before() -> None:
    solved = held("solved", status="resolved", touched_at=NOW - 100 * HOUR)
    assert place(asked(ours=True, silent=True), found(latest={"cu-1": [solved]})).by == "called"
    over = held("over", status="closed", closed_at=NOW - HOUR)
    assert place(asked(ours=True), found(latest={"cu-1": [over]})).case_id == "over"
    both = [over, held("open", touched_at=NOW - 90 * HOUR), solved]
    assert place(asked(ours=True), found(latest={"cu-1": both})).case_id == "open"


# whoever is no customer of the case


def test_IN_4_a_stranger_in_the_conversation_lets_the_case_claim_nothing() -> None:
    one = asked(conversation="social:9", claims={"order": ("cu-1|order|A1",)})
    there = found(names={"social:9": held("a", customer_id="cu-9")})
    assert (place(one, there).case_id, place(one, there).claims, place(one, there).of) == ("a", (), "cu-9")


def test_IN_4_a_case_whose_customer_becomes_known_is_found_by_what_it_is_about() -> None:
    one = asked(conversation="chat:1", customer_id="cu-1", claims={"topic": ("cu-1|topic|x/y",)})
    case = held("a", customer_id="cu-0", unknown=True, facts={"order": "A1"}, topic=PRINTER)
    there = found(names={"chat:1": case})
    assert place(one, there).claims == ("cu-1|topic|x/y", "cu-1|order|A1", f"cu-1|topic|{PRINTER}")
    taken = found(names={"chat:1": case, "cu-1|order|A1": held("b")})
    assert "cu-1|order|A1" not in place(one, taken).claims, "another case of his holds it"


def test_IN_15_a_case_is_linked_with_another_about_the_same_order() -> None:
    one = asked(conversation="chat:1", claims={"order": ("cu-1|order|A1",)})
    there = found(names={"chat:1": held("a"), "cu-1|order|A1": held("b")})
    assert place(one, there).related == "b"
