"""What is a fact and what only looks like one (IN-8), and that every order finds its case (IN-4)."""

import pytest

from services.intake.domain.amend import claiming
from services.intake.domain.case import Case, ContactSeen, Link
from services.intake.domain.choose_case import Asked, Found, Held, Place, choose_case
from services.intake.domain.claims import case_numbers, claim, claims, of_present_id
from services.intake.domain.customer import Customer
from services.intake.domain.facts import MOST_OF_A_KIND, canonical
from services.intake.domain.link import with_link
from services.intake.domain.told import Told
from services.intake.domain.understand import understand
from tests.unit.intake.given import NOW, RULES, contact, opened

TWO = "订单A20261121-111没收到货，订单A20261121-222也没收到货"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("订单2026年11月21日下的，没到", None),
        ("订单 2026 年底下的", None),
        ("please reset in order 12345 steps", None),
        ("the item in order 12345 is missing", "12345"),
        ("订单A20261121–553没到", "A20261121-553"),
        ("订单A20261121—554没到", "A20261121-554"),
        ("order A20261121−555", "A20261121-555"),
        ("订单A20261121——没收到", "A20261121"),
        (TWO, "A20261121-111"),
    ],
)
def test_IN_8_an_order_is_what_is_meant_as_one(text: str, order: str | None) -> None:
    assert understand(contact(text), RULES).facts.get("order") == order


@pytest.mark.parametrize("said", ["无", "N/A", "ｎ／ａ", " none ", "-", "没有", "0"])
def test_IN_8_what_a_channel_writes_where_it_knows_no_fact_is_none(said: str) -> None:
    stated = {"order": said, "serial": said, "account": said, "device_model": said}
    assert understand(contact("什么时候到", facts=stated), RULES).facts == {}
    assert understand(contact("订单A20261121-111", facts=stated), RULES).facts == {"order": "A20261121-111"}


def test_IN_4_two_writings_of_an_order_are_one() -> None:
    assert canonical("a20261121–553") == canonical("Ａ20261121-553 ") == "A20261121-553"


def test_IN_4_the_number_of_a_case_is_read_in_full_width_too() -> None:
    assert case_numbers("７ＫＱ４－Ｍ２ＸＤ 怎么样了") == ("7KQ4-M2XD",)


FANG = Customer(customer_id="fang", points=("phone:+8613800138000",), gained={"li": ()})


def test_IN_4_each_order_that_is_named_finds_the_case_under_each_id_of_the_customer() -> None:
    said = understand(contact(TWO, facts={"order": "B1"}), RULES)
    found = claims(FANG, said)["order"]
    orders = ("B1", "A20261121-111", "A20261121-222")
    assert found == tuple(claim(id_, "order", order) for order in orders for id_ in ("fang", "li"))
    assert of_present_id(found) == tuple(claim("fang", "order", order) for order in orders)


def test_IN_4_a_case_claims_all_of_them_that_no_other_has() -> None:
    named = claims(FANG, understand(contact(TWO), RULES))
    first, second = of_present_id(named["order"])
    others = Held("other", "in_progress", "fang", NOW)
    asked = Asked("c", claims={"order": named["order"]}, customer_ids=frozenset({"fang", "li"}))
    nothing = Found({}, {}, {}, {}, {})
    assert choose_case(asked, nothing, NOW, RULES.joining).claims == (first, second)
    place = choose_case(asked, Found({}, {second: others}, {}, {}, {}), NOW, RULES.joining)
    assert (place.case_id, place.by, place.claims) == ("other", "order", (first, second))


def test_IN_4_so_many_orders_are_claimed_and_no_more() -> None:
    text = "，".join(f"订单A20261121-{n}" for n in (100, 100, *range(100, 120)))
    assert len(of_present_id(claims(FANG, understand(contact(text), RULES))["order"])) == MOST_OF_A_KIND


def corrected(case: Case, order: str = "fang|order|102") -> tuple[str, ...]:
    """The claims of a case whose first contact says in a new revision which order it meant."""
    seen, said = case.contacts[0], contact(revision=2)
    told = Told(said, seen, understand(said, RULES), None, "", Place(case.case_id, "contact", (order,)))
    return claiming(case, told, RULES).claims


def test_IN_4_an_order_that_was_corrected_is_claimed_no_more() -> None:
    case = opened().changed(claims=("fang|order|101", "fang|topic|a/b"))
    assert corrected(case) == ("fang|topic|a/b", "fang|order|102")


def test_IN_4_what_another_contact_or_a_merged_case_may_have_named_stays_claimed() -> None:
    case = opened().changed(claims=("fang|order|101",))
    two = case.changed(contacts=(*case.contacts, ContactSeen(id="other", revision=1, hash="")))
    merged = with_link(case, Link(to="other", kind="merged"))
    assert corrected(two) == corrected(merged) == ("fang|order|101", "fang|order|102")
