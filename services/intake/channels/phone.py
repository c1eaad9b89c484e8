"""What telephony tells of a call, form by form, as revisions of one contact.

A form that knows more is a higher revision. Recording and transcript may come in any order, each in a form of its own.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.intake.domain.language import language_code
from services.intake.domain.rules_channels import CallState, PhoneRules
from shared.events.base import Moment
from shared.events.contacts import Name, Text
from shared.http import Problem

STATES: tuple[str, ...] = get_args(CallState)
MOST_FIELDS = 100
SPAN_S = 40_000
"""Seconds of a call that are told apart, so that all revisions stay under a million."""
Short = Annotated[str, Field(max_length=200)]
Link = Annotated[str, Field(max_length=2000)]


class Call(BaseModel):
    """`revision`: the sender's own count of his forms of the call; absent: how much the form knows.

    `subject`: what the caller chose or said at the start. `sentiment`: telephony's own reading of the voice, -1 to 1.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    call: Name
    state: CallState
    revision: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    direction: Literal["inbound", "outbound"] = "inbound"
    caller: Short | None = None
    called: Short | None = None
    name: Short | None = None
    language: Short | None = None
    started: Moment | None = None
    answered: Moment | None = None
    ended: Moment | None = None
    agent: Short | None = None
    subject: Short | None = None
    transcript: Text | None = None
    recording: Link | None = None
    recording_type: Short | None = None
    recording_bytes: Annotated[int, Field(ge=0)] | None = None
    sentiment: Annotated[float, Field(ge=-1, le=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def empty_is_absent(cls, value: Any) -> Any:
        return {k: v for k, v in value.items() if v not in ("", None)} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def ends_after_it_began(self) -> "Call":
        if self.started and self.ended and self.ended < self.started:
            raise ValueError("ended: it lies before started")
        return self


def form_of(body: bytes) -> dict[str, str]:
    """A form's fields (application/x-www-form-urlencoded, UTF-8). Problem where it is none, or one stands twice."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise Problem(400, "bad_form", f"the body is not a form in UTF-8: {error}") from None
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Problem(422, "invalid", f"{twice}: it stands there twice", field=twice)
    return dict(pairs)


def contact_value(call: Call, source: str, rules: PhoneRules, default_language: str) -> dict[str, Any]:
    """The call as a contact; without words of the customer its subject says what kind of call it was."""
    return {
        "source": source,
        "id": call.call,
        "revision": call.revision or _known_by(call),
        "channel": "phone",
        "conversation": call.call,
        "occurred_at": call.started,
        "customer": {"name": call.name, "phone": _customers_number(call, rules), "language": call.language},
        "subject": call.subject or _called(call, rules, default_language),
        "text": call.transcript,
        "voice": dict(_said_of_it(call)),
    }


def _known_by(call: Call) -> int:
    """Higher where recording or transcript is there, then where the state is a later one, then where more time of the
    call is told: after a transfer it is answered again."""
    known = STATES.index(call.state) + len(STATES) * (bool(call.recording) + 2 * bool(call.transcript))
    return 1 + known * SPAN_S + min(_seconds(call), SPAN_S - 1)


def _seconds(call: Call) -> int:
    """From its start to the last that is told of it."""
    last = call.ended or call.answered
    return max(0, int((last - call.started).total_seconds())) if last and call.started else 0


def _customers_number(call: Call, rules: PhoneRules) -> str | None:
    number = call.caller if call.direction == "inbound" else call.called
    return None if (number or "").strip().casefold() in rules.withheld else number


def _called(call: Call, rules: PhoneRules, default_language: str) -> str:
    said = rules.outbound if call.direction == "outbound" else rules.states[call.state]
    return said.zh if (language_code(call.language) or default_language) == "zh" else said.en


def _said_of_it(call: Call) -> Iterable[tuple[str, Any]]:
    for name in ("state", "direction", "caller", "called", "started", "answered", "ended", "agent", "sentiment"):
        value = getattr(call, name)
        if value is not None:
            yield name, value.isoformat() if isinstance(value, datetime) else value
    if call.recording:
        yield "recording", {"name": "recording", "url": call.recording, **_of_recording(call)}


def _of_recording(call: Call) -> dict[str, Any]:
    told = {"media_type": call.recording_type, "bytes": call.recording_bytes}
    return {name: value for name, value in told.items() if value is not None}
