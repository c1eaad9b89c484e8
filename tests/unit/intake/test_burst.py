"""When many alike contacts are one matter (IN-14): on the arrival times of real contacts, and on made-up weeks.

The real ones lie beside the project (`../shared/data`) or where SWITCHBOARD_REAL_DATA says; without them the demo's
contacts stand for them, one every few hours.
"""

import math
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import orjson
import pytest

from services.intake.domain import burst
from services.intake.domain.burst import (
    HOUR,
    MOST_WORDS,
    Arrival,
    Burst,
    Watch,
    alike,
    hours_to_learn,
    is_unusual,
    learn,
    look,
    poisson_tail,
    shared_words,
    slot_of,
    usual_within,
)
from services.intake.domain.understand import understand
from shared.events.contacts import Contact
from tests.unit.intake.given import RULES
from tests.unit.intake.replayed import Category, Desk, arrival
from tests.unit.intake.test_real_contacts import SHIPPED

BESIDE = Path(__file__).parents[4] / "shared" / "data"
REAL = Path(os.environ.get("SWITCHBOARD_REAL_DATA") or BESIDE) / "contacts_real.jsonl"
EVERY = timedelta(hours=5, minutes=37)
BURSTS = RULES.bursts
ANY_WORDS = BURSTS.model_copy(update={"lift": 1.0, "alike_share": 0.01})
"""Words tell nothing apart, so that only the rates decide."""
MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
DAY = timedelta(days=1)
OUTAGE = "系统崩溃，上海所有门店无法使用，不能收款"
CRASH: Category = ("技术故障", "系统故障")
Opened = tuple[Category, Arrival]


def read(file: Path) -> list[Opened]:
    """Contacts with the moments at which they came, by the category that the rules give them."""
    said = (Contact.model_validate(orjson.loads(line)) for line in file.read_bytes().splitlines() if line.strip())
    opened = [
        (understand(one, RULES).classification.category[:2], arrival(n, one.occurred_at, one.text or one.subject or ""))
        for n, one in enumerate(said)
        if one.occurred_at
    ]
    return sorted(opened, key=lambda one: one[1].at)


@pytest.fixture(scope="module")
def contacts() -> list[Opened]:
    if REAL.is_file():
        return read(REAL)
    return [(c, Arrival(one.case_id, MONDAY + n * EVERY, one.words)) for n, (c, one) in enumerate(read(SHIPPED))]


def injected(category: Category, at: datetime, number: int = 30, within_s: float = 120) -> list[Opened]:
    gap = timedelta(seconds=within_s / number)
    return [(category, arrival(100_000 + n, at + n * gap, f"{OUTAGE} 第{n}家")) for n in range(number)]


def merged(*streams: list[Opened]) -> list[Opened]:
    return sorted((one for stream in streams for one in stream), key=lambda one: one[1].at)


def busy(contacts: list[Opened], times: int) -> list[Opened]:
    """All in one category, and after each contact in the half hour `times` - 1 more, with the words of others."""
    gap, chance = timedelta(minutes=30) / times, Random(1)
    words = [one.words for _, one in contacts]
    more = [
        (CRASH, Arrival(f"{one.case_id}-{n}", one.at + n * gap, chance.choice(words)))
        for _, one in contacts
        for n in range(times)
    ]
    return sorted(more, key=lambda one: one[1].at)


def test_IN_14_the_contacts_of_ordinary_weeks_are_no_burst(contacts: list[Opened]) -> None:
    assert Desk().take(contacts).noticed == []
    assert Desk().take((CRASH, one) for _, one in contacts).noticed == []


