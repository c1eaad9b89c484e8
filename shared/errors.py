"""Errors of the mechanics.

Transient     the world is away for now (database, broker, a race not yet decided); the same work is tried again
Unreadable    an outsider's record that no later attempt can read; it is set aside whole with its reason
"""

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from shared.fold import HeldFull


class Transient(Exception):
    """Try the same again a little later."""


class Unreadable(Exception):
    """A record that is not what its topic promises. `reason` is stable, the message names the field."""

    def __init__(self, reason: str, message: str, source: str = "") -> None:
        super().__init__(message)
        self.reason, self.source = reason, source


TRANSIENT: tuple[type[BaseException], ...] = (
    Transient,
    HeldFull,
    PyMongoError,
    KafkaError,
    ConnectionError,
    TimeoutError,
)
