"""IN-4: a contact about an open case joins that case instead of opening a second one, and the rule is named."""

from datetime import timedelta
from typing import Any

from services.intake.domain.choose_case import Asked, Found, Held, Place, choose_case
from services.intake.domain.claims import case_numbers, claims
from services.intake.domain.customer import Customer
from services.intake.domain.understand import understand
from tests.unit.intake.given import HOUR, NOW, RULES, contact

DAY = timedelta(days=1)
JOINING = RULES.joining
ME = Customer(customer_id="cu-1", points=("phone:+8613800138000",), gained={"cu-2": ()})


def held(case_id: str = "a", **more: Any) -> Held:
    return Held(
        **{"case_id": case_id, "status": "in_progress", "customer_id": "cu-1", "touched_at": NOW - HOUR, **more}
    )


def found(**more: Any) -> Found:
    return Found(**{"contacts": {}, "names": {}, "past": {}, "numbers": {}, "latest": {}, **more})


def asked(**more: Any) -> Asked:
    return Asked(**{"contact_id": "c", "customer_ids": frozenset({"cu-1"}), **more})


def place(one: Asked, there: Found) -> Place:
    return choose_case(one, there, NOW, JOINING)


def test_IN_4_nothing_to_join_opens_a_case_that_claims_what_it_is_about() -> None:
    one = asked(conversation="chat:1", claims={"order": ("cu-1|order|A1",), "topic": ("cu-1|topic|x/y",)})
    assert place(one, found()) == Place(claims=("cu-1|order|A1", "cu-1|topic|x/y"))


def test_IN_4_the_conversation_comes_before_everything_else() -> None:
    one = asked(conversation="chat:1", claims={"order": ("cu-1|order|A1",)})
    there = found(names={"chat:1": held("a"), "cu-1|order|A1": held("b")})
    assert (place(one, there).case_id, place(one, there).by) == ("a", "conversation")
    assert place(one, there).claims == (), "the order stays the other case's"


def test_IN_4_an_answer_in_a_mail_thread_joins_its_case() -> None:
    one = asked(replies=("newest", "oldest"))
    there = found(contacts={"newest": held("a"), "oldest": held("b")})
    assert (place(one, there).case_id, place(one, there).by) == ("a", "thread")


def test_IN_4_the_number_of_a_case_in_the_text_counts_only_from_its_customer() -> None:
    one = asked(numbers=("7KQ4-M2XD",))
    assert place(one, found(numbers={"7KQ4-M2XD": [held("a")]})).by == "number"
    assert place(one, found(numbers={"7KQ4-M2XD": [held("a", customer_id="cu-9")]})).case_id == ""


def test_IN_4_the_same_order_joins_however_long_ago_it_was_spoken_of() -> None:
    one = asked(claims={"order": ("cu-1|order|A1",)}, facts={"order": "A1"})
    there = found(names={"cu-1|order|A1": held(touched_at=NOW - 60 * DAY)})
    assert place(one, there).by == "order"


def test_IN_4_the_same_topic_joins_only_for_a_while_and_then_gives_its_claim_to_a_new_case() -> None:
    one = asked(claims={"topic": ("cu-1|topic|x/y",)})
    lately = found(names={"cu-1|topic|x/y": held(touched_at=NOW - DAY)})
    long_ago = found(names={"cu-1|topic|x/y": held(touched_at=NOW - 8 * DAY)})
    assert place(one, lately).by == "topic"
    assert place(one, long_ago) == Place(claims=("cu-1|topic|x/y",), follows="a", given_up=(("a", "cu-1|topic|x/y"),))


def test_IN_4_another_order_is_another_matter_however_alike_the_topic() -> None:
    one = asked(claims={"topic": ("cu-1|topic|x/y",)}, facts={"order": "B2"})
    there = found(names={"cu-1|topic|x/y": held(facts={"order": "A1"})})
    assert place(one, there) == Place()


def test_IN_4_who_speaks_of_what_he_reported_before_means_his_case_that_he_spoke_of_last() -> None:
    cases = [held("old", touched_at=NOW - 2 * DAY), held("new", touched_at=NOW - HOUR)]
    assert (place(asked(mentions=True), found(latest={"cu-1": cases}))).case_id == "new"
    over = held("over", status="closed", closed_at=NOW, touched_at=NOW)
    assert place(asked(mentions=True), found(latest={"cu-1": [over, *cases]})).case_id == "new"
    assert place(asked(mentions=True), found(latest={"cu-1": [over]})).case_id == "over", "又坏了"
    assert place(asked(mentions=False), found(latest={"cu-1": cases})).case_id == ""


def test_IN_4_a_case_closed_lately_is_opened_again_and_later_a_new_one_follows_it() -> None:
    one = asked(conversation="chat:1")
    lately = held(status="closed", closed_at=NOW - 6 * DAY)
    later = held(status="closed", closed_at=NOW - 8 * DAY)
    forgotten = held(status="closed", closed_at=NOW - 91 * DAY)
    assert place(one, found(past={"chat:1": [lately]})).case_id == "a"
    assert place(one, found(past={"chat:1": [later]})) == Place(follows="a")
    assert place(one, found(past={"chat:1": [forgotten]})) == Place()


def test_IN_4_a_full_case_is_followed_not_joined() -> None:
    assert place(asked(replies=("r",)), found(contacts={"r": held(full=True)})) == Place(follows="a")


def test_IN_4_claims_are_under_the_present_id_first_and_found_under_those_of_whoever_was_merged() -> None:
    said = contact("订单A20261121-553退款到账了吗", subject="退款")
    names = claims(ME, understand(said, RULES))
    assert names["order"] == ("cu-1|order|A20261121-553", "cu-2|order|A20261121-553")
    one = asked(claims=names)
    assert place(one, found(names={"cu-2|order|A20261121-553": held("a")})).case_id == "a"
    assert list(names) == ["order", "topic"], "the order says more than the topic"


def test_IN_4_who_cannot_be_recognised_claims_nothing() -> None:
    assert claims(Customer(customer_id="cu-3"), understand(contact("退款"), RULES)) == {}


def test_IN_4_what_the_rules_cannot_classify_is_no_topic() -> None:
    assert "topic" not in claims(ME, understand(contact("你好"), RULES))


def test_IN_4_numbers_of_cases_are_read_as_people_write_them() -> None:
    assert case_numbers("我的工单 7kq4-m2xd 呢") == ("7KQ4-M2XD",)
    assert case_numbers("case 7KQ4M2XD, and 7KQ4–M2XD again") == ("7KQ4-M2XD",)
    assert case_numbers("SHARPENS nothing, call +8613800138000, order A20261121-553") == ()


def test_IN_4_a_case_full_of_conversations_goes_on_with_those_that_it_holds_only() -> None:
    one, crowded = asked(conversation="chat:1"), held("a", crowded=True)
    assert place(one, found(names={"chat:1": crowded})).case_id == "a"
    assert place(one, found(past={"chat:1": [crowded]})) == Place(follows="a"), "one that it gave up is one too many"
