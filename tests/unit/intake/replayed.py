"""Arrivals played through the decisions on bursts, as the watching worker would see them."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from services.intake.domain.burst import Arrival, Burst, Watch, hours_to_learn, is_unusual, learn, look, usual_within
from services.intake.domain.rules_bursts import BurstsFile
from services.intake.domain.tokens import tokens, words
from tests.unit.intake.given import RULES

Category = tuple[str, ...]
BEFORE = 200


@dataclass
class Desk:
    """A help desk that looks whenever a case was opened. `noticed`: each burst, with when it was noticed."""

    rules: BurstsFile = RULES.bursts
    watches: dict[Category, Watch] = field(default_factory=dict)
    noticed: list[tuple[datetime, Category, Burst]] = field(default_factory=list)
    ended: list[tuple[datetime, Category]] = field(default_factory=list)
    cases: defaultdict[Category, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    times: defaultdict[Category, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def take(self, opened: Iterable[tuple[Category, Arrival]]) -> "Desk":
        """In the order of their time."""
        for category, arrival in opened:
            self.cases[category].append(arrival)
            self.times[category].append(arrival.at)
            self.looks(category, arrival.at)
        return self

    def looks(self, category: Category, now: datetime) -> None:
        watch = self._learned(category, now)
        since = now - self.rules.window
        cases, times = self.cases[category], self.times[category]
        first = bisect_right(times, since)
        arrivals = cases[first:][::-1]
        usual = usual_within(watch, since, now, self.rules)
        if watch.burst is None and not is_unusual(len(arrivals), usual, self.rules):
            return
        earlier = (cases[place] for place in range(first - 1, -1, -1))
        ordinary = (one for one in earlier if not any(o.began <= one.at <= o.ended for o in watch.over))
        before = list(islice(ordinary, BEFORE))
        after = look(
            watch, now, category=category, arrivals=arrivals, before=before, since=since, rules=self.rules
        ).state
        if after.burst and not watch.burst:
            self.noticed.append((now, category, after.burst))
        if watch.burst and not after.burst:
            self.ended.append((now, category))
        self.watches[category] = after

    def _learned(self, category: Category, now: datetime) -> Watch:
        watch = self.watches.get(category) or Watch(category=category)
        times = self.times[category]
        while hours := hours_to_learn(watch, now):
            counts = {h: bisect_left(times, h + timedelta(hours=1)) - bisect_left(times, h) for h in hours}
            watch = learn(watch, now, category=category, counts=counts, rules=self.rules).state
        self.watches[category] = watch
        return watch


def arrival(number: int, at: datetime, text: str) -> Arrival:
    known = words(tokens(text))
    return Arrival(f"case-{number}", at, tuple(token for token in tokens(text) if token in known))
