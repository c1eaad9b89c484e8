"""Who gets which case."""

import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.routing.domain.agent import Agent, Reservation, free_places, occupancy, takes_cases, total
from services.routing.domain.match import Match, in_queue_order, match, ring_of
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket
from tests.unit.routing.makers import NOW, RULES, agent, rules_with, seconds, ticket


def pairs(matches: list[Match]) -> dict[str, str]:
    return {found.ticket.case_id: found.agent.agent_id for found in matches}


def only(tickets: list[Ticket], agents: list[Agent], rules: Rules = RULES, **more: Any) -> Match:
    (found,) = match(tickets, agents, NOW, rules, **more)
    return found


def test_RT_1_a_case_goes_to_an_agent_with_the_skill_and_the_reason_says_so() -> None:
    found = only([ticket(level=3)], [agent("A", {"logistics": 5}), agent("B", {"payments": 4})])
    assert found.agent.agent_id == "B"
    assert (found.generation, found.again) == (1, False)
    reason = found.reason
    assert (reason.skill, reason.level, reason.language, reason.load, reason.ring) == ("payments", 4, "zh", 0, 0)
    assert (reason.last_agent, reason.policy_version) == (False, RULES.version)


def test_RT_1_nobody_gets_a_case_above_his_level_while_someone_fits() -> None:
    assert only([ticket(level=4)], [agent("A", {"payments": 3}), agent("B", {"payments": 4})]).agent.agent_id == "B"


def test_RT_1_an_expert_is_kept_for_what_needs_him() -> None:
    assert only([ticket(level=2)], [agent("A", {"payments": 5}), agent("B", {"payments": 2})]).agent.agent_id == "B"


def test_RT_1_the_less_busy_goes_first() -> None:
    agents = [agent("A", capacity={"total": 4}, holds=("x",)), agent("B", capacity={"total": 4})]
    assert only([ticket()], agents).agent.agent_id == "B"


def test_RT_1_among_equals_the_one_idle_longest() -> None:
    agents = [agent("A", idle_since=NOW - seconds(60)), agent("B", idle_since=NOW - seconds(300))]
    assert only([ticket()], agents).agent.agent_id == "B"


def test_RT_1_work_is_spread_within_one_pass() -> None:
    agents = [agent(name, capacity={"total": 5}) for name in "ABCD"]
    given_out = match([ticket(f"c{n}") for n in range(8)], agents, NOW, RULES)
    assert sorted(Counter(found.agent.agent_id for found in given_out).values()) == [2, 2, 2, 2]


def test_RT_7_only_who_speaks_the_language() -> None:
    english = ticket(language="en")
    assert match([english], [agent()], NOW, RULES) == []
    assert only([english], [agent("A"), agent("B", languages=("zh", "en"))]).agent.agent_id == "B"


@pytest.mark.parametrize("state", ["break", "wrap_up", "offline"])
def test_RT_6_S9_who_is_not_online_is_offered_nothing(state: str) -> None:
    assert match([ticket()], [agent(state=state)], NOW, RULES) == []


def test_who_holds_only_the_role_of_a_supervisor_is_offered_nothing() -> None:
    assert match([ticket()], [agent(roles=("supervisor",))], NOW, RULES) == []


@pytest.mark.parametrize("status", ["offered", "assigned", "done"])
def test_S9_only_what_waits_is_offered(status: str) -> None:
    assert match([ticket(status=status)], [agent()], NOW, RULES) == []


def test_RT_1_capacity_per_channel_counts_what_this_pass_gives_out() -> None:
    one = agent(capacity={"total": 3, "phone": 1})
    calls = [ticket(f"call-{n}", waited_s=9 - n) for n in range(3)]
    mails = [ticket(f"mail-{n}", channel="email") for n in range(3)]
    assert set(pairs(match([*calls, *mails], [one], NOW, RULES))) == {"call-0", "mail-0", "mail-1"}


def test_a_channel_with_no_places_is_never_offered() -> None:
    assert match([ticket()], [agent(capacity={"total": 3, "phone": 0})], NOW, RULES) == []


