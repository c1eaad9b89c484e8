"""`notifications.v1`: what became of each message to a person, told by notify."""

from typing import ClassVar

from shared.events.base import Body, CaseEvent


class Template(Body):
    id: str
    version: int


class _Notification(CaseEvent):
    """`about`: of a survey's message the survey_id; empty for the others."""

    TOPIC: ClassVar[str] = "notifications.v1"
    notification_id: str
    channel: str
    template: Template
    cause: str
    provider: str
    attempt: int
    why: str = ""
    about: str = ""


class NotificationSent(_Notification):
    TYPE: ClassVar[str] = "notification.sent"


class NotificationFailed(_Notification):
    TYPE: ClassVar[str] = "notification.failed"


class NotificationUnknown(_Notification):
    TYPE: ClassVar[str] = "notification.unknown"


class NotificationSuppressed(_Notification):
    TYPE: ClassVar[str] = "notification.suppressed"


EVENTS = (NotificationSent, NotificationFailed, NotificationUnknown, NotificationSuppressed)
