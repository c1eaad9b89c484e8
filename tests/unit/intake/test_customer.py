from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.customer import (
    Customer,
    absorb,
    email_address,
    give_back,
    merge,
    phone_number,
    points_of,
    reach_of,
    remember,
    stated_points,
    unmerge,
)  # fmt: skip
from tests.unit.intake.given import NOW, RULES, contact, refusal


def told(state: Customer | None, **said: object) -> tuple[Customer, int]:
    message = contact("你好", customer=said)
    points = points_of(message, RULES)
    decision = remember(state, NOW, contact=message, customer_id="cu-1", points=points, rules=RULES)
    return decision.state, len(decision.events)


@pytest.mark.parametrize(
    ("written", "language", "number"),
    [
        ("+8613800138000", "zh", "+8613800138000"), ("138 0013 8000", "zh", "+8613800138000"),
        ("13800138000", None, "+8613800138000"),
        ("+44 7700 901297", "en", "+447700901297"), ("07911 123456", "en", "+447911123456"),
        ("021-62345678", "zh", "+862162345678"),
        ("0086 13800138000", "zh", "+8613800138000"),
    ],
)  # fmt: skip
def test_IN_3_a_phone_number_is_the_same_however_it_is_written(written: str, language: str | None, number: str) -> None:
    said = {"phone": written, "language": language}
    assert points_of(contact(customer=said), RULES) == (f"phone:{number}",)


@pytest.mark.parametrize("written", ["", "abc", "12", "+", "0" * 40])
def test_IN_3_what_is_no_number_is_left_out(written: str) -> None:
    assert phone_number(written, "CN") == ""


@pytest.mark.parametrize(
    ("written", "address"),
    [(" Li.Ming@Mail.Example ", "li.ming@mail.example"), ("no at", ""), ("a@b", ""), ("@x.de", "")],
)
def test_IN_3_addresses_are_compared_in_lower_case(written: str, address: str) -> None:
    assert email_address(written.strip()) == address


def test_IN_3_all_points_of_a_contact_are_known() -> None:
    said = {"phone": "13800138000", "email": "A@b.example", "app_id": "u77", "social": "weibo:1"}
    assert points_of(contact(customer=said), RULES) == (
        "phone:+8613800138000",
        "email:a@b.example",
        "app:u77",
        "social:weibo:1",
    )


def test_IN_3_what_a_contact_tells_is_remembered_and_given_out() -> None:
    state, events = told(None, name="王芳", phone="13800138000", language="zh-CN", tier="silver")
    assert (state.name, state.language, state.tier, state.points) == ("王芳", "zh", "silver", ("phone:+8613800138000",))
    assert events == 1


def test_IN_3_nothing_new_is_not_written() -> None:
    state, _ = told(None, name="王芳", phone="13800138000", tier="gold")
    again, events = told(state, name="王芳", phone="+86 138 0013 8000", tier="silver")
    assert again is state
    assert events == 0


def test_IN_3_points_of_several_channels_come_together() -> None:
    state, _ = told(None, phone="13800138000")
    state, events = told(state, phone="13800138000", app_id="u77")
    assert state.points == ("phone:+8613800138000", "app:u77")
    assert events == 1


def test_a_tier_rises_and_never_falls() -> None:
    state, _ = told(None, phone="13800138000", tier="gold")
    assert told(state, phone="13800138000", tier="VIP")[0].tier == "VIP"
    assert told(state, phone="13800138000", tier="silver")[0].tier == "gold"
    assert told(state, phone="13800138000", tier="something new")[0].tier == "gold"


def test_consent_to_diagnostics_is_remembered() -> None:
    message = contact("你好", diagnostics_consent=True)
    state = remember(None, NOW, contact=message, customer_id="cu-1", points=(), rules=RULES).state
    assert state.consents == {"diagnostics": True}


def test_IN_3_the_higher_id_points_to_the_lower_and_never_back() -> None:
    low, high = Customer(customer_id="a"), Customer(customer_id="b", points=("app:1",))
    merged = merge(high, NOW, into="a")
    assert merged.state.merged_into == "a"
    assert len(merged.events) == 1
    assert merge(low, NOW, into="b").state is low
    assert merge(merged.state, NOW, into="0").state is merged.state


def test_IN_3_who_turns_out_to_be_another_is_known_by_everything_of_both_and_gets_it_back() -> None:
    low = Customer(customer_id="a", name="王芳", tier="gold", points=("app:1",))
    high = Customer(customer_id="b", points=("app:1", "email:w@x.example"), consents={"diagnostics": True})
    one = absorb(low, NOW, other=high, rules=RULES, by="S01", why="same").state
    assert (one.points, one.also) == (("app:1", "email:w@x.example"), ("b",))
    assert one.consents == {"diagnostics": True}
    apart = give_back(one, NOW, to=high, by="S01", why="两个人")
    assert (apart.state.points, apart.state.also, apart.state.apart) == (("app:1",), (), ("b",))
    assert apart.note is not None
    assert apart.note.by == "S01"
    pointer = merge(high, NOW, into="a").state
    again = unmerge(pointer, NOW, from_="a", by="S01", why="两个人")
    assert (again.state.merged_into, again.state.apart, again.state.points) == (None, ("a",), high.points)
    assert unmerge(again.state, NOW, from_="a", by="S01", why="").state is again.state


def test_IN_3_only_who_was_merged_can_be_parted() -> None:
    refused = refusal(partial(unmerge, Customer(customer_id="b", merged_into="c"), NOW, from_="a", by="", why=""))
    assert (refused.code, refused.field) == ("not_merged", "customer_id")


def test_a_merged_customer_learns_nothing_more() -> None:
    pointer = Customer(customer_id="b", merged_into="a")
    assert told(pointer, phone="13800138000") == (pointer, 0)


def test_reach_is_what_this_contact_says_and_else_what_is_known() -> None:
    known = Customer(customer_id="a", name="王芳", points=("phone:+8613800138000", "email:a@b.example"))
    said = contact(customer={"phone": "13900139000"})
    reach = reach_of(said, stated_points(said, RULES), known)
    assert (reach.name, reach.phone, reach.email) == ("王芳", "+8613900139000", "a@b.example")


@given(st.text(max_size=60), st.sampled_from(["CN", "GB", "ES"]))
def test_normalising_a_number_twice_changes_nothing(text: str, region: str) -> None:
    number = phone_number(text, region)
    assert phone_number(number, region) == number


@given(st.lists(st.sampled_from(["13800138000", "13900139000", "bad", ""]), max_size=8))
def test_a_customer_remembers_each_point_once_whatever_the_order(numbers: list[str]) -> None:
    state = None
    for number in numbers:
        state, _ = told(state, phone=number)
    assert set(state.points if state else ()) == {f"phone:+86{number}" for number in numbers if number.startswith("13")}