def test_S7_the_queue_jumps_priority_first_then_tier_then_age() -> None:
    queue = [
        ticket("old P3", priority="P3", waited_s=900),
        ticket("old P2", waited_s=300),
        ticket("gold P2", tier="gold", waited_s=5),
        ticket("young P2", waited_s=10),
        ticket("P0", priority="P0"),
    ]
    assert [t.case_id for t in in_queue_order(queue, RULES)] == ["P0", "gold P2", "old P2", "young P2", "old P3"]


def test_S7_the_one_free_place_goes_to_the_case_that_jumped() -> None:
    waiting = [ticket(f"question-{n}", skill="product", level=1, priority="P3", waited_s=100 + n) for n in range(10)]
    jumped = ticket("200 devices", skill="technical", level=3, priority="P1", tier="gold")
    found = only([*waiting, jumped], [agent(skills={"product": 3, "technical": 3})])
    assert found.ticket.case_id == "200 devices"


RINGS = [{"after_s": 0}, {"after_s": 20, "lower": 1}, {"after_s": 40, "lower": 1, "neighbours": True}]
WIDENING = rules_with(
    rings=[*RINGS, {"after_s": 60, "lower": 2, "neighbours": True, "overflow": True}], hurry={"P0": 2}
)
BUSY_EXPERT = agent("expert", {"payments": 5}, holds=("other",))


@pytest.mark.parametrize(
    ("skills", "opens_s"), [({"payments": 3}, 20), ({"accounts": 3}, 40), ({"logistics": 5}, 60), ({"payments": 1}, 60)]
)
def test_RT_10_the_search_widens_with_the_wait(skills: dict[str, int], opens_s: int) -> None:
    agents = [BUSY_EXPERT, agent("B", skills)]
    assert match([ticket(level=4, waited_s=opens_s - 1)], agents, NOW, WIDENING) == []
    found = only([ticket(level=4, waited_s=opens_s)], agents, WIDENING)
    assert found.agent.agent_id == "B"
    assert found.reason.ring == opens_s / 20


def test_RT_10_the_urgent_search_widens_sooner() -> None:
    agents = [BUSY_EXPERT, agent("B", {"payments": 3})]
    assert only([ticket(level=4, priority="P0", waited_s=10)], agents, WIDENING).agent.agent_id == "B"


def test_RT_10_the_reason_names_the_neighbouring_skill_that_helped_out() -> None:
    reason = only([ticket(level=2, waited_s=40)], [BUSY_EXPERT, agent("B", {"accounts": 3})], WIDENING).reason
    assert (reason.skill, reason.level, reason.ring) == ("accounts", 3, 2)


def test_RT_10_a_nearer_ring_is_always_preferred() -> None:
    near = agent("B", {"payments": 5}, capacity={"total": 4}, holds=("a", "b", "c"))
    assert only([ticket(level=2, waited_s=500)], [agent("A", {"logistics": 5}), near], WIDENING).agent is near


def test_RT_10_nobody_at_work_is_not_waited_for() -> None:
    found = only(
        [ticket(level=4)], [agent("B", {"logistics": 1}), agent("C", {"payments": 5}, state="offline")], WIDENING
    )
    assert (found.agent.agent_id, found.reason.ring) == ("B", 3)


def test_RT_10_who_wraps_up_is_waited_for() -> None:
    agents = [agent("B", {"logistics": 1}), agent("C", {"payments": 5}, state="wrap_up")]
    assert match([ticket(level=4)], agents, NOW, WIDENING) == []


def test_RT_10_unless_the_rules_say_that_rings_go_by_time_alone() -> None:
    patient = rules_with(rings=[r.model_dump() for r in WIDENING.offers.rings], skip_unstaffed_rings=False)
    assert match([ticket(level=4)], [agent("B", {"logistics": 1})], NOW, patient) == []


def test_S9_an_offer_not_answered_goes_to_the_next() -> None:
    agents = [agent("A", {"payments": 2}), agent("B", {"payments": 3})]
    assert only([ticket()], agents).agent.agent_id == "A"
    assert only([ticket(asked=("A",), returned_at=NOW)], agents).agent.agent_id == "B"


