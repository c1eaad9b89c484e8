"""What notify asks of whoever carries messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

MAX_WHY = 300


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it is handed over. `notification_id` is the same for every attempt at the same message.

    `staff`: `to` is no address but the id of a desk: a person's, or `pool:<pool>`.
    """

    notification_id: str
    case_id: str
    channel: str
    to: str
    language: str
    template: str
    subject: str
    text: str
    at: datetime
    staff: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one message.

    ok: the provider has it. untried: it was not asked. temporary, permanent: it certainly has not got it.
    open: it may have got it.
    """

    outcome: Literal["ok", "untried", "temporary", "permanent", "open"]
    why: str = ""


OK = Result("ok")


class Provider(Protocol):
    """`recognises_repeats`: handing over the same notification_id again, by whatever process, tells nobody twice.

    `reaches_staff`: it takes messages to desks too.
    """

    @property
    def name(self) -> str: ...

    @property
    def recognises_repeats(self) -> bool: ...

    @property
    def reaches_staff(self) -> bool: ...

    async def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        """One result per message, in their order. Never raises for what a message or the other side may cause."""
        ...


def because(error: BaseException) -> str:
    """An error as one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MAX_WHY]
