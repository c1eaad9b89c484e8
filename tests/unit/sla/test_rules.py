"""What an operator may change is checked before it counts, and a fault is told with file and line (PF-4)."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.paths import ROOT
from services.notify.domain.rules import Rules as NotifyRules
from services.sla.domain.duration import seconds
from services.sla.domain.rules import Rules
from shared.events.escalations import DEPARTMENTS
from shared.rules import Rules as Live
from shared.rules import RulesError, check, files, load
from tests.unit.sla.build import SHIPPED, documents

HOUR = 3600.0


def spoilt(directory: Path, file: str, old: str, new: str) -> Path:
    """The shipped file with one of its words replaced, as the operator's own."""
    shipped = files("sla", None)[file].read_text(encoding="utf-8")
    assert old in shipped
    target = directory / "sla" / f"{file}.yaml"
    target.parent.mkdir(exist_ok=True)
    target.write_text(shipped.replace(old, new, 1), encoding="utf-8")
    return target


def line_of(file: Path, text: str) -> int:
    return next(n for n, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1) if text in line)


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("policies", "calendar: business", "calendar: busines", "there is no calendar 'busines'"),
        ("policies", "calendar: always}", "calendar: nowhere}", "there is no calendar 'nowhere'"),
        ("policies", "first_response: 10m", "first_response: 0m", "more than nothing"),
        ("policies", "resolution: 22h30m", "resolution: -4h", "more than nothing"),
        ("policies", "next_response: 20m", "next_response: soon", "a duration such as"),
        ("policies", "inactivity: 48h", "inactivity: 48", "a duration such as"),
        ("policies", "inactivity: 48h", "inactvity: 48h", "Extra inputs"),
        ("policies", "[0.5, 0.75, 0.9]", "[0.9, 0.5]", "more than the one before"),
        ("policies", "kind: [complaint]", "kind: [complain]", "Input should be"),
        ("policies", "resolution: 2h}", "resolution: 9m}", "must not take longer"),
        ("escalations", 'refused: "{department}无法处理"', 'refused: "{who}无法处理"', "can be filled in"),
        ("calendars", 'tue: ["09:00-12:00"', 'tue: ["09:00-14:00"', "overlap"),
        ("calendars", 'wed: ["09:00-12:00"', 'wed: ["12:00-09:00"', "ends before it begins"),
        ("calendars", 'thu: ["09:00-12:00"', 'thu: ["9-12"', "a span such as"),
        ("calendars", "zone: Asia/Shanghai", "zone: Asia/Shangri-La", "there is no time zone"),
        ("calendars", "public_holidays: CN", "public_holidays: Narnia", "no public holidays"),
        ("escalations", "支付问题: payment", "支付问题: paymnt", "Input should be"),
        ("escalations", "rnd:", "research:", "Input should be"),
        ("escalations", "otherwise: technical", "otherwise: management", "on a level of its own"),
        ("escalations", "acknowledge_within: 1h", "acknowledge_within: 0s", "more than nothing"),
    ],
)
def test_SL_1_a_wrong_rule_is_refused_with_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    written = spoilt(tmp_path, file, old, new)
    with pytest.raises(RulesError) as refused:
        load("sla", Rules.parse, tmp_path)
    assert any(f"{written}:{line_of(written, new)}: " in line and complaint in line for line in refused.value.problems)
    assert set(refused.value.problems) <= set(check(tmp_path))


@pytest.mark.parametrize(
    ("file", "change", "complaint"),
    [
        ("policies", lambda p: p["policies"][-1].update(when={"tier": ["gold"]}), "the last policy is for all"),
        ("policies", lambda p: p["policies"][0].update(id="standard"), "more than one policy is called standard"),
        ("policies", lambda p: p["policies"][0]["targets"].pop("P3"), "no targets for P3"),
        ("calendars", lambda c: c["calendars"]["business"].update(hours={}), "at least one span"),
        ("calendars", lambda c: c["calendars"]["business"].pop("valid_until"), "valid_until"),
        ("calendars", lambda c: c["calendars"]["always"].update(public_holidays="CN"), "neither hours nor holidays"),
        ("escalations", lambda e: e["levels"].pop(), "at least 3 items"),
        ("escalations", lambda e: e["levels"][1]["ask"].pop("zh"), "number 2 asks nothing in 'zh'"),
        ("escalations", lambda e: e.update(language="fr"), "there are none in 'fr'"),
    ],
)
def test_SL_1_rules_that_leave_something_open_are_refused(
    file: str, change: Callable[[Any], None], complaint: str
) -> None:
    read = documents()
    change(read[file])
    with pytest.raises(ValueError, match=complaint):
        Rules.parse(read)


def test_a_missing_file_is_named() -> None:
    read = documents()
    del read["calendars"]
    with pytest.raises(ValueError, match=r"calendars\.yaml"):
        Rules.parse(read)


def test_a_running_service_keeps_the_last_good_rules_and_says_so(tmp_path: Path) -> None:
    file = spoilt(tmp_path, "policies", "inactivity: 48h", "inactivity: 24h")
    rules = Live("sla", Rules.parse, tmp_path)
    spoilt(tmp_path, "policies", "inactivity: 48h", "inactivity: never")
    os.utime(file, ns=(0, 0))
    rules.refresh()
    assert rules().policies.inactivity == 24 * HOUR
    assert [line.partition(": ")[0] for line in rules.refused] == [f"{file}:{line_of(file, 'never')}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("15m", 900), ("4h", 4 * HOUR), ("1h30m", 1.5 * HOUR), ("2d", 48 * HOUR), ("0.25s", 0.25)],
)
def test_a_duration_says_how_long(text: str, expected: float) -> None:
    assert seconds(text) == expected


