"""What fails and how long things take: the only place where the seed speaks.

    faults = Faults(loop.random, rates={"mongo.lost_reply": 0.01})
    faults.happens("mongo.lost_reply")      drawn anew each time; never where no rate is set
    faults.delay("mongo.reply")             seconds
    faults.heal()                           nothing fails or lags any more: what must come true can be checked

Names of faults:
    mongo.refused      the operation is not done, and its caller gets AutoReconnect
    mongo.cut          the operation is done, and its caller gets AutoReconnect at once, before a majority has it
    mongo.lost_reply   the operation is done, and its caller gets NetworkTimeout a good while later
    mongo.partial      of an unordered bulk write any part is done, and its caller gets AutoReconnect
    mongo.split        between two parts of an unordered bulk write others may write
    kafka.refused      a producer's batch is not written, and its records' futures fail
    kafka.lost_ack     a producer's batch is written, and its records' futures fail
    kafka.commit_lost  offsets are committed, and the caller gets an error
    kafka.commit_refused  offsets are not committed, and the caller gets an error
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

NAMES = frozenset(
    {
        "mongo.refused", "mongo.cut", "mongo.lost_reply", "mongo.partial", "mongo.split",
        "kafka.refused", "kafka.lost_ack", "kafka.commit_lost", "kafka.commit_refused",
    }
)  # fmt: skip
DELAYS: Mapping[str, tuple[float, float]] = {
    "mongo.request": (0.0002, 0.004),
    "mongo.reply": (0.0002, 0.004),
    "mongo.majority": (0.001, 0.02),
    "mongo.timeout": (0.1, 1.0),
    "mongo.election": (0.2, 3.0),
    "kafka.request": (0.0005, 0.005),
    "kafka.reply": (0.0005, 0.005),
    "kafka.linger": (0.001, 0.005),
    "kafka.timeout": (0.1, 1.0),
}
"""Seconds, from and to. Mostly near the shorter end, as on a network."""


@dataclass(slots=True)
class Faults:
    chance: Random
    rates: dict[str, float] = field(default_factory=dict)
    delays: dict[str, tuple[float, float]] = field(default_factory=lambda: dict(DELAYS))
    seen: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := self.rates.keys() - NAMES:
            raise ValueError(f"no such faults: {sorted(unknown)}; there are {sorted(NAMES)}")

    def happens(self, name: str) -> bool:
        rate = self.rates.get(name)
        if not rate or self.chance.random() >= rate:
            return False
        self.seen[name] = self.seen.get(name, 0) + 1
        return True

    def delay(self, name: str) -> float:
        low, high = self.delays[name]
        share = self.chance.random()
        return low + (high - low) * share * share * share

    @contextmanager
    def certain(self, name: str) -> Iterator[None]:
        """While it lasts, this happens each time."""
        kept = self.rates
        self.rates = {**kept, name: 1.0}
        try:
            yield
        finally:
            self.rates = kept

    def heal(self) -> None:
        self.rates, self.delays = {}, dict(DELAYS)
