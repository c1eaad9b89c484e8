"""IN-3: who turned out to be one, and who was wrongly taken for one."""

from functools import partial

import pytest

from services.intake.domain.customer import (
    MAX_POINTS,
    MOST_GAINED,
    Customer,
    absorb,
    give_back,
    merge,
    parting,
    point_of,
    points_of,
    unmerge,
    updated,
)  # fmt: skip
from services.intake.domain.found import Entitlement, Found, KnownCustomer
from services.intake.domain.rules import Rules
from services.intake.domain.verify import entitled
from shared.decisions import Decision
from tests.unit.intake.given import NOW, RULES, contact, refusal

BY = {"by": "S01", "why": "两个人"}


def one_of(winner: Customer, loser: Customer) -> tuple[Customer, Customer]:
    after = absorb(winner, NOW, other=loser, rules=RULES, **BY).state
    return after, merge(loser, NOW, into=winner.customer_id).state


def parted(one: Customer, other: Customer) -> tuple[Customer, Customer]:
    goes, stays = parting(one, other)
    goes = unmerge(goes, NOW, from_=stays.customer_id, **BY).state
    return goes, give_back(stays, NOW, to=goes, **BY).state


@pytest.mark.parametrize("asked_of", ["who went", "who stays"])
def test_IN_3_a_merger_is_undone_whichever_of_both_is_named(asked_of: str) -> None:
    low, high = one_of(
        Customer(customer_id="a", points=("app:1",)), Customer(customer_id="b", points=("email:w@x.example",))
    )
    pair = (high, low) if asked_of == "who went" else (low, high)
    goes, stays = parted(*pair)
    assert (goes.customer_id, goes.merged_into, goes.points) == ("b", None, ("email:w@x.example",))
    assert (stays.points, stays.also) == (("app:1",), ())
    assert (goes.apart, stays.apart) == (("a",), ("b",))


@pytest.mark.parametrize("turned", [False, True])
def test_IN_3_a_parting_that_was_left_half_done_or_is_asked_for_again_is_finished(turned: bool) -> None:
    low, high = one_of(Customer(customer_id="a", points=("app:1",)), Customer(customer_id="b", points=("app:2",)))
    half = unmerge(high, NOW, from_="a", **BY).state
    goes, stays = parted(*((low, half) if turned else (half, low)))
    assert (goes.customer_id, stays.points) == ("b", ("app:1",))
    again = parted(*((stays, goes) if turned else (goes, stays)))
    assert {customer.customer_id: customer for customer in again} == {"a": stays, "b": goes}


def test_IN_3_who_is_merged_into_a_third_is_refused_and_the_third_is_named() -> None:
    first, second = one_of(Customer(customer_id="a"), Customer(customer_id="b"))
    second, third = one_of(second, Customer(customer_id="c"))
    refused = refusal(partial(parting, third, first))
    assert (refused.code, refused.status) == ("not_merged", 409)
    assert "c is merged into b" in refused.message


def test_IN_3_two_who_never_were_one_can_not_be_parted() -> None:
    refused = refusal(partial(parting, Customer(customer_id="a"), Customer(customer_id="b")))
    assert "neither is merged" in refused.message


def test_IN_3_what_came_with_one_who_came_with_another_is_given_back_too() -> None:
    third = Customer(customer_id="c", points=("app:3", "app:1"))
    second, third = one_of(Customer(customer_id="b", points=("app:2",)), third)
    first, second = one_of(Customer(customer_id="a", points=("app:1",)), second)
    assert first.points == ("app:1", "app:2", "app:3")
    goes, _ = parted(third, second)
    assert give_back(first, NOW, to=goes, **BY).state.points == ("app:1", "app:2"), "his own stays with the first"


def test_IN_3_who_was_told_apart_stays_apart_from_whoever_the_other_turns_out_to_be() -> None:
    second, third = one_of(Customer(customer_id="b"), Customer(customer_id="c"))
    _, second = parted(third, second)
    first, _ = one_of(Customer(customer_id="a"), second)
    assert first.apart == ("c",)


def test_IN_3_nobody_can_make_one_of_more_than_fifty() -> None:
    full = Customer(customer_id="a", gained={str(n): () for n in range(MOST_GAINED)})
    refused = refusal(partial(absorb, full, NOW, other=Customer(customer_id="b"), rules=RULES, **BY))
    assert (refused.code, refused.field, refused.status) == ("too_many_merged", "other", 409)
    assert absorb(full, NOW, other=Customer(customer_id="7"), rules=RULES, **BY).state is full, "he is one already"


def test_IN_3_what_was_gained_is_no_more_than_what_can_be_kept() -> None:
    many = Customer(customer_id="a", points=tuple(f"app:{n}" for n in range(MAX_POINTS - 1)))
    other = Customer(customer_id="b", points=("email:1@x.example", "email:2@x.example"))
    after = absorb(many, NOW, other=other, rules=RULES, **BY).state
    assert (len(after.points), after.gained) == (MAX_POINTS, {"b": ("email:1@x.example",)})


# ids of several systems


def spaced() -> Rules:
    return RULES.model_copy(update={"joining": RULES.joining.model_copy(update={"id_spaces": {"bank-app": "bank"}})})


def test_IN_3_the_same_id_in_two_systems_is_two_people_where_the_rules_say_so() -> None:
    said = {"app_id": "1001", "social": "小明", "phone": "13800138000"}
    of_bank = points_of(contact(customer=said, source="bank-app"), spaced())
    assert of_bank == ("phone:+8613800138000", "app:bank:1001", "social:bank:小明")
    assert points_of(contact(customer=said, source="shop-app"), spaced())[1:] == ("app:1001", "social:小明")
    assert point_of("app_id", "bank:1001", spaced()) == "app:bank:1001", "as it is shown it is asked for"
    assert point_of("app_id", " ", spaced(), source="bank-app") == ""


# entitlements

WARRANTY = Entitlement(name="warranty", until="2027-05-01", of="SN88210")


def test_IN_24_what_a_customer_is_entitled_to_goes_out_with_him() -> None:
    found = Found(customer=KnownCustomer(id="C1", entitlements=(WARRANTY,)))
    customer = Customer(customer_id="a")
    decision = entitled(customer, NOW, decide=lambda *_: Decision(customer), found=found, rules=RULES)
    (event,) = decision.events
    assert [(one.name, one.until, one.of) for one in updated(decision.state).entitlements] == [
        ("warranty", "2027-05-01", "SN88210")
    ]
    assert event == updated(decision.state)


def test_IN_24_who_turns_out_to_be_another_keeps_what_he_is_entitled_to() -> None:
    after, _ = one_of(Customer(customer_id="a"), Customer(customer_id="b", entitlements=(WARRANTY,)))
    assert after.entitlements == (WARRANTY,)
