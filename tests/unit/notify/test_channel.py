"""NT-1: by the channel the customer used, else by the best one known."""

import pytest

from services.notify.domain import channel
from shared.events.cases import Reach
from tests.unit.notify.build import RULES

EVERY = Reach(phone="+8613800138000", email="w@example.com", app_id="app-1", social="weibo:wang")


@pytest.mark.parametrize(
    ("used", "told_on"),
    [
        ("phone", "sms"),
        ("sms", "sms"),
        ("email", "email"),
        ("chat", "chat"),
        ("app", "app"),
        ("social", "social"),
        ("review", "social"),
        ("web", "email"),
        ("onsite", "sms"),
        ("carrier-pigeon", "email"),
    ],
)
def test_NT_1_the_answer_goes_where_the_customer_came_from(used: str, told_on: str):
    way = channel.best(used, EVERY, RULES)
    assert way is not None
    assert way.channel == told_on


@pytest.mark.parametrize(
    ("reach", "told_on"),
    [
        (Reach(email="w@example.com", phone="+86138"), "sms"),
        (Reach(email="w@example.com", app_id="a"), "email"),
        (Reach(app_id="a", social="s"), "app"),
        (Reach(social="s"), "social"),
    ],
)
def test_NT_1_without_the_used_channel_the_first_way_known_counts(reach: Reach, told_on: str):
    way = channel.best("phone", reach, RULES)
    assert way is not None
    assert way.channel == told_on


def test_a_channel_without_a_provider_is_not_used():
    rules = RULES.limited_to({"smtp"})
    way = channel.best("phone", EVERY, rules)
    assert way == channel.Way("email", "w@example.com")


@pytest.mark.parametrize("address", ["a b@c.d", "@c.d", "a@", "a@b,c@d", "a@b\nBcc: c@d", "<a@b>", "x" * 65 + "@b.c"])
def test_NT_5_an_address_that_could_carry_more_than_itself_is_none(address: str):
    assert channel.best("email", Reach(email=address), RULES) is None
