"""Errors of the mechanics.

Transient     the world is away for now (database, broker, a race not yet decided); the same work is tried again
  WrongClock  this process's clock is off; nothing is decided by it until it is right again
TooEarly      what a record rests on has not been read yet; its partition waits, the others go on
Unreadable    an outsider's record that no later attempt can read; it is set aside whole with its reason
"""

from aiokafka.errors import KafkaConnectionError, KafkaError
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError, ServerSelectionTimeoutError

from shared.fold import HeldFull


class Transient(Exception):
    """Try the same again a little later."""


class WrongClock(Transient):
    """The message says by how much."""


class TooEarly(Exception):
    """Try the same again when what is on another partition has been applied."""


class Unreadable(Exception):
    """A record that is not what its topic promises. `reason` is stable, the message names the field."""

    def __init__(self, reason: str, message: str, source: str = "") -> None:
        super().__init__(message)
        self.reason, self.source = reason, source


def plainly(error: BaseException) -> str:
    """One short line for a log: what is away, and where it was looked for."""
    first = (str(error).splitlines() or [""])[0]
    match error:
        case ServerSelectionTimeoutError():
            return f"the database does not answer ({first.partition(' (configured')[0]})"
        case KafkaConnectionError():
            return f"the broker does not answer ({first})"
        case _:
            return f"{type(error).__name__}: {first}"[:300]


AWAY: tuple[type[BaseException], ...] = (
    Transient,
    ConnectionFailure,
    ExecutionTimeout,
    KafkaError,
    ConnectionError,
    TimeoutError,
)
"""The trouble is the world's, and the same for every partition."""

TRANSIENT: tuple[type[BaseException], ...] = (*AWAY, PyMongoError, HeldFull, TooEarly)
