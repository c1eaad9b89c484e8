import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain.agent import Agent, unchanged
from services.routing.domain.reserve import release, reserve
from shared.decisions import Decision, Refused
from tests.unit.routing.makers import NOW, agent, seconds


def take(state: Agent | None, case_id: str, generation: int = 1, channel: str = "phone") -> Decision[Agent]:
    return reserve(state, NOW, agent_id="Z01", case_id=case_id, channel=channel, generation=generation)


def refusal(state: Agent | None, case_id: str, generation: int = 1, channel: str = "phone") -> str:
    with pytest.raises(Refused) as refused:
        take(state, case_id, generation, channel)
    return refused.value.code


def pairs(state: Agent) -> list[tuple[str, int]]:
    return [(held.case_id, held.generation) for held in state.reservations]


def test_a_place_is_held_once_however_often_it_is_asked_for() -> None:
    once = take(agent(), "case-1").state
    assert pairs(once) == [("case-1", 1)]
    assert take(once, "case-1").state is once


def test_a_full_agent_takes_no_more() -> None:
    assert refusal(agent(holds=("case-1",)), "case-2") == "at_capacity"


def test_several_chats_but_one_call() -> None:
    state = agent(capacity={"total": 4, "phone": 1, "chat": 3})
    state = take(take(take(state, "c1", channel="chat").state, "c2", channel="chat").state, "p1").state
    assert refusal(state, "p2") == "at_capacity"
    assert len(take(state, "c3", channel="chat").state.reservations) == 4


@pytest.mark.parametrize("state", ["break", "wrap_up", "offline"])
def test_RT_6_S9_who_is_not_online_takes_nothing(state: str) -> None:
    assert refusal(agent(state=state), "case-1") == "not_online"


def test_an_unknown_agent_takes_nothing() -> None:
    assert refusal(None, "case-1") == "unknown_agent"


def test_a_later_offer_of_the_case_takes_the_place_of_the_earlier() -> None:
    state = take(agent(holds=("case-1",)), "case-1", 2).state
    assert pairs(state) == [("case-1", 2)]


def test_an_earlier_offer_does_not_come_back() -> None:
    state = take(agent(), "case-1", 2).state
    assert refusal(state, "case-1", 1) == "superseded"


def test_release_gives_back_exactly_that_place() -> None:
    state = agent(capacity={"total": 3}, holds=("case-1", "case-2"))
    after = release(state, NOW, case_id="case-1", generation=1).state
    assert pairs(after) == [("case-2", 1)]
    assert after.idle_since == NOW


def test_a_place_that_is_not_held_cannot_be_given_back() -> None:
    state = agent(holds=("case-1",))
    assert release(state, NOW, case_id="case-1", generation=2).state is state
    assert release(state, NOW, case_id="case-9", generation=1).state is state
    assert release(None, NOW, case_id="case-9", generation=1) == unchanged(None)


STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 3), st.sampled_from(["phone", "chat", "email"])),
    max_size=40,
)
CAPACITY = st.fixed_dictionaries(
    {"total": st.integers(0, 4)}, optional={"phone": st.integers(0, 2), "chat": st.integers(0, 3)}
)


@given(STEPS, CAPACITY)
def test_RT_1_no_order_of_steps_puts_an_agent_above_capacity(
    steps: list[tuple[bool, int, int, str]], capacity: dict[str, int]
) -> None:
    state = agent(capacity=capacity)
    for number, (taking, case, generation, channel) in enumerate(steps):
        now = NOW + seconds(number)
        try:
            if taking:
                state = reserve(
                    state, now, agent_id="Z01", case_id=f"{case}", channel=channel, generation=generation
                ).state
            else:
                state = release(state, now, case_id=f"{case}", generation=generation).state
        except Refused:
            pass
        channels = [held.channel for held in state.reservations]
        assert len(channels) <= capacity["total"]
        assert all(channels.count(name) <= places for name, places in capacity.items() if name != "total")
        assert len({held.case_id for held in state.reservations}) == len(channels)