def the_policy(**more: Any) -> str:
    about: dict[str, Any] = {"tier": None, "channel": "email", "category": ("退换货",), "kind": "request"}
    return SHIPPED.policy(**about | more).id


def test_SL_1_the_first_policy_that_fits_counts() -> None:
    assert the_policy() == "standard"
    assert the_policy(category=("支付问题", "退款异常", "重复扣款")) == "payments"
    assert the_policy(category=("支付问题",), kind="complaint") == "feedback"
    assert the_policy(channel="review") == "public"
    assert the_policy(tier="Platinum", kind="complaint") == "contract"


def test_SL_1_P0_is_promised_around_the_clock_and_P3_in_working_hours() -> None:
    standard = SHIPPED.policies.policies[-1]
    assert [standard.calendar_of(priority) for priority in ("P0", "P1", "P2", "P3")] == [
        "always", "always", "business", "business",
    ]  # fmt: skip


def test_no_case_is_promised_more_time_than_its_customer_is_told() -> None:
    """Hours are told by the wall clock, so only `always` may promise them; a working day is 7.5 h of `business`."""
    told = load("notify", NotifyRules.parse, None).channels.expected
    for policy in SHIPPED.policies.policies:
        for priority, limits in policy.targets.items():
            expected, always = told[priority], policy.calendar_of(priority) == "always"
            hours = 1 if expected.unit == "hour" else 24 if always else 7.5
            assert always or expected.unit == "working_day", (policy.id, priority)
            assert limits.resolution / HOUR <= expected.number * hours, (policy.id, priority)


def test_SL_5_the_department_concerned_is_that_of_the_closest_category() -> None:
    assert SHIPPED.department(2, ("支付问题", "退款异常", "重复扣款")) == "payment"
    assert SHIPPED.department(2, ("投诉建议", "法律与维权")) == "legal"
    assert SHIPPED.department(2, ("投诉建议", "服务态度")) == "operations"
    assert SHIPPED.department(2, ("还没有的类别",)) == "technical"
    assert [SHIPPED.department(level, ("支付问题",)) for level in (1, 3)] == ["frontline", "management"]


def test_SL_4_each_level_has_its_own_time_and_the_urgent_less() -> None:
    assert [SHIPPED.acknowledge_within(level, "P2") / HOUR for level in (1, 2, 3)] == [1, 2, 4]
    assert [SHIPPED.acknowledge_within(level, "P0") / 60 for level in (1, 2, 3)] == [10, 15, 30]


def test_a_tier_is_the_same_in_capitals_and_small_letters() -> None:
    read = documents()
    read["policies"]["policies"][0]["when"] = {"tier": ["Diamond", "VIP"]}
    rules = Rules.parse(read)
    about: dict[str, Any] = {"channel": "email", "category": ("退换货",), "kind": "request"}
    assert [rules.policy(tier=tier, **about).id for tier in ("diamond", "Vip", "gold")] == [
        "contract", "contract", "standard",
    ]  # fmt: skip


def test_SL_4_departments_are_spoken_to_in_the_language_of_our_staff() -> None:
    words = SHIPPED.words
    assert "请确认" in SHIPPED.ask(1)
    assert words.missed_of("first_response") == "首次响应已超时"
    assert words.unanswered_by("frontline") == "未在时限内由一线主管确认"
    assert words.refused_by("legal", "不归我们") == "法务部无法处理: 不归我们"
    assert words.resolved_by("payment") == "已由支付运营部解决"


def test_SL_4_it_may_be_English() -> None:
    read = documents()
    read["escalations"]["language"] = "en"
    rules = Rules.parse(read)
    assert rules.ask(1).startswith("Acknowledge")
    assert rules.words.unanswered_by("frontline") == "not acknowledged by frontline"
    assert rules.words.refused_by("legal", "") == "refused by legal"


def test_SL_4_every_department_and_target_has_its_name() -> None:
    chinese = SHIPPED.escalations.words["zh"]
    assert set(chinese.departments) == set(DEPARTMENTS)
    assert set(chinese.targets) >= {"first_response", "next_response", "resolution", "inactivity", "promise"}


def test_the_demos_escalations_are_the_shipped_ones_but_for_their_times() -> None:
    demo = yaml.safe_load((ROOT / "demo/rules/sla/escalations.yaml").read_text(encoding="utf-8"))
    shipped = documents()["escalations"]
    assert [level["ask"] for level in demo.pop("levels")] == [level["ask"] for level in shipped.pop("levels")]
    assert demo | {"version": shipped["version"]} == shipped


def test_a_day_off_of_ones_own_goes_before_the_countrys_days() -> None:
    read = documents()
    read["calendars"]["calendars"]["business"] |= {"holidays": [date(2026, 2, 14)], "exchange": [date(2026, 11, 28)]}
    days = Rules.parse(read).calendar("business").days
    assert days[date(2026, 2, 14)] == ()
    assert days[date(2026, 11, 28)] == ((9 * 3600, 12 * 3600), (13 * 3600 + 1800, 18 * 3600))
