"""What the next contact of a batch finds of a case that an earlier one went to (IN-4)."""

from services.intake.domain.choose_case import Asked, Held, Place, choose_case
from services.intake.domain.taken_in import taken_in
from tests.unit.intake.given import HOUR, NOW, RULES
from tests.unit.intake.test_choose_case import JOINING, asked, found, held

PRINTER, REFUND = "技术故障/硬件故障", "支付问题/退款异常"


def joined(before: Held, **more: object) -> Held:
    one = asked(**more)
    return taken_in(one, Place(before.case_id, "conversation", of=before.customer_id, held=before), NOW)


def chosen(one: Asked, before: Held, now_: Held) -> Place:
    return choose_case(one, found(latest={"cu-1": [before]}, learned={now_.case_id: now_}), NOW, JOINING)


def test_IN_4_a_greeting_leaves_what_a_case_is_about() -> None:
    before = held(topic=PRINTER, facts={"order": "A1"})
    after = joined(before)
    assert (after.topic, after.facts, after.status, after.touched_at) == (PRINTER, {"order": "A1"}, "in_progress", NOW)
    assert chosen(asked(mentions=True, topic=REFUND), before, after) == Place()


def test_IN_4_a_case_about_which_nothing_was_known_is_about_what_is_said_there() -> None:
    after = joined(held(), facts={"order": "A1", "leaf": "重复扣款"}, category=REFUND)
    assert (after.topic, after.facts) == (REFUND, {"order": "A1", "leaf": "重复扣款"})


def test_IN_4_the_first_order_of_a_case_stays_and_so_does_its_category() -> None:
    before = held(topic=PRINTER, facts={"order": "A1", "leaf": "卡纸"})
    after = joined(before, facts={"order": "B2", "serial": "S1", "leaf": "重复扣款"}, category=REFUND)
    assert (after.topic, after.facts) == (PRINTER, {"order": "A1", "serial": "S1", "leaf": "卡纸"})


def test_IN_4_thanks_leave_a_closed_case_closed_and_a_question_opens_it_again() -> None:
    over = held(status="closed", closed_at=NOW - HOUR)
    assert joined(over, asks=False).status == "closed"
    again = joined(over)
    assert (again.status, again.closed_at) == ("new", None)


def test_IN_4_our_own_call_is_not_the_customer_speaking() -> None:
    before = held()
    assert joined(before, ours=True, asks=False).touched_at == before.touched_at


def test_IN_3_the_unknown_is_known_once_he_says_how_to_reach_him() -> None:
    unknown = held(unknown=True)
    assert joined(unknown, reachable=False).unknown
    assert not joined(unknown).unknown


def test_IN_3_who_opens_a_case_without_saying_who_he_is_can_be_recognised_later() -> None:
    one = asked(reachable=False, facts={"order": "A1"}, category=REFUND)
    opened = taken_in(one, Place("new"), NOW)
    assert opened == Held("new", "new", "cu-1", NOW, unknown=True, facts={"order": "A1"}, topic=REFUND)
    me = asked(conversation="chat:1", customer_id="cu-1")
    place = choose_case(me, found(names={"chat:1": opened}), NOW, RULES.joining)
    assert place.claims == ("cu-1|order|A1", f"cu-1|topic|{REFUND}")