def test_S9_the_next_may_be_one_who_fits_less_well() -> None:
    agents = [agent("A", {"payments": 4}), agent("B", {"logistics": 1})]
    assert only([ticket(level=4, asked=("A",), returned_at=NOW)], agents, WIDENING).agent.agent_id == "B"


def test_S9_one_who_has_not_been_asked_but_is_busy_is_waited_for() -> None:
    agents = [agent("A", {"payments": 4}), BUSY_EXPERT]
    assert match([ticket(level=4, asked=("A",), returned_at=NOW)], agents, NOW, WIDENING) == []


def test_when_all_have_been_asked_the_round_starts_again_after_a_pause() -> None:
    rules = rules_with(round_pause_s=15)
    asked = ticket(asked=("A", "gone"), returned_at=NOW - seconds(14))
    assert match([asked], [agent("A")], NOW, rules) == []
    found = only([asked.model_copy(update={"returned_at": NOW - seconds(15)})], [agent("A")], rules)
    assert (found.agent.agent_id, found.again) == ("A", True)


def test_RT_4_the_agent_who_had_the_case_is_preferred() -> None:
    agents = [agent("A", {"payments": 2}), agent("B", {"payments": 5})]
    found = only([ticket(last_agent="B")], agents)
    assert (found.agent.agent_id, found.reason.last_agent) == ("B", True)


def test_RT_4_the_agent_who_knows_the_customer_is_preferred() -> None:
    agents = [agent("A", {"payments": 2}), agent("B", {"payments": 5})]
    found = only([ticket(customer_id="王芳")], agents, familiar={"王芳": "B"})
    assert (found.agent.agent_id, found.reason.last_agent) == ("B", True)


def test_RT_4_he_is_waited_for_but_only_so_long() -> None:
    rules = rules_with(last_agent_wait_s={"P2": 10})
    agents = [agent("A"), agent("B", holds=("other",))]
    assert match([ticket(last_agent="B", waited_s=9)], agents, NOW, rules) == []
    found = only([ticket(last_agent="B", waited_s=10)], agents, rules)
    assert (found.agent.agent_id, found.reason.last_agent) == ("A", False)


def test_RT_4_an_urgent_case_does_not_wait_for_him() -> None:
    found = only([ticket(last_agent="B", priority="P0")], [agent("A"), agent("B", holds=("other",))])
    assert found.agent.agent_id == "A"


@pytest.mark.parametrize("gone", [{"state": "offline"}, {"state": "break"}, {"languages": ("en",)}])
def test_RT_4_he_is_not_waited_for_if_he_cannot_come(gone: dict[str, Any]) -> None:
    assert only([ticket(last_agent="B")], [agent("A"), agent("B", **gone)]).agent.agent_id == "A"


def test_RT_4_who_declined_is_not_preferred_any_more() -> None:
    assert only([ticket(last_agent="B", asked=("B",))], [agent("A"), agent("B")]).agent.agent_id == "A"


def test_without_agents_or_tickets_nothing_is_given_out() -> None:
    assert match([], [agent()], NOW, RULES) == []
    assert match([ticket()], [], NOW, RULES) == []


# What the heaps compute must be what anyone would compute by hand: one ticket after the other, every agent looked at.

SKILLS = ("payments", "accounts", "logistics", "technical")
CHANNELS = ("phone", "chat", "email")
IDS = tuple("ABCDEF")
SOME_RULES = rules_with(
    rings=[*RINGS, {"after_s": 60, "lower": 2, "neighbours": True, "overflow": True}],
    last_agent_wait_s={"P1": 15, "P2": 30},
)


def channel_reservations(channels: list[str]) -> tuple[Reservation, ...]:
    return tuple(Reservation(case_id=f"held-{n}", channel=c, generation=1, at=NOW) for n, c in enumerate(channels))


