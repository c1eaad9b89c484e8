"""`channels.yaml` and `attachments.yaml`: how senders' forms are read, and which links are taken (IN-1, IN-10)."""

from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

CallState = Literal["ringing", "answered", "missed", "ended", "recorded", "transcribed"]
PLACES = ("{message_id}", "{n}")
MOST_MAIL_BYTES = 25 * 1024 * 1024


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Lower = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(str.casefold)]
Several = tuple[Lower, ...]


class MailRules(_File):
    """`automatic`: by header, the values that mark a mail no person wrote; `*` is any but `no`.

    `attachment_link`: where the gateway put the n-th attachment of a mail. `reply_marks`: with which the subject of an
    answer begins.
    """

    max_bytes: Annotated[int, Field(ge=1024, le=MOST_MAIL_BYTES)]
    attachment_link: str = ""
    automatic: dict[Lower, Several]
    never_answered: Several = ()
    quoted_from: Several = ()
    quoted_dashed: Several = ()
    quoted_after: Several = ()
    head_first: Several = ()
    head_next: Several = ()
    signature_from: Several = ()
    reply_marks: Several = ()

    @field_validator("attachment_link")
    @classmethod
    def names_mail_and_part(cls, link: str) -> str:
        if link and not all(place in link for place in PLACES):
            raise ValueError(f"a link with {' and '.join(PLACES)} in it is wanted, as https://files.example/mail/…")
        return link


class Said(_File):
    zh: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


class PhoneRules(_File):
    """`states`: what a call in each state is called on its case; their order is that of a call."""

    states: dict[CallState, Said]
    outbound: Said
    withheld: Several = ()

    @field_validator("states")
    @classmethod
    def names_every_state(cls, states: dict[CallState, Said]) -> dict[CallState, Said]:
        if lacking := [state for state in get_args(CallState) if state not in states]:
            raise ValueError(f"missing: {', '.join(lacking)}")
        return states

    @cached_property
    def labels(self) -> frozenset[str]:
        """What calls are called; no customer said it."""
        return frozenset(name for said in (*self.states.values(), self.outbound) for name in (said.zh, said.en))


class WebhookRules(_File):
    """`tolerance_s`: how far a signature's moment may lie from now, both ways."""

    tolerance_s: Annotated[int, Field(ge=1, le=3600)]


class ChannelsFile(_File):
    version: Annotated[str, Field(min_length=1)]
    mail: MailRules
    phone: PhoneRules
    webhook: WebhookRules


Ending = Annotated[Lower, Field(pattern=r"^\.[\w-]+$")]


class AttachmentsFile(_File):
    """A host stands for itself and what lies under it; `hosts_allowed` are taken whatever the rest says of hosts.

    `names_in_query`: parameters of a link in which a file's name stands.
    """

    version: Annotated[str, Field(min_length=1)]
    schemes: Annotated[Several, Field(min_length=1)]
    hosts_allowed: Several = ()
    hosts_refused: Several = ()
    private_addresses: bool = False
    endings_refused: tuple[Ending, ...] = ()
    names_in_query: Several = ()
    media_types_refused: Several = ()
    max_bytes: Annotated[int, Field(ge=1)]
