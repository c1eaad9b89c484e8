"""A delay as the customer is told it: reason, remedy, new time (NT-2, NT-9)."""

from datetime import datetime

from services.notify.domain.compose import News


def delay(
    cause: str,
    *,
    reason: str,
    remedy: str | None = None,
    until: datetime | None = None,
    once: str = "",
    about: str = "",
) -> News:
    """`reason` and `remedy`: codes, or an agent's words. Without a remedy the rules say what is offered."""
    return News(
        "delay",
        cause,
        lambda tongue: {
            "reason": tongue.reason(reason),
            "remedy": tongue.remedy(remedy, reason),
            "until": tongue.moment(until),
        },
        once=once,
        about=about,
    )
