"""NT-5: templates can be read before customers read them."""

import pytest

from services.notify.domain.preview import Preview, preview
from services.notify.domain.rules import Words
from shared.decisions import Refused
from tests.unit.notify.build import RULES


def shown(**asked) -> Preview:
    defaults = {"template": "received", "language": "zh", "channel": "email", "values": {}, "words": None}
    return preview(RULES, **defaults | asked)


def test_NT_5_the_shipped_words_are_shown_with_samples():
    page = shown()
    assert page.version == 2
    assert "王芳，您好" in page.text
    assert page.subject == "【工单 7KQ4-M2XD】已受理"


def test_NT_5_a_channel_with_little_room_gets_the_short_form_without_subject():
    page = shown(channel="sms", language="en")
    assert page.subject == ""
    assert page.text.startswith("We have received your request, case 7KQ4-M2XD.")


def test_NT_5_proposed_words_are_tried_with_given_values():
    page = shown(words=Words(subject="S", text="{{ number }}!"), values={"number": "1"})
    assert (page.subject, page.text) == ("S", "1!")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"template": "bye"}, "template"),
        ({"channel": "fax"}, "channel"),
        ({"values": {"agent_id": "1"}}, "values.agent_id"),
        ({"words": Words(subject="S", text="{{ agent_id }}")}, "words.text"),
    ],
)
def test_NT_5_what_cannot_be_shown_is_refused_by_field(asked: dict, field: str):
    with pytest.raises(Refused) as refused:
        shown(**asked)
    assert (refused.value.field, refused.value.status) == (field, 422)


@pytest.mark.parametrize("template", sorted(RULES.templates.templates))
@pytest.mark.parametrize(("language", "channel"), [("zh", "email"), ("zh", "sms"), ("en", "desk"), ("en", "sms")])
def test_NT_5_every_template_can_be_previewed(template: str, language: str, channel: str):
    page = shown(template=template, language=language, channel=channel)
    assert "7KQ4-M2XD" in page.text
    assert "{" not in page.text
