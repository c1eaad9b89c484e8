from datetime import datetime
from typing import Any

import pytest

from services.routing.domain import agent as agent_domain
from services.routing.domain.agent import Agent, free_places, not_ready, occupancy, presence, takes_cases, total
from services.routing.domain.rules import Rules
from shared.decisions import Decision, Refused
from shared.events.agents import AgentPresence, AgentUpdated
from tests.unit.routing.makers import ALL_READY, NOW, RULES, agent, reservation, seconds


def said(state: str, at: datetime = NOW, **readiness: bool) -> AgentPresence:
    return AgentPresence(agent_id="Z01", at=at, state=state, readiness=readiness)


def profile(at: datetime = NOW, **more: Any) -> AgentUpdated:
    return AgentUpdated(agent_id="Z01", at=at, **more)


def update(state: Agent | None, now: datetime, *, event: AgentUpdated) -> Decision[Agent]:
    return agent_domain.update(state, now, event=event, rules=RULES)


def test_a_new_agent_is_offline() -> None:
    made = update(None, NOW, event=profile(name="李雷", skills={"Payments": 4}, languages=("zh-CN", "zh", "EN"))).state
    assert made.state == "offline"
    assert made.skills == {"payments": 4}
    assert made.languages == ("zh", "en")


def test_the_newest_profile_wins_whatever_the_order() -> None:
    old, new = profile(team="A"), profile(NOW + seconds(1), team="B")
    first = update(update(None, NOW, event=old).state, NOW, event=new).state
    other = update(update(None, NOW, event=new).state, NOW, event=old).state
    assert first.team == other.team == "B"


def test_a_profile_read_again_changes_nothing() -> None:
    state = update(None, NOW, event=profile()).state
    assert update(state, NOW, event=profile()).state is state


def test_a_new_profile_leaves_presence_and_reservations_alone() -> None:
    state = agent(holds=("case-1",), readiness=ALL_READY)
    changed = update(state, NOW, event=profile(team="B")).state
    assert (changed.state, changed.reservations, changed.readiness) == ("online", state.reservations, ALL_READY)


def test_RT_6_S9_online_with_unread_updates_is_refused_and_the_item_named() -> None:
    offline = agent(state="offline")
    with pytest.raises(Refused, match="updates_read") as refused:
        presence(offline, NOW, event=said("online", NOW, **(ALL_READY | {"updates_read": False})), rules=RULES)
    assert (refused.value.code, refused.value.field, refused.value.status) == ("not_ready", "readiness", 422)
    assert "headset" not in refused.value.message


def test_RT_6_S9_online_when_all_is_ready() -> None:
    assert (
        presence(agent(state="offline"), NOW, event=said("online", NOW, **ALL_READY), rules=RULES).state.state
        == "online"
    )


def test_RT_6_online_without_a_word_on_readiness_names_every_item() -> None:
    with pytest.raises(Refused) as refused:
        presence(agent(state="offline"), NOW, event=said("online"), rules=RULES)
    assert all(item in refused.value.message for item in RULES.readiness.items)


def test_RT_6_readiness_items_are_configuration() -> None:
    raw = RULES.model_dump(mode="json")
    raw["readiness"]["items"] = {"badge": {"zh": "工牌", "en": "Badge"}}
    rules = Rules.parse(raw)
    assert not_ready({}, rules) == ["badge"]
    assert not_ready({"Badge": True}, rules) == []
    assert not_ready({"工牌": True}, rules) == []


def test_a_desktop_may_use_other_names_for_an_item() -> None:
    names = ("Logged in", "account-permissions", "microphone", "NETWORK", "VPN/antivirus", "updates")
    assert not_ready(dict.fromkeys(names, True), RULES) == []


def test_one_of_two_names_reported_as_false_is_not_ready() -> None:
    assert not_ready(ALL_READY | {"vpn": True, "antivirus": False}, RULES) == ["vpn_antivirus"]


def test_what_the_desktop_itself_reports_as_not_in_order_counts() -> None:
    assert not_ready(ALL_READY | {"camera": False}, RULES) == ["camera"]


