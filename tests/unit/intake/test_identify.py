"""IN-3: one view of the customer, and never two people in one."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.customer import MOST_GAINED, Customer
from services.intake.domain.identify import MOST_AT_ONE_NUMBER, Meant, identify
from services.intake.domain.rules import Rules
from tests.unit.intake.given import RULES

MOBILE, MOBILE_2, SWITCHBOARD = "phone:+8613800138000", "phone:+8613900139000", "phone:+862162345678"


def who(
    points: Iterable[str],
    *customers: Customer,
    name: str | None = None,
    vouched: Iterable[str] = (),
    rules: Rules = RULES,
) -> Meant:
    known: dict[str, list[Customer]] = {}
    for customer in customers:
        for point in customer.points:
            known.setdefault(point, []).append(customer)
    return identify(tuple(points), name, known, "contact-1", rules, frozenset(vouched))


def customer(id_: str, *points: str, name: str | None = None, apart: tuple[str, ...] = ()) -> Customer:
    return Customer(customer_id=id_, points=points, name=name, apart=apart)


def test_IN_3_whoever_has_the_mobile_is_meant_though_the_name_is_written_otherwise() -> None:
    wang = customer("a", MOBILE, name="王芳")
    assert who([MOBILE], wang, name="Wang Fang", vouched=[MOBILE]).customer_id == "a"
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
    meant = who([MOBILE], customer("a", MOBILE), vouched=[MOBILE], rules=joining(shared_numbers=("+8613800138000",)))
    assert (meant.customer_id == "a", meant.points) == (False, ())


def joining(**rules: Any) -> Rules:
    return RULES.model_copy(update={"joining": RULES.joining.model_copy(update=rules)})


@pytest.mark.parametrize("point", ["email:none@none.com", "email:None@None.com", "app:guest", "social:匿名用户"])
def test_IN_3_a_placeholder_is_nobody_and_makes_nobody_one(point: str) -> None:
    meant = who([point], customer("a", point), vouched=[point], name="王芳")
    assert (meant.customer_id == "a", meant.points) == (False, ())
    assert meant.customer_id == who([point], vouched=[point], name="王芳").customer_id


def test_IN_3_a_shared_mailbox_finds_nobody_once_it_is_listed() -> None:
    mail, rules = "email:info@firm.example", joining(shared_points=("info@firm.example",))
    zhang = customer("a", mail, "app:u1", name="张伟")
    meant = who([mail, "app:u2"], zhang, name="陈静", vouched=[mail, "app:u2"], rules=rules)
    assert (meant.fresh, meant.same, meant.points) == (True, (), ("app:u2",))


@pytest.mark.parametrize("more", [(), ("app:u1",), ("email:w@x.example", "app:u1")])
def test_IN_3_the_same_new_person_through_two_doors_at_once_gets_one_id(more: tuple[str, ...]) -> None:
    assert who([MOBILE, *more]).customer_id == who([MOBILE]).customer_id


def test_IN_3_without_any_point_everyone_is_somebody_new() -> None:
    assert who([]) == Meant(who([]).customer_id, fresh=True)
    assert identify((), None, {}, "other", RULES) != who([])


# what a channel vouches for, and what is merely stated

MAIL, MALLORY = "email:li@x.example", "app:mallory"


@pytest.mark.parametrize("stated", [MAIL, MOBILE])
@pytest.mark.parametrize("known_already", [True, False])
def test_IN_3_whoever_states_anothers_mail_or_mobile_does_not_become_him(stated: str, known_already: bool) -> None:
    victim = customer("a", MAIL, MOBILE, name="李明")
    mallory = [customer("b", MALLORY, name="Mallory")] if known_already else []
    meant = who([stated, MALLORY], victim, *mallory, name="Mallory", vouched=[MALLORY])
    assert meant.customer_id != "a"
    assert (meant.same, meant.points) == ((), (MALLORY,)), "nor is the point his own from then on"
    assert who([stated], victim, *mallory, vouched=[stated]).customer_id == "a", "its owner is still found by it"


def test_IN_3_a_nameless_account_does_not_become_the_owner_of_another_account_by_stating_his_mail() -> None:
    victim = customer("a", MAIL, "app:li", name="李明")
    assert who([MAIL, MALLORY], victim, vouched=[MALLORY]).points == (MALLORY,)
    assert who([MAIL, MALLORY], victim, vouched=[MALLORY]).customer_id != "a"


def test_IN_3_a_stated_point_joins_where_names_agree_or_one_has_none() -> None:
    by_app, by_phone = customer("a", "app:u1"), customer("b", MOBILE, name="王芳")
    for name in ("王芳女士", None):
        assert who([MOBILE, "app:u1"], by_app, by_phone, name=name, vouched=["app:u1"]) == Meant(
            "a", False, (by_phone,)
        )


def test_IN_3_what_the_channel_vouches_for_finds_its_owner_whatever_the_name() -> None:
    assert who([MAIL], customer("a", MAIL, name="李明"), name="Li Ming", vouched=[MAIL]).customer_id == "a"


# numbers of several


def test_IN_3_two_who_have_a_mobile_and_were_told_apart_are_found_by_their_names_only() -> None:
    wang = customer("a", MOBILE, name="王芳", apart=("b",))
    li = customer("b", MOBILE, name="李强", apart=("a",))
    assert who([MOBILE], wang, li, name="李强", vouched=[MOBILE]) == Meant("b", fresh=False)
    nameless = who([MOBILE], wang, li, vouched=[MOBILE])
    assert nameless.customer_id not in ("a", "b")


def test_IN_3_a_switchboard_finds_only_who_is_named_the_same_or_has_the_same_account() -> None:
    first = who([SWITCHBOARD], vouched=[SWITCHBOARD])
    anybody = customer(first.customer_id, *first.points)
    assert anybody.anybody
    wang = customer("a", SWITCHBOARD, name="王芳")
    assert who([SWITCHBOARD], anybody, wang).customer_id == first.customer_id, "not the only one who has a name"
    assert who([SWITCHBOARD], anybody, name="王芳").customer_id != first.customer_id
    by_app = customer("b", SWITCHBOARD, "app:u1")
    assert who([SWITCHBOARD, "email:b@x.example"], by_app).customer_id != "b"
    assert who([SWITCHBOARD, "app:u1"], by_app).customer_id == "b"


def test_IN_3_a_number_of_many_remembers_no_more_and_still_finds_whom_it_had() -> None:
    many = [customer(f"{n:02}", SWITCHBOARD, name=f"王芳{n}") for n in range(MOST_AT_ONE_NUMBER)]
    assert who([SWITCHBOARD], *many, name="王芳7", vouched=[SWITCHBOARD]) == Meant("07", fresh=False)
    later = who([SWITCHBOARD], *many, name="赵云", vouched=[SWITCHBOARD])
    assert (later.same, later.points) == ((), ())
    assert who([SWITCHBOARD], *many, name="赵云", vouched=[SWITCHBOARD]).customer_id == later.customer_id


def test_IN_3_nobody_is_made_one_with_more_than_fifty() -> None:
    full = Customer(customer_id="a", points=(MAIL,), gained={str(n): () for n in range(MOST_GAINED)})
    other = customer("b", "app:u1")
    assert who([MAIL, "app:u1"], full, other, vouched=[MAIL, "app:u1"]) == Meant("a", fresh=False)


POINTS = st.sampled_from([MOBILE, MOBILE_2, SWITCHBOARD, "app:u1", "app:u2", "email:a@x.example", "social:s1"])
NAMES = st.sampled_from([None, "王芳", "李明"])


SAID = st.tuples(st.lists(POINTS, max_size=3, unique_by=lambda point: point.split(":")[0]), NAMES, st.sets(POINTS))


@settings(max_examples=400)
@given(st.lists(SAID, max_size=7))
def test_IN_3_asked_again_the_same_contact_means_the_same_person(
    contacts: list[tuple[list[str], str | None, set[str]]],
) -> None:
    known: dict[str, Customer] = {}
    for points, name, channel in contacts:
        if not points:
            continue
        vouched = channel.intersection(points)
        meant = who(points, *known.values(), name=name, vouched=vouched)
        for loser in meant.same:
            del known[loser.customer_id]
        before = known.get(meant.customer_id) or customer(meant.customer_id, name=name)
        theirs = [point for loser in meant.same for point in loser.points]
        points_now = tuple(dict.fromkeys((*before.points, *meant.points, *theirs)))
        names = (before.name, name, *(loser.name for loser in meant.same))
        told = {"points": points_now, "name": next(filter(None, names), None)}
        known[meant.customer_id] = before.model_copy(update=told)
        again = who(points, *known.values(), name=name, vouched=vouched)
        assert (again.customer_id, again.same) == (meant.customer_id, ())


def test_IN_3_who_is_found_by_his_number_is_found_by_his_address_too() -> None:
    by_number = customer("a", MOBILE, name="王芳")
    by_address = customer("b", MOBILE_2, "email:a@x.example", "app:u1", name="王芳")
    said = [MOBILE, "app:u2", "email:a@x.example"]
    meant = who(said, by_number, by_address, vouched=[MOBILE, "app:u2"])
    assert {meant.customer_id, *(other.customer_id for other in meant.same)} == {"a", "b"}
