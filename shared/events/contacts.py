"""`contacts.v1`: what channel systems send (CONTRACTS section 4)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from shared.events.base import PERSONAL, Body, EventData, Moment, PersonalText

Channel = Literal["phone", "chat", "email", "sms", "app", "web", "social", "review", "onsite"]
MAX_TEXT_BYTES = 64 * 1024
MAX_RECORD_BYTES = 256 * 1024
MAX_ATTACHMENTS = 50
MAX_REPLIES_TO = 50
MAX_TURNS = 100
Name = Annotated[str, Field(min_length=1, max_length=200)]


def _within_limit(text: str) -> str:
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise ValueError(f"longer than {MAX_TEXT_BYTES // 1024} KiB; send the rest as an attachment")
    return text


Text = Annotated[PersonalText, AfterValidator(_within_limit)]


class ContactCustomer(Body):
    name: PersonalText | None = None
    phone: PersonalText | None = None
    email: PersonalText | None = None
    app_id: PersonalText | None = None
    social: PersonalText | None = None
    language: str | None = None
    tier: str | None = None


class Facts(Body):
    order: str | None = None
    device_model: str | None = None
    serial: str | None = None
    account: PersonalText | None = None


class Attachment(Body):
    name: PersonalText = ""
    media_type: str = "application/octet-stream"
    url: Annotated[PersonalText, Field(min_length=1, max_length=2000)]
    bytes: Annotated[int, Field(ge=0)] | None = None


class Turn(Body):
    """Something said before a person took over.

    `source`: the knowledge entry and version, or the order, that an answer is from. `step`: what he was asked to do.
    """

    by: Literal["customer", "self_service"]
    text: PersonalText
    at: Moment
    source: str | None = None
    step: str | None = None


class Contact(EventData):
    """One thing a customer said, through one channel. `source` + `id` is its identity for ever.

    `replies_to`: ids of earlier contacts of the same source that this one answers, the newest last.
    `self_service`: what was said on both sides before a person took over.
    """

    TOPIC: ClassVar[str] = "contacts.v1"
    TYPE: ClassVar[str] = "contact.received"

    source: Name
    id: Name
    revision: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    channel: Channel
    conversation: Name | None = None
    replies_to: Annotated[tuple[Name, ...], Field(max_length=MAX_REPLIES_TO)] = ()
    occurred_at: Moment | None = None
    customer: ContactCustomer = ContactCustomer()
    subject: PersonalText | None = None
    text: Text | None = None
    facts: Facts = Facts()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=MAX_ATTACHMENTS)] = ()
    diagnostics: Annotated[dict[str, Any] | None, PERSONAL] = None
    diagnostics_consent: bool = False
    rating: Annotated[int, Field(ge=0, le=10)] | None = None
    voice: Annotated[dict[str, Any] | None, PERSONAL] = None
    self_service: Annotated[tuple[Turn, ...], Field(max_length=MAX_TURNS)] = ()

    @property
    def thread(self) -> str:
        """The id of the contact that began it; its own where it answers none."""
        return self.replies_to[0] if self.replies_to else self.id

    @field_validator("customer", "facts", "attachments", "replies_to", mode="before")
    @classmethod
    def absent_is_empty(cls, value: Any, info: Any) -> Any:
        return ([] if info.field_name in ("attachments", "replies_to") else {}) if value is None else value

    @model_validator(mode="after")
    def says_something(self) -> "Contact":
        if not ((self.text or "").strip() or (self.subject or "").strip() or self.attachments):
            raise ValueError("at least one of text, subject, attachments is required")
        return self
