"""IN-14: an outage is noticed each time that it comes, and a flood of contacts whatever words it is told in."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from services.intake.domain.burst import MOST_OVER, Arrival, Burst, Over, Watch, alike, is_flood, is_unusual, look
from tests.unit.intake.given import RULES
from tests.unit.intake.replayed import Category, Desk, arrival

BURSTS = RULES.bursts
CRASH: Category = ("技术故障", "系统故障")
OUTAGE = "系统崩溃，上海所有门店无法使用"
MONDAY = datetime(2026, 9, 7, 10, tzinfo=UTC)
WHO = ["微信", "支付宝", "银行卡", "信用卡", "扫码"]
WHAT = ["付不了款", "支付失败", "付款一直转圈", "付款报错", "支付没反应", "付款超时", "支付不成功"]
ORDINARY = ["付款失败了", "支付宝付款不了", "刷卡被拒", "银行卡支付失败怎么办", "手续费多少"]


def outage(at: datetime, text: str = OUTAGE, number: int = 30) -> list[tuple[Category, Arrival]]:
    first = int(at.timestamp())
    return [(CRASH, arrival(first + n, at + n * timedelta(seconds=4), text)) for n in range(number)]


@pytest.mark.parametrize("later", [timedelta(hours=2), timedelta(days=3), timedelta(days=30)])
def test_IN_14_the_same_outage_again_is_a_burst_again(later: timedelta) -> None:
    desk = Desk().take([*outage(MONDAY), *outage(MONDAY + later)])
    assert [noticed.words for _, _, noticed in desk.noticed] == [desk.noticed[0][2].words] * 2


def test_IN_14_cases_that_came_while_no_burst_lasted_still_tell_what_words_are_usual() -> None:
    quiet = [(CRASH, arrival(n, MONDAY - n * timedelta(hours=3), OUTAGE)) for n in range(100, 0, -1)]
    assert Desk().take([*quiet, *outage(MONDAY, number=12)]).noticed == []


@pytest.mark.parametrize("seed", range(3))
def test_IN_14_forty_in_four_minutes_are_a_burst_in_whatever_words_they_come(seed: int) -> None:
    chance = Random(seed)
    quiet = [(CRASH, arrival(n, MONDAY - n * timedelta(hours=3), chance.choice(ORDINARY))) for n in range(100, 0, -1)]
    told = [
        (CRASH, arrival(1000 + n, MONDAY + n * timedelta(seconds=6), chance.choice(WHO) + chance.choice(WHAT)))
        for n in range(40)
    ]
    ((at, _, noticed),) = Desk().take([*quiet, *told]).noticed
    assert at - MONDAY < timedelta(minutes=4)
    assert noticed.words == ()
    assert len(alike(noticed, [one for _, one in told])) == len(told)


def test_IN_14_a_flood_is_far_more_than_what_is_unusual() -> None:
    assert is_unusual(12, 0.4, BURSTS)
    assert not is_flood(12, 0.4, BURSTS)
    assert is_flood(40, 0.4, BURSTS)
    assert not is_flood(390, 10.0, BURSTS), "less than forty times the usual"


def test_IN_14_when_a_burst_lasted_is_known_of_the_last_ones() -> None:
    over = tuple(Over(began=MONDAY, ended=MONDAY) for _ in range(MOST_OVER))
    watch = Watch(category=CRASH, burst=Burst(id="b", words=("系统",), began=MONDAY), over=over)
    now = MONDAY + timedelta(hours=1)
    after = look(watch, now, category=CRASH, arrivals=(), before=(), since=MONDAY, rules=BURSTS).state
    assert (after.burst, len(after.over), after.over[-1]) == (None, MOST_OVER, Over(began=MONDAY, ended=now))
