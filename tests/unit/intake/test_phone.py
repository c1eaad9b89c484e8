"""IN-1, IN-10: what telephony tells of a call, form by form, becomes one contact that gets better."""

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake.channels.phone import SPAN_S, Call, contact_value, form_of
from shared.events.contacts import Contact
from shared.http import Problem
from tests.unit.intake.given import NOW, RULES, arrive

RINGING = {
    "call": "77812",
    "state": "ringing",
    "caller": "+8613800138000",
    "called": "400-820-8820",
    "started": "2026-11-22T08:00:00Z",
}


def told(**fields: Any) -> Contact:
    call = Call.model_validate({**RINGING, **fields})
    return Contact.model_validate(contact_value(call, "phone", RULES.channels.phone, "zh"))


def test_IN_1_a_call_is_a_contact_from_its_first_ring() -> None:
    contact = told()
    assert (contact.id, contact.conversation, contact.revision, contact.channel) == ("77812", "77812", 1, "phone")
    assert (contact.customer.phone, contact.subject, contact.text) == ("+8613800138000", "来电", None)
    assert contact.occurred_at == NOW.replace(hour=8)
    assert told(language="en-GB").subject == "Incoming call"


def test_IN_10_all_that_happens_in_a_call_is_one_contact_in_one_case() -> None:
    ended = {"state": "ended", "agent": "Z01", "ended": "2026-11-22T08:05:00Z"}
    heard = {
        "transcript": "我被重复扣款了，请尽快退款",
        "recording": "https://rec.example/1.mp3",
        "recording_bytes": "9100",
    }
    case, notes = None, []
    for said in (
        told(),
        told(state="answered", agent="Z01"),
        told(**ended),
        told(**ended | heard | {"state": "transcribed"}),
    ):
        decision = arrive(case, said)
        case = decision.state
        notes.append(decision.note)
    assert case is not None
    assert [seen.revision for seen in case.contacts] == [1 + 23 * SPAN_S + 300]
    assert case.text == "我被重复扣款了，请尽快退款"
    assert case.category[:2] == ("支付问题", "退款异常")
    assert [note.kind for note in notes if note] == ["contact", "amended", "amended", "amended"]
    voice = notes[-1].data["voice"]  # type: ignore[union-attr]
    assert voice["recording"] == {"name": "recording", "url": "https://rec.example/1.mp3", "bytes": 9100}
    assert (voice["agent"], voice["ended"]) == ("Z01", "2026-11-22T08:05:00+00:00")


def test_the_same_form_again_and_an_earlier_one_that_comes_late_change_nothing() -> None:
    case = arrive(arrive(None, told()).state, told(state="ended")).state
    assert arrive(case, told(state="ended")).state is case
    assert arrive(case, told(state="answered")).state is case


def test_a_sender_that_counts_for_itself_is_followed() -> None:
    assert told(revision="12").revision == 12


@pytest.mark.parametrize("state", ["ringing", "answered", "missed", "ended", "recorded", "transcribed"])
def test_what_a_call_is_called_says_nothing_of_what_it_is_about(state: str) -> None:
    for fields in ({}, {"language": "en"}, {"direction": "outbound"}):
        case = arrive(None, told(state=state, **fields)).state
        assert (case.category, case.tags, case.kind) == (RULES.categories.fallback, (), "question")


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({}, "+8613800138000"),
        ({"direction": "outbound"}, "400-820-8820"),
        ({"caller": "Anonymous"}, None),
        ({"caller": "未知"}, None),
        ({"caller": ""}, None),
    ],
)
def test_the_customer_is_whoever_is_at_the_other_end(fields: dict[str, str], number: str | None) -> None:
    contact = told(**fields)
    assert contact.customer.phone == number
    assert "phone_invalid" not in arrive(None, contact).state.flags


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"call": ""}, "call"),
        ({"call": "x" * 201}, "call"),
        ({"state": "dancing"}, "state"),
        ({"direction": "up"}, "direction"),
        ({"started": "8 o'clock"}, "started"),
        ({"started": "2026-11-22T08:00:00"}, "started"),
        ({"recording_bytes": "-1"}, "recording_bytes"),
        ({"recording": "https://x.example/" + "x" * 2000}, "recording"),
        ({"sentiment": "2"}, "sentiment"),
        ({"revision": "0"}, "revision"),
        ({"transcript": "退" * 22_000}, "transcript"),
        ({"ended": "2026-11-22T07:00:00Z"}, "ended"),
    ],
)
def test_a_form_that_is_wrong_is_told_which_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Call.model_validate({**RINGING, **fields})
    first = wrong.value.errors()[0]
    assert field in (*first["loc"], first["msg"].removeprefix("Value error, ").partition(":")[0])


def test_a_form_is_read_as_browsers_send_it() -> None:
    assert form_of(urlencode({"call": "1", "caller": "+86 138", "name": "王芳&=", "agent": ""}).encode()) == {
        "call": "1", "caller": "+86 138", "name": "王芳&=", "agent": "",
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"\xff", b"name=%ff", b"&".join(b"a%d=1" % n for n in range(101))])
def test_what_is_no_form_is_told_so(body: bytes) -> None:
    with pytest.raises(Problem) as told:
        form_of(body)
    assert (told.value.status, told.value.type) == (400, "bad_form")


def test_a_field_that_stands_twice_is_refused_by_its_name() -> None:
    with pytest.raises(Problem) as told:
        form_of(b"caller=1&caller=2")
    assert (told.value.status, told.value.field) == (422, "caller")


@given(
    st.binary(max_size=300)
    | st.dictionaries(st.sampled_from(list(Call.model_fields)), st.text(max_size=20)).map(
        lambda f: urlencode(f).encode()
    )
)
def test_any_form_ends_in_a_clear_refusal_or_a_sound_contact(body: bytes) -> None:
    try:
        call = Call.model_validate(form_of(body))
    except (Problem, ValidationError):
        return
    contact = Contact.model_validate(contact_value(call, "phone", RULES.channels.phone, "en"))
    assert contact.conversation == call.call
