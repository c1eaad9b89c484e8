"""What an operator may change is checked before it counts."""

import pytest
from pydantic import ValidationError

from services.notify.domain.rules import Rules
from tests.unit.notify.build import RULES, documents


def broken(change) -> str:
    """The message an operator gets for such a change of the shipped files."""
    read = documents()
    change(read["templates"], read["channels"])
    with pytest.raises(ValidationError) as caught:
        Rules.parse(read)
    return str(caught.value)


def in_every_language(terms, code: str) -> None:
    for reason in terms["reasons"].values():
        reason["names"][code] = "x"
    for kind in ("remedies", "targets", "levels", "departments", "answers", "missing", "degrees"):
        for names in terms[kind].values():
            names[code] = "x"


def broken_terms(change) -> str:
    read = documents()
    change(read["terms"])
    with pytest.raises(ValidationError) as caught:
        Rules.parse(read)
    return str(caught.value)


def test_NT_5_a_template_with_an_unknown_variable_is_refused_by_its_place():
    def change(templates, _):
        templates["templates"]["received"]["languages"]["en"]["short"] = "{{ oder }}"

    assert "templates.received.languages.en.short: unknown variable 'oder'" in broken(change)


def test_a_template_nobody_asks_for_is_refused():
    def change(templates, _):
        templates["templates"]["recieved"] = templates["templates"]["received"]

    assert "templates must be exactly assigned, delay, " in broken(change)


def test_a_template_without_a_needed_language_is_refused():
    def change(templates, _):
        del templates["templates"]["resolved"]["languages"]["zh"]

    assert "templates.resolved.languages.zh is missing" in broken(change)


def test_a_further_language_is_taken_when_everything_has_its_name():
    read = documents()
    for template in read["templates"]["templates"].values():
        template["languages"]["es"] = {"subject": "Caso {{ number }}", "text": "Caso {{ number }}"}
    with pytest.raises(ValidationError, match=r"name\.es is missing"):
        Rules.parse(read)
    for channel in read["channels"]["channels"].values():
        channel["name"]["es"] = "x"
    with pytest.raises(ValidationError, match=r"terms\.reasons\.parts\.names\.es is missing"):
        Rules.parse(read)
    in_every_language(read["terms"], "es")
    assert Rules.parse(read).language("es-MX", "received") == "es"


def test_a_channel_to_a_provider_nobody_described_is_refused():
    def change(_, channels):
        channels["channels"]["sms"]["providers"] = ["aliyun"]

    assert "provider 'aliyun' is not one of local, smtp" in broken(change)


def test_an_answer_on_an_unknown_channel_is_refused():
    def change(_, channels):
        channels["answers"]["phone"] = "fax"

    assert "channel 'fax' is not one of app, chat, email, sms, social" in broken(change)


def test_NT_8_a_priority_without_an_expected_time_is_refused():
    def change(_, channels):
        del channels["expected"]["P0"]

    assert "P0 is missing" in broken(change)


@pytest.mark.parametrize("written", [120, "2 h", "0h", "1 working days", "2 working day", "1d", "1.5h", "1000h", ""])
def test_NT_8_an_expected_time_is_whole_hours_or_working_days(written: object):
    def change(_, channels):
        channels["expected"]["P0"] = written

    assert "a time such as 8h, 1 working day, 3 working days is wanted" in broken(change)


def test_NT_8_the_old_way_to_write_expected_times_is_refused_with_the_new_one():
    def change(_, channels):
        del channels["expected"]
        channels["expected_minutes"] = {"P0": 120}

    assert "expected_minutes has become `expected: {P0: 2h, P2: 1 working day, ...}`" in broken(change)


def test_NT_4_staff_are_reached_only_through_what_knows_their_desks():
    assert not RULES.limited_to({"smtp"}).reaches_staff
    rules = RULES.limited_to({"smtp"}, for_staff={"smtp"})
    assert rules.reaches_staff
    assert rules.channels.channels["desk"].providers == ("smtp",)
    assert RULES.limited_to({"smtp", "local"}, for_staff={"local"}).channels.channels["desk"].providers == ("local",)


def test_a_misspelt_field_is_refused():
    def change(_, channels):
        channels["providers"]["local"]["lease"] = 3

    assert "providers.local.lease" in broken(change)


def test_rules_that_leave_no_channel_to_send_on_are_refused():
    with pytest.raises(ValueError, match="no channel has a provider that is set up"):
        RULES.limited_to(())


def test_the_last_pause_repeats():
    local = RULES.channels.providers["local"]
    assert [local.pause(tries) for tries in (1, 2, 3, 4, 5, 50)] == [1, 5, 15, 60, 60, 60]


@pytest.mark.parametrize(
    ("kind", "code"),
    [("reasons", "third_party"), ("targets", "promise"), ("levels", 3), ("departments", "legal"), ("answers", "speed")],
)
def test_NT_9_a_code_without_a_name_is_refused(kind: str, code):
    assert f"{kind}.{code} is missing" in broken_terms(lambda terms: terms[kind].pop(code))


def test_NT_9_a_remedy_that_nobody_described_is_refused():
    def change(terms):
        terms["reasons"]["parts"]["remedy"] = "flowers"

    assert "reasons.parts.remedy 'flowers' is not one of compensation, follow_up, temporary" in broken_terms(change)


def test_a_zone_that_is_nowhere_is_refused():
    assert "'Asia/Atlantis' is no time zone" in broken_terms(lambda terms: terms.update(zone="Asia/Atlantis"))


def test_NT_4_staff_are_not_told_on_a_channel_of_customers():
    def change(_, channels):
        channels["staff"]["channel"] = "sms"

    assert "channel 'sms' is not one of desk" in broken(change)


def test_NT_4_customers_are_not_told_at_a_desk():
    def change(_, channels):
        channels["order"].append("desk")

    assert "channel 'desk' is not one of app, chat, email, sms, social" in broken(change)
