"""Spares a customer system that does not answer, and ourselves the wait for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

IN_A_ROW = 5
PAUSE_S = 10.0


@dataclass(slots=True)
class Breaker:
    """Open after IN_A_ROW failures in a row; after PAUSE_S one call is let through, and its outcome decides.

    Source of the pattern: M. Nygard, Release It!, "Circuit Breaker".
    """

    steady: Callable[[], float] = time.monotonic
    _failures: int = 0
    _closed_again_at: float = 0.0

    def lets_through(self) -> bool:
        if self._failures < IN_A_ROW:
            return True
        if self.steady() < self._closed_again_at:
            return False
        self._closed_again_at = self.steady() + PAUSE_S  # the next one waits for what becomes of this one
        return True

    def worked(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures == IN_A_ROW:
            self._closed_again_at = self.steady() + PAUSE_S
