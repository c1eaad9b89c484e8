"""`contacts.v1`: what channel systems send (CONTRACTS section 4)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from shared.events.base import PERSONAL, Body, EventData, Moment, PersonalText

Channel = Literal["phone", "chat", "email", "sms", "app", "web", "social", "review", "onsite"]
MAX_TEXT_BYTES = 64 * 1024
MAX_RECORD_BYTES = 256 * 1024
Name = Annotated[str, Field(min_length=1, max_length=200)]


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


class Contact(EventData):
    """One thing a customer said, through one channel. `source` + `id` is its identity for ever."""

    TOPIC: ClassVar[str] = "contacts.v1"
    TYPE: ClassVar[str] = "contact.received"

    source: Name
    id: Name
    revision: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    channel: Channel
    conversation: Name | None = None
    occurred_at: Moment | None = None
    customer: ContactCustomer = ContactCustomer()
    subject: PersonalText | None = None
    text: PersonalText | None = None
    facts: Facts = Facts()
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=50)] = ()
    diagnostics: Annotated[dict[str, Any] | None, PERSONAL] = None
    diagnostics_consent: bool = False
    rating: Annotated[int, Field(ge=0, le=10)] | None = None
    voice: Annotated[dict[str, Any] | None, PERSONAL] = None

    @field_validator("customer", "facts", "attachments", mode="before")
    @classmethod
    def absent_is_empty(cls, value: Any, info: Any) -> Any:
        return ([] if info.field_name == "attachments" else {}) if value is None else value

    @field_validator("text")
    @classmethod
    def text_within_limit(cls, value: str | None) -> str | None:
        if value is not None and len(value.encode()) > MAX_TEXT_BYTES:
            raise ValueError(f"longer than {MAX_TEXT_BYTES // 1024} KiB; send the rest as an attachment")
        return value

    @model_validator(mode="after")
    def says_something(self) -> "Contact":
        if not ((self.text or "").strip() or (self.subject or "").strip() or self.attachments):
            raise ValueError("at least one of text, subject, attachments is required")
        return self
