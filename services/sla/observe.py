"""The measures that only sla knows."""

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any

from services.sla.domain.rules import Rules
from services.sla.store import Watches, standing
from shared.clock import Clock, utc_now
from shared.events.escalations import DEPARTMENTS
from shared.events.sla import TargetMet, TargetMissed
from shared.fold import Outcome
from shared.metrics import Metrics
from shared.rules import Rules as Live

log = logging.getLogger(__name__)
WARN_BEFORE_DAYS = 30
LEVELS = {"frontline": 1, "management": 3}


class Observer:
    def __init__(self, watches: Watches, rules: Live[Rules], metrics: Metrics, clock: Clock = utc_now) -> None:
        self._watches, self._rules, self._metrics, self._clock = watches, rules, metrics, clock
        self._warned: set[tuple[str, date]] = set()

    async def count_ends(self, outcomes: Sequence[Outcome[Any]]) -> None:
        """Each promise that came to an end, once: what was read again is no outcome."""
        for outcome in outcomes:
            if outcome.status == "applied":
                for event in outcome.events:
                    if how := _end_of(event):
                        self._metrics.sla_targets.labels(*how).inc()

    async def observe(self) -> None:
        open_ = await self._watches.standing()
        for department in DEPARTMENTS:
            level = LEVELS.get(department, 2)
            self._metrics.escalations_open.labels(department, level).set(open_.get(standing(department, level), 0))
        self._look_at_calendars()

    def _look_at_calendars(self) -> None:
        today = self._clock().date()
        for name, calendar in self._rules().calendars.calendars.items():
            if calendar.valid_until is not None:
                left = (calendar.valid_until - today).days
                self._metrics.calendar_days_left.labels(name).set(left)
                if left < WARN_BEFORE_DAYS and (name, today) not in self._warned:
                    self._warned.add((name, today))
                    log.warning("calendar %s ends in %s days: give it the holidays that follow", name, left)


def _end_of(event: Any) -> tuple[str, str] | None:
    match event:
        case TargetMissed():
            return event.target, "missed"
        case TargetMet():
            return event.target, "corrected" if event.corrected else "late" if event.late_s else "met"
        case _:
            return None
