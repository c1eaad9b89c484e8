"""What is not well, and the one command to begin with: pure, from what the services say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cli.signs import Health, Place, Signs

MANY_RECORDS = 1000
OLD_S = 60
MOST_SKEW_S = 1.0
CALENDAR_DAYS = 30


@dataclass(frozen=True, slots=True)
class Ailment:
    """`what` is wrong with a service, and the `remedy`: a command, or where to look."""

    service: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A figure that is well up to `limit`. `{n}` in `what` is the figure, `{s}` in `remedy` the service."""

    gauge: str
    limit: float
    what: str
    remedy: str


SIGNS = (
    Sign("parked_keys", 0, "{n} keys stand still after an error of ours", "switchboard parked list --service {s}"),
    Sign(
        "gaps_open", 0, "{n} keys wait for an event that has not come for a minute",
        "switchboard parked list --service {s} --reason 'has not come'",
    ),
    Sign("quarantine_depth", 0, "{n} records were set aside", "switchboard quarantine list --service {s}"),
    Sign("outbox_oldest_seconds", OLD_S, "an event waits for {n} s to be published", "switchboard topics check"),
    Sign(
        "timers_overdue", 0, "{n} timers should have fired",
        "switchboard partitions list --service {s}  (timers wait for the records before them)",
    ),
)  # fmt: skip


def ailments(health: Health, expected: Mapping[str, int]) -> list[Ailment]:
    """What is not well with a service. `expected`: partitions by topic."""
    if not health.replicas:
        address = f"{health.service.upper()}_URL"
        return [Ailment(health.service, "its address is not known", f"set {address}, or start it with `make up`")]
    checks: tuple[Callable[[], Iterator[tuple[str, str]]], ...] = (
        lambda: _away(health),
        lambda: _figures(health),
        lambda: _stopped(health),
        lambda: _skewed(health),
        lambda: _behind(health),
        lambda: _unseen(health),
        lambda: _unread(health, expected),
        lambda: _calendars(health),
        lambda: _refused(health),
    )
    return [Ailment(health.service, what, remedy) for check in checks for what, remedy in check()]


def _away(health: Health) -> Iterator[tuple[str, str]]:
    for signs in health.replicas:
        at, name = signs.door.address, health.service.upper()
        if not signs.alive:
            yield f"{at} does not answer: {signs.why_not}", f"`make up` starts what is down, or set {name}_URL"
        elif not signs.ready:
            yield f"{at} is not ready: {signs.why_not}", _remedy_of(signs)


def _remedy_of(signs: Signs) -> str:
    if "clock" in signs.why_not:
        return "timedatectl timesync-status  (on its machine and on the database's)"
    if "store" in signs.why_not:
        return "see that the database of SWITCHBOARD_MONGO has a primary that takes writes"
    return f"the service's log says more; ask again: curl {signs.door.address}/readyz"


def _figures(health: Health) -> Iterator[tuple[str, str]]:
    for sign in SIGNS:
        figure = health.gauge(sign.gauge)
        if figure is not None and figure > sign.limit:
            yield sign.what.format(n=f"{figure:.0f}"), sign.remedy.format(s=health.service)


def _stopped(health: Health) -> Iterator[tuple[str, str]]:
    if not health.partitions_stopped:
        return
    named = f": {', '.join(map(place, health.stopped))}" if health.stopped else ""
    what = f"{health.partitions_stopped} partitions stopped after many errors of ours{named}"
    which = " ".join(map(place, health.stopped)) or "--all"
    yield what, f"mend what its log says, then switchboard partitions resume {which} --service {health.service}"


def _skewed(health: Health) -> Iterator[tuple[str, str]]:
    """Told here only where no replica said so itself by not being ready."""
    said = any("clock" in signs.why_not for signs in health.replicas)
    if not said and (skew := health.skew) is not None and abs(skew) > MOST_SKEW_S:
        yield f"its clock is {skew:+.1f} s off the database's", "timedatectl timesync-status  (on both machines)"


def _behind(health: Health) -> Iterator[tuple[str, str]]:
    lag = health.lag
    if (total := sum(lag.values())) > MANY_RECORDS:
        worst = max(lag, key=lambda at: lag[at])
        what = f"{total:,} records wait to be applied, most of them ({lag[worst]:,}) on {place(worst)}"
        yield what, "switchboard status --watch  (does it shrink? if not, add replicas: at most one per partition)"


def _unseen(health: Health) -> Iterator[tuple[str, str]]:
    """What its readers have not applied. What waits in its own documents is told as parked keys and gaps."""
    for (topic, reader), records in health.unseen.items():
        if records and reader != health.service:
            what = f"{reader} has not applied {records:,} records of {topic} that are more than a minute old"
            yield what, f"switchboard partitions list --service {reader}  (does it run? is a partition stopped?)"


def _unread(health: Health, expected: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Partitions that no replica asked here reads. Nothing is told of a service that does not answer."""
    if not any(signs.ready for signs in health.replicas):
        return
    lag = health.lag
    if not lag:
        yield "reads nothing", "switchboard topics check  (just started? ask again in ten seconds)"
        return
    for topic in sorted({topic for topic, _ in lag}):
        seen, all_ = sum(at[0] == topic for at in lag), expected.get(topic, 0)
        if seen < all_:
            what = f"{seen} of {all_} partitions of {topic} are read by the replicas asked"
            yield what, f"name every replica, comma-separated, in {health.service.upper()}_URL"


def _calendars(health: Health) -> Iterator[tuple[str, str]]:
    for signs in health.replicas[:1]:
        for calendar, days in sorted(signs.figures.calendars.items()):
            if days < CALENDAR_DAYS:
                yield f"the calendar {calendar} ends in {days:.0f} days", "add the next year to its rules"


def _refused(health: Health) -> Iterator[tuple[str, str]]:
    if health.gauge("rules_refused"):
        where = "; ".join(health.notes) or "its log says where"
        what = f"changed rules were refused, the last good ones stay: {where}"
        yield what, "switchboard rules check DIR  (the directory of its SWITCHBOARD_RULES)"


def place(at: Place) -> str:
    return f"{at[0]}/{at[1]}"