AGENTS = st.lists(
    st.builds(
        lambda name, **more: agent(name, more.pop("skills"), **more),
        st.sampled_from(IDS),
        skills=st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5), max_size=3),
        languages=st.lists(st.sampled_from(["zh", "en"]), min_size=1, unique=True).map(tuple),
        capacity=st.fixed_dictionaries(
            {}, optional={"total": st.integers(0, 4), "phone": st.integers(0, 2), "chat": st.integers(0, 3)}
        ),
        state=st.sampled_from(["online", "online", "online", "wrap_up", "break", "offline"]),
        reservations=st.lists(st.sampled_from(CHANNELS), max_size=3).map(channel_reservations),
        idle_since=st.integers(0, 5000).map(lambda s: NOW - seconds(s)),
        roles=st.sampled_from([("agent",), ("agent",), ("supervisor",)]),
    ),
    unique_by=lambda a: a.agent_id,
    max_size=6,
)
TICKETS = st.lists(
    st.builds(
        ticket,
        st.integers(0, 99).map(lambda n: f"case-{n:02}"),
        waited_s=st.integers(0, 90),
        skill=st.sampled_from(SKILLS),
        level=st.integers(1, 5),
        language=st.sampled_from(["zh", "zh", "en"]),
        channel=st.sampled_from(CHANNELS),
        priority=st.sampled_from(["P0", "P1", "P2", "P3"]),
        tier=st.sampled_from([None, "gold"]),
        status=st.sampled_from(["waiting", "waiting", "waiting", "offered"]),
        asked=st.lists(st.sampled_from(IDS), max_size=6, unique=True).map(tuple),
        returned_at=st.sampled_from([None, NOW - seconds(5), NOW - seconds(60)]),
        last_agent=st.sampled_from([None, *IDS]),
        generation=st.integers(0, 3),
    ),
    unique_by=lambda t: t.case_id,
    max_size=14,
)


def ring_by_hand(a: Agent, t: Ticket, rules: Rules) -> int | None:
    if t.language not in a.languages or a.capacity.get(t.channel) == 0:
        return None
    helping = max((a.skills.get(n, 0) for n in rules.pools.skills[t.skill].neighbours), default=0)
    return ring_of(a.skills.get(t.skill, 0), helping, t.level, rules.offers.rings)


def score_by_hand(a: Agent, t: Ticket, ring: int, rules: Rules) -> float:
    weights, own = rules.offers.weights, a.skills.get(t.skill, 0)
    enough = max(1, t.level - rules.offers.rings[ring].lower)
    helping = max((a.skills.get(n, 0) for n in rules.pools.skills[t.skill].neighbours), default=0)
    has = helping if own < enough <= helping and rules.offers.rings[ring].neighbours else own
    idle_s = min(3600.0, (NOW - (a.idle_since or NOW)).total_seconds())
    idle = weights.idle * (1 - idle_s / 3600)
    return ring * weights.ring + weights.level * abs(has - t.level) + weights.load * occupancy(a) + idle


def match_by_hand(tickets: list[Ticket], agents: list[Agent], rules: Rules) -> dict[str, str]:
    there = {a.agent_id: a for a in agents if a.state in ("online", "wrap_up") and total(a) and takes_cases(a, rules)}
    given_out: dict[str, str] = {}
    for t in in_queue_order(tickets, rules):
        if chosen := choose_by_hand(t, there, rules):
            given_out[t.case_id] = chosen
            taken = Reservation(case_id=t.case_id, channel=t.channel, generation=1, at=NOW)
            now_held = (*there[chosen].reservations, taken)
            there[chosen] = there[chosen].model_copy(update={"reservations": now_held, "idle_since": NOW})
    return given_out