def test_back_from_a_break_nothing_is_asked_again() -> None:
    online = presence(agent(state="offline"), NOW, event=said("online", NOW, **ALL_READY), rules=RULES).state
    paused = presence(online, NOW, event=said("break", NOW + seconds(1)), rules=RULES).state
    assert paused.state == "break"
    assert presence(paused, NOW, event=said("online", NOW + seconds(2)), rules=RULES).state.state == "online"


def test_a_new_shift_is_confirmed_anew() -> None:
    gone = presence(agent(readiness=ALL_READY), NOW, event=said("offline"), rules=RULES).state
    with pytest.raises(Refused, match="still missing: login"):
        presence(gone, NOW, event=said("online", NOW + seconds(1)), rules=RULES)


def test_an_old_online_read_again_changes_nothing() -> None:
    state = agent(state="offline", presence_at=NOW)
    for at in (NOW - seconds(1), NOW):
        assert presence(state, NOW, event=said("online", at, **ALL_READY), rules=RULES).state is state


def test_an_old_online_that_was_never_ready_is_not_refused_any_more() -> None:
    state = agent(presence_at=NOW)
    assert presence(state, NOW, event=said("online", NOW - seconds(1)), rules=RULES).state is state


def test_presence_of_an_unknown_agent_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        presence(None, NOW, event=said("offline"), rules=RULES)
    assert (refused.value.code, refused.value.field, refused.value.status) == ("unknown_agent", "agent_id", 404)


def held(*channels: str) -> tuple[Any, ...]:
    return tuple(reservation(f"case-{n}", channel=channel) for n, channel in enumerate(channels))


@pytest.mark.parametrize(
    ("capacity", "holds", "channel", "free"),
    [
        ({"total": 3}, (), "chat", 3),
        ({"total": 3, "chat": 2}, ("chat",), "chat", 1),
        ({"total": 3, "chat": 2}, ("chat", "chat"), "chat", 0),
        ({"total": 3, "chat": 2}, ("chat", "chat"), "email", 1),
        ({"total": 2, "chat": 2}, ("email", "email"), "chat", 0),
        ({"chat": 3, "phone": 1}, ("chat",), "email", 3),
        ({"total": 3, "phone": 0}, (), "phone", 0),
        ({"total": 1}, ("chat", "chat"), "chat", 0),
        ({}, (), "chat", 0),
    ],
)
def test_RT_1_capacity_holds_per_channel_and_in_total(
    capacity: dict[str, int], holds: tuple[str, ...], channel: str, free: int
) -> None:
    assert free_places(agent(capacity=capacity, reservations=held(*holds)), channel) == free


def test_load_is_the_number_of_reservations() -> None:
    busy = agent(capacity={"total": 4}, reservations=held("chat"))
    assert (total(busy), occupancy(busy)) == (4, 0.25)
    assert occupancy(agent(capacity={"total": 0})) == 1.0


def test_a_supervisor_is_not_offered_cases_unless_he_is_an_agent_too() -> None:
    assert not takes_cases(agent(roles=("supervisor",)), RULES)
    assert takes_cases(agent(roles=("supervisor", "agent")), RULES)
    assert takes_cases(agent(roles=()), RULES)


def test_an_agent_can_be_stored_and_read_again() -> None:
    state = agent(holds=("case-1",), readiness=ALL_READY)
    assert Agent.model_validate(state.model_dump()) == state


def test_skills_may_be_given_by_any_name_of_the_group_and_others_are_kept() -> None:
    made = update(None, NOW, event=profile(skills={"支付服务": 3, "物流查询": 2, "Juggling": 1})).state
    assert made.skills == {"payments": 3, "logistics": 2, "juggling": 1}


def test_a_time_far_ahead_cannot_win_against_everything_said_later() -> None:
    ahead = NOW + seconds(301)
    with pytest.raises(Refused, match="five minutes") as refused:
        update(None, NOW, event=profile(ahead))
    assert (refused.value.code, refused.value.field) == ("ahead_of_time", "at")
    with pytest.raises(Refused, match="five minutes"):
        presence(agent(), NOW, event=said("break", ahead), rules=RULES)