def test_IN_14_thirty_alike_in_two_minutes_are_noticed_within_one(contacts: list[Opened]) -> None:
    at = contacts[len(contacts) // 2][1].at
    desk = Desk().take(merged(contacts, injected(CRASH, at)))
    ((noticed_at, category, burst),) = desk.noticed
    assert category == CRASH
    assert noticed_at - at <= timedelta(minutes=1)
    assert {"系统", "统崩", "崩溃"} <= set(burst.words)


def test_IN_14_the_outage_among_the_contacts_of_the_demo_is_the_one_burst_in_them() -> None:
    ((_, category, burst),) = Desk().take(read(SHIPPED)).noticed
    assert category == CRASH
    assert "系统" in burst.words


def test_IN_14_also_among_many_others_in_the_same_category(contacts: list[Opened]) -> None:
    desk_of_many = busy(contacts, 5)
    at = desk_of_many[len(desk_of_many) * 3 // 4][1].at
    noticed = Desk().take(merged(desk_of_many, injected(CRASH, at, number=60))).noticed
    assert [one for one in noticed if not at <= one[0] <= at + timedelta(minutes=2)] == []
    assert len(noticed) == 1


def week_of(profile: dict[int, float], weeks: int, text: str, chance: Random) -> Iterator[Opened]:
    """Poisson arrivals; `profile`: cases per hour by hour of the week, else 5."""
    at, number = MONDAY, 0
    while at < MONDAY + weeks * 7 * DAY:
        rate = profile.get(int(slot_of(at)), 5.0)
        at += timedelta(hours=chance.expovariate(rate))
        number += 1
        yield CRASH, arrival(number, at, text)


RUSH = {8: 40.0, 9: 90.0, 10: 60.0}
"""Monday morning."""


@pytest.mark.parametrize("seed", range(3))
def test_IN_14_a_monday_morning_like_the_last_one_is_no_burst(seed: int) -> None:
    desk = Desk(ANY_WORDS).take(week_of(RUSH, 5, OUTAGE, Random(seed)))
    assert [at for at, _, _ in desk.noticed if at >= MONDAY + 7 * DAY] == []
    assert desk.noticed, "the first one could not be known, and only its words can tell it from a burst"


def test_IN_14_the_first_monday_of_a_new_desk_is_told_from_a_burst_by_its_words(contacts: list[Opened]) -> None:
    words = [one.words for _, one in contacts]
    chance = Random(1)
    rush = [
        (CRASH, Arrival(one.case_id, one.at, chance.choice(words)))
        for _, one in week_of(RUSH, 1, "", chance)
    ]  # fmt: skip
    assert Desk().take(rush).noticed == []


@pytest.mark.parametrize("seed", range(2))
def test_IN_14_a_trend_of_five_percent_a_day_is_no_burst(seed: int) -> None:
    """From two to about thirty-seven cases an hour within two months, all with the same words."""
    chance, at, opened = Random(seed), MONDAY, []
    words = arrival(0, at, OUTAGE).words
    while at < MONDAY + 60 * DAY:
        rate = 2.0 * 1.05 ** ((at - MONDAY) / DAY)
        at += timedelta(hours=chance.expovariate(rate))
        opened.append((CRASH, Arrival(f"case-{len(opened)}", at, words)))
    assert Desk(ANY_WORDS).take(opened).noticed == []


def test_IN_14_one_burst_at_a_time_which_later_cases_join_until_it_is_over() -> None:
    opened = injected(CRASH, MONDAY, number=300, within_s=1800)
    desk = Desk().take(opened)
    assert len(desk.noticed) == 1
    desk.looks(CRASH, opened[-1][1].at + BURSTS.window / 2)
    assert desk.ended == []
    desk.looks(CRASH, opened[-1][1].at + BURSTS.window)
    assert len(desk.ended) == 1
    assert desk.watches[CRASH].burst is None


def test_IN_14_only_cases_that_share_its_words_are_part_of_it() -> None:
    burst = Burst(id="b", words=("崩溃", "系统"), began=MONDAY)
    arrivals = [arrival(1, MONDAY, OUTAGE), arrival(2, MONDAY, "怎么修改密码")]
    assert alike(burst, arrivals) == ("case-1",)
    many = Burst(id="b", words=arrivals[0].words, began=MONDAY)
    assert alike(many, [arrivals[0], arrival(3, MONDAY, "上海的网点在哪里")]) == ("case-1",), "one of many says little"


def test_IN_14_people_who_say_it_in_two_languages_are_in_one_burst() -> None:
    english = "system is down, cannot take payments in any store"
    texts = (OUTAGE, english, f"又{OUTAGE}", f"again: {english}") * 5
    opened = [(CRASH, arrival(n, MONDAY + n * timedelta(seconds=4), text)) for n, text in enumerate(texts)]
    ((_, _, burst),) = Desk().take(opened).noticed
    assert len(alike(burst, [one for _, one in opened])) == len(texts)


def test_IN_14_whoever_notices_a_burst_gives_it_the_same_id() -> None:
    arrivals = [one for _, one in injected(CRASH, MONDAY)]
    seen = [
        look(None, MONDAY + timedelta(minutes=minutes), category=CRASH, arrivals=some, before=(), since=MONDAY - HOUR,
             rules=BURSTS).state.burst
        for minutes, some in ((2, arrivals), (3, arrivals[::-1]), (4, arrivals[:20]))
    ]  # fmt: skip
    assert len({burst.id for burst in seen}) == 1


def test_IN_14_words_that_the_categorys_cases_have_anyway_make_no_burst() -> None:
    before = [arrival(n, MONDAY, f"{OUTAGE} 第{n}家") for n in range(200)]
    assert shared_words([one for _, one in injected(CRASH, MONDAY)], before, BURSTS) == frozenset()
    assert len(shared_words([one for _, one in injected(CRASH, MONDAY)], (), BURSTS)) == MOST_WORDS


@pytest.mark.parametrize(("count", "mean"), [(1, 0.5), (10, 2.0), (30, 12.5), (90, 60.0)])
def test_IN_14_the_tail_of_the_poisson_distribution_is_right(count: int, mean: float) -> None:
    below = sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(count))
    assert poisson_tail(count, mean) == pytest.approx(1 - below, rel=1e-6, abs=1e-15)


def test_IN_14_what_is_expected_is_never_improbable() -> None:
    assert poisson_tail(100, 100.0) == 1.0
    assert poisson_tail(200, 100.0) < BURSTS.chance
    assert not is_unusual(200, 100.0, BURSTS), "improbable, but only twice the usual"
    assert is_unusual(30, 5.0, BURSTS)
    assert not is_unusual(BURSTS.at_least - 1, 0.01, BURSTS)


def counted(count: int, hours: int = 1) -> dict[datetime, int]:
    return {MONDAY + n * HOUR: count for n in range(hours)}


def learned(watch: Watch | None, counts: dict[datetime, int]) -> Watch:
    now = max(counts) + HOUR
    return learn(watch, now, category=CRASH, counts=counts, rules=BURSTS).state


def test_IN_14_an_hour_is_learned_when_it_is_full_and_once() -> None:
    watch = learned(None, counted(8))
    assert (watch.usual, watch.learned_until) == ({"0": 8.0}, MONDAY + HOUR)
    assert learned(watch, counted(99)) is watch


def test_IN_14_the_newest_week_counts_three_tenths_and_a_burst_not_whole() -> None:
    watch = learned(None, counted(10)).model_copy(update={"learned_until": MONDAY})
    assert learned(watch, counted(20)).usual["0"] == pytest.approx(13)
    assert learned(watch, counted(1000)).usual["0"] == pytest.approx(10 + 0.3 * (30 - 10))
    assert learned(watch, counted(0)).usual["0"] == pytest.approx(7)


def test_IN_14_hours_that_were_not_learned_yet_count_as_the_mean_of_those_that_were() -> None:
    watch = Watch(category=CRASH, usual={"0": 30.0, "1": 10.0})
    at = MONDAY + 2 * DAY
    assert usual_within(watch, at, at + HOUR, BURSTS) == pytest.approx(20)
    assert usual_within(Watch(category=CRASH), at, at + HOUR, BURSTS) == BURSTS.usual_at_least


def test_IN_14_after_a_long_absence_it_learns_a_week_at_a_time() -> None:
    watch = Watch(category=CRASH, learned_until=MONDAY)
    assert len(hours_to_learn(watch, MONDAY + 40 * DAY)) == 7 * 24
    assert hours_to_learn(watch, MONDAY + HOUR / 2) == ()


def test_IN_14_what_we_call_a_call_without_words_makes_no_calls_alike() -> None:
    labels = RULES.channels.phone.labels
    assert {burst.arrival("1", MONDAY, label, None, labels).words for label in labels} == {()}
    assert burst.arrival("1", MONDAY, "门店", "系统崩溃", labels).words == ("门店", "系统", "统崩", "崩溃")