def choose_by_hand(t: Ticket, there: dict[str, Agent], rules: Rules) -> str | None:
    rings = {name: ring for name, a in there.items() if (ring := ring_by_hand(a, t, rules)) is not None}
    asked = set(t.asked)
    if t.asked and rings and rings.keys() <= asked:
        if t.returned_at and NOW - t.returned_at < seconds(rules.offers.round_pause_s):
            return None
        asked = set()
    left = rings.keys() - asked
    if not left:
        return None
    waited_s = (NOW - t.waiting_since).total_seconds()
    widest = max(rules.ring_after(waited_s, t.priority), min(rings[name] for name in left))
    near = {name for name in left if rings[name] <= widest and there[name].state == "online"}
    free = {name for name in near if free_places(there[name], t.channel)}
    if free and t.last_agent in near - free and waited_s < rules.offers.last_agent_wait_s.get(t.priority, 0):
        return None
    scores = {name: score_by_hand(there[name], t, rings[name], rules) for name in free}
    if t.last_agent in scores:
        scores[t.last_agent] -= rules.offers.weights.last_agent
    return min(scores, key=lambda name: (round(scores[name], 9), name != t.last_agent, name), default=None)


@settings(max_examples=400, deadline=None)
@given(TICKETS, AGENTS)
def test_the_fast_way_gives_what_looking_at_everyone_gives(tickets: list[Ticket], agents: list[Agent]) -> None:
    assert pairs(match(tickets, agents, NOW, SOME_RULES)) == match_by_hand(tickets, agents, SOME_RULES)


@settings(max_examples=200, deadline=None)
@given(TICKETS, AGENTS)
def test_RT_1_never_above_capacity_and_never_two_agents_on_one_case(tickets: list[Ticket], agents: list[Agent]) -> None:
    matches = match(tickets, agents, NOW, SOME_RULES)
    assert len(pairs(matches)) == len(matches)
    for one in agents:
        given_out = Counter(found.ticket.channel for found in matches if found.agent.agent_id == one.agent_id)
        held = Counter(place.channel for place in one.reservations)
        assert given_out.total() <= max(0, total(one) - held.total())
        for channel, number in given_out.items():
            assert number <= max(0, one.capacity.get(channel, 99) - held[channel])
    for found in matches:
        assert (found.agent.state, found.ticket.status) == ("online", "waiting")
        assert found.ticket.language in found.agent.languages
        assert found.generation == found.ticket.generation + 1
        assert found.again or found.agent.agent_id not in found.ticket.asked


@settings(max_examples=100, deadline=None)
@given(TICKETS, AGENTS, st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_read_does_not_matter(
    tickets: list[Ticket], agents: list[Agent], chance: Random
) -> None:
    matches = match(tickets, agents, NOW, SOME_RULES)
    chance.shuffle(tickets)
    chance.shuffle(agents)
    assert match(tickets, agents, NOW, SOME_RULES) == matches


def crowd(now: datetime) -> tuple[list[Ticket], list[Agent]]:
    chance, skills, languages = Random(7), list(RULES.pools.skills), ["zh", "en", "es"]
    tickets = [
        ticket(
            f"case-{n:04}",
            waited_s=chance.random() * 200,
            skill=chance.choice(skills),
            level=chance.randint(1, 4),
            language=chance.choice(languages),
            channel=chance.choice(["phone", "chat", "email", "sms", "app", "web", "social", "review", "onsite"]),
            priority=chance.choice(["P0", "P1", "P2", "P3"]),
        )
        for n in range(2000)
    ]
    agents = [
        agent(
            f"agent-{n:03}",
            {skill: chance.randint(1, 5) for skill in chance.sample(skills, chance.randint(1, 4))},
            languages=tuple(chance.sample(languages, chance.randint(1, 3))),
            capacity={"total": 5, "phone": 1, "chat": 3},
        )
        for n in range(500)
    ]
    return tickets, agents


def test_two_thousand_cases_meet_five_hundred_agents_in_a_moment() -> None:
    tickets, agents = crowd(NOW)
    matches: list[Match] = []
    called = calls(lambda: matches.extend(match(tickets, agents, NOW, RULES)))
    assert len(matches) > 1900
    assert called < len(tickets) * len(agents)  # not even one call for each pair


def calls(work: Callable[[], object]) -> int:
    """How many functions were called: as much on any machine, however busy it is."""
    count = 0

    def see(frame: object, event: str, _: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
