"""IN-3: one view of the customer, and never two people in one."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.customer import Customer
from services.intake.domain.identify import Meant, identify
from tests.unit.intake.given import RULES

MOBILE, MOBILE_2, SWITCHBOARD = "phone:+8613800138000", "phone:+8613900139000", "phone:+862162345678"


def who(points: Iterable[str], *customers: Customer, name: str | None = None) -> Meant:
    known: dict[str, list[Customer]] = {}
    for customer in customers:
        for point in customer.points:
            known.setdefault(point, []).append(customer)
    return identify(tuple(points), name, known, "contact-1", RULES)


def customer(id_: str, *points: str, name: str | None = None, apart: tuple[str, ...] = ()) -> Customer:
    return Customer(customer_id=id_, points=points, name=name, apart=apart)


def test_IN_3_whoever_has_the_mobile_is_meant_though_the_name_is_written_otherwise() -> None:
    wang = customer("a", MOBILE, name="王芳")
    assert who([MOBILE], wang, name="Wang Fang").customer_id == "a"
    assert who([MOBILE], wang).customer_id == "a"


def test_IN_3_a_mobile_with_another_name_and_another_account_is_another_person() -> None:
    wang = customer("a", MOBILE, "app:u1", name="王芳")
    son = who([MOBILE, "app:u2"], wang, name="李小明")
    assert son.customer_id != "a"
    assert son.fresh
    assert who([MOBILE, "app:u2"], wang).customer_id == "a", "a second account alone makes no second person"


def test_IN_3_a_shared_switchboard_number_does_not_melt_two_people_together() -> None:
    wang = customer("a", SWITCHBOARD, "email:wang@firm.example", name="王芳")
    li = customer("b", SWITCHBOARD, "email:li@firm.example", name="李明")
    assert who([SWITCHBOARD], wang, li, name="李明").customer_id == "b"
    assert who([SWITCHBOARD, "email:li@firm.example"], wang, li, name="李明").same == ()
    third = who([SWITCHBOARD], wang, li, name="赵云")
    assert (third.fresh, third.same) == (True, ())


def test_IN_3_a_call_without_a_name_from_a_shared_number_is_nobody_that_we_know() -> None:
    wang, li = customer("a", SWITCHBOARD, name="王芳"), customer("b", SWITCHBOARD, name="李明")
    first = who([SWITCHBOARD], wang, li)
    assert first.customer_id not in ("a", "b")
    somebody = customer(first.customer_id, SWITCHBOARD)
    again = who([SWITCHBOARD], wang, li, somebody)
    assert (again.customer_id, again.fresh) == (first.customer_id, False)
    assert who([SWITCHBOARD], wang, li, somebody, name="王芳") == Meant("a", fresh=False), "and he never becomes one"


def test_IN_3_two_strangers_who_turn_out_to_be_one_are_merged_the_higher_id_into_the_lower() -> None:
    by_phone, by_mail = customer("a", MOBILE, name="王芳"), customer("b", "email:w@x.example")
    meant = who([MOBILE, "email:w@x.example"], by_phone, by_mail, name="王芳")
    assert (meant.customer_id, meant.same) == ("a", (by_mail,))


def test_IN_3_what_is_known_of_the_account_counts_against_the_owner_of_the_phone() -> None:
    wang, li = customer("a", "app:u1", name="王芳"), customer("b", SWITCHBOARD, name="李明")
    assert who([SWITCHBOARD, "app:u1"], wang, li) == Meant("a", fresh=False)


def test_IN_3_whom_a_person_told_apart_is_never_taken_for_one_again() -> None:
    one, other = customer("a", MOBILE, apart=("b",)), customer("b", "email:w@x.example", apart=("a",))
    assert who(["email:w@x.example", MOBILE], one, other) == Meant("b", fresh=False)


def test_IN_3_numbers_that_the_rules_list_find_nobody() -> None:
    joining = RULES.joining.model_copy(update={"shared_numbers": ("+8613800138000",)})
    rules = RULES.model_copy(update={"joining": joining})
    wang = customer("a", MOBILE)
    meant = identify((MOBILE,), None, {MOBILE: [wang]}, "contact-1", rules)
    assert meant.customer_id != "a"


@pytest.mark.parametrize("more", [(), ("app:u1",), ("email:w@x.example", "app:u1")])
def test_IN_3_the_same_new_person_through_two_doors_at_once_gets_one_id(more: tuple[str, ...]) -> None:
    assert who([MOBILE, *more]).customer_id == who([MOBILE]).customer_id


def test_IN_3_without_any_point_everyone_is_somebody_new() -> None:
    assert who([]) == Meant(who([]).customer_id, fresh=True)
    assert identify((), None, {}, "other", RULES) != who([])


POINTS = st.sampled_from([MOBILE, MOBILE_2, SWITCHBOARD, "app:u1", "app:u2", "email:a@x.example", "social:s1"])
NAMES = st.sampled_from([None, "王芳", "李明"])


@given(st.lists(st.tuples(st.lists(POINTS, max_size=3, unique=True), NAMES), max_size=6))
def test_IN_3_asked_again_the_same_contact_means_the_same_person(contacts: list[tuple[list[str], str | None]]) -> None:
    known: dict[str, Customer] = {}
    for points, name in contacts:
        if not points:
            continue
        meant = who(points, *known.values(), name=name)
        for loser in meant.same:
            del known[loser.customer_id]
        before = known.get(meant.customer_id) or customer(meant.customer_id, name=name)
        theirs = [point for loser in meant.same for point in loser.points]
        points_now = tuple(dict.fromkeys((*before.points, *points, *theirs)))
        known[meant.customer_id] = before.model_copy(update={"points": points_now, "name": before.name or name})
        again = who(points, *known.values(), name=name)
        assert again == Meant(meant.customer_id, fresh=False)
