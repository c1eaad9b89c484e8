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


def test_NT_5_a_template_with_an_unknown_variable_is_refused_by_its_place():
    def change(templates, _):
        templates["templates"]["received"]["languages"]["en"]["short"] = "{{ oder }}"

    assert "templates.received.languages.en.short: unknown variable 'oder'" in broken(change)


def test_a_template_nobody_asks_for_is_refused():
    def change(templates, _):
        templates["templates"]["recieved"] = templates["templates"]["received"]

    assert "templates must be exactly assigned, received, resolved" in broken(change)


def test_a_template_without_a_needed_language_is_refused():
    def change(templates, _):
        del templates["templates"]["resolved"]["languages"]["zh"]

    assert "templates.resolved.languages.zh is missing" in broken(change)


def test_a_further_language_is_taken_when_every_channel_has_its_name():
    read = documents()
    for template in read["templates"]["templates"].values():
        template["languages"]["es"] = {"subject": "Caso {{ number }}", "text": "Caso {{ number }}"}
    with pytest.raises(ValidationError, match=r"name\.es is missing"):
        Rules.parse(read)
    for channel in read["channels"]["channels"].values():
        channel["name"]["es"] = "x"
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
        del channels["expected_minutes"]["P0"]

    assert "P0 is missing" in broken(change)


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
