"""A clock that is wrong decides nothing: an hour ahead, it would fire every promise as missed.

Once a second a process compares its clock with the database's. What its clock does between two comparisons is seen
at once, against the machine's steady time, which no one can set.

Errors:
    WrongClock (shared.errors)    the time was asked for a decision while this clock is off
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.clock import Clock
from shared.errors import WrongClock
from shared.metrics import Metrics
from shared.mongo import CODEC

log = logging.getLogger(__name__)
MOST_SKEW_S = 1.0
COMPARE_S = 1.0


class CheckedClock:
    """The clock of a process for as long as it is right. Before the first comparison nothing speaks against it.

    `steady`: seconds that go by as they do, from no particular moment.
    """

    def __init__(self, clock: Clock, steady: Callable[[], float], database: Any, metrics: Metrics) -> None:
        self._clock, self._steady, self._database, self._metrics = clock, steady, database, metrics
        self._ahead: float | None = None
        self._unsure = 0.0
        self._said = ""

    def __call__(self) -> datetime:
        """The time, for a decision; raises WrongClock while it is more than MOST_SKEW_S off."""
        if why := self.wrong():
            raise WrongClock(why)
        return self._clock()

    def wrong(self) -> str:
        """Why nothing may be decided now; empty while the clock is right, or may be as far as was measured."""
        skew = self._skew()
        return f"this clock is {skew:+.1f} s off the database's" if abs(skew) - self._unsure > MOST_SKEW_S else ""

    async def compare(self) -> None:
        """Ask the database for its time; how long the answer took bounds how wrong the comparison can be."""
        asked = self._steady()
        theirs: datetime = (await self._database.command("hello", codec_options=CODEC))["localTime"]
        self._unsure = (self._steady() - asked) / 2
        self._ahead = theirs.timestamp() - (asked + self._unsure)
        self._metrics.clock_skew_seconds.set(self._skew())
        self._tell()

    def _skew(self) -> float:
        """Seconds by which this clock is ahead of the database's."""
        if self._ahead is None:
            return 0.0
        return self._clock().timestamp() - (self._steady() + self._ahead)

    def _tell(self) -> None:
        why = self.wrong()
        if why and not self._said:
            log.error("nothing is decided here: %s", why)
        elif self._said and not why:
            log.warning("the clock is right again")
        self._said = why
