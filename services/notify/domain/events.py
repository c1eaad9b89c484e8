"""What others hear of a message."""

from typing import TypeVar

from services.notify.domain.casefile import Casefile, Message
from shared.events.notifications import (
    NotificationFailed,
    NotificationSent,
    NotificationSuppressed,
    NotificationUnknown,
    Template,
)

E = TypeVar("E", NotificationSent, NotificationFailed, NotificationUnknown, NotificationSuppressed)


def given_out(kind: type[E], file: Casefile, message: Message, *, why: str = "") -> E:
    return kind(
        case_id=file.case_id,
        number=file.number,
        notification_id=message.id,
        channel=message.channel,
        template=Template(id=message.template, version=message.template_version),
        cause=message.cause,
        provider=message.provider,
        attempt=message.attempt,
        why=why,
        about=message.about if message.template == "survey" else "",
    )
