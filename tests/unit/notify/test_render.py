"""NT-5: one voice, and nothing a customer writes into a field can speak with it."""

from datetime import UTC, datetime

import pytest

from services.notify.domain import render
from shared.events.cases import Reach
from tests.unit.notify.build import RULES, opened

VALUES = {name: "" for names in render.VARIABLES.values() for name in names}


def test_NT_5_a_name_cannot_carry_a_link_or_markup_to_somebody_elses_phone():
    reach = {"name": "<b>中奖</b> http://evil.example/x", "phone": "+8613800138000", "email": "v@example.com"}
    (message,) = opened(channel="email", reach=Reach(**reach)).messages
    for trick in ("<", ">", "http:", "evil.example", "/"):
        assert trick not in message.text
    assert "中奖" in message.text


def test_NT_5_values_cannot_break_lines_hide_text_or_open_markup():
    told = render.text("{{ resolution }}", {"resolution": "done\r\n\r\nBcc: x\x00\x1b[31m\u202e<script>[a](http://b)"})
    assert told == "done Bcc: x[31m＜script＞[a] (http://b)"


def test_NT_5_a_subject_is_one_line_whatever_is_in_it():
    told = render.subject("Case {{ number }}\n!", {"number": "7\r\nBcc: a@b"})
    assert told == "Case 7 Bcc: a@b !"


def test_NT_5_values_are_not_read_as_templates():
    assert render.text("{{ resolution }}", {"resolution": "{{ number }}"}) == "{{ number }}"


def test_NT_5_long_words_are_shortened_and_say_so():
    told = render.text("{{ resolution }}", {"resolution": "长" * 5000})
    assert len(told) == render.MAX_VALUE
    assert told.endswith("…")


@pytest.mark.parametrize(
    "source",
    [
        "{{ agent_id }}",
        "{{ number.__class__ }}",
        "{{ number['__class__'] }}",
        "{% for c in number %}{{ c }}{% endfor %}",
        "{{ number | upper }}",
        "{{ number() }}",
        "{{ number * 1000 }}",
        "{% set number = 1 %}",
        "{% include 'x' %}",
        "{{ range(9) }}",
        "{{ self }}",
        "{% if number %}",
    ],
)
def test_NT_5_a_template_that_does_more_than_fill_in_words_is_refused(source: str):
    with pytest.raises(ValueError, match=r"^here: "):
        render.check(source, render.VARIABLES["received"], "here")


def test_NT_5_an_unknown_variable_is_refused_with_the_known_ones():
    known = "customer_name, expected, missing, number, way"
    with pytest.raises(ValueError, match=f"unknown variable 'nmber'; known are {known}"):
        render.check("{{ nmber }}", render.VARIABLES["received"], "here")


def test_NT_5_every_shipped_template_renders_without_empty_places():
    for id_, template in RULES.templates.templates.items():
        for language, words in template.languages.items():
            values = VALUES | {"number": "7KQ4-M2XD", "expected": "24", "agent_id": "Z01", "way": "W"}
            for _, source in words:
                told = render.text(source, values)
                assert "{" not in told, (id_, language)
                assert "\n\n\n" not in told, (id_, language)
                assert "（）" not in told, (id_, language)
                assert "()" not in told, (id_, language)


@pytest.mark.parametrize(
    ("minutes", "zh", "en"),
    [
        (1, "1 分钟", "1 minute"),
        (45, "45 分钟", "45 minutes"),
        (60, "1 小时", "1 hour"),
        (2880, "48 小时", "48 hours"),
        (4320, "3 天", "3 days"),
        (2940, "3 天", "3 days"),
    ],
)
def test_NT_8_a_time_reads_as_people_say_it(minutes: int, zh: str, en: str):
    assert render.duration(minutes, "zh") == zh
    assert render.duration(minutes, "en") == en


@pytest.mark.parametrize(
    ("name", "greeted"),
    [("王芳", "王芳"), (" O'Neil-Smith ", "O'Neil-Smith"), (None, ""), ("\u202e<>\n", ""), ("a" * 90, "a" * 40)],
)
def test_NT_5_a_person_is_greeted_by_letters_only(name: str | None, greeted: str):
    assert render.person(name) == greeted


@pytest.mark.parametrize(
    ("zone", "zh", "en"),
    [
        ("Asia/Shanghai", "11月23日 00:05", "23 Nov 00:05 (GMT+8)"),
        ("Asia/Kolkata", "11月22日 21:35", "22 Nov 21:35 (GMT+5:30)"),
        ("America/New_York", "11月22日 11:05", "22 Nov 11:05 (GMT-5)"),
        ("UTC", "11月22日 16:05", "22 Nov 16:05 (GMT+0)"),
    ],
)
def test_NT_10_a_moment_is_told_in_local_time(zone: str, zh: str, en: str):
    at = datetime(2026, 11, 22, 16, 5, tzinfo=UTC)
    assert (render.moment(at, zone, "zh"), render.moment(at, zone, "en")) == (zh, en)
