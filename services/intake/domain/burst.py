"""Bursts 批量问题 (IN-14): many alike contacts in a short time, unusual for their category at that hour of the week.

What is usual is learned per category (second level) and hour of the week: the counts of full hours, weighted
exponentially (EWMA: S. W. Roberts, Technometrics 1(3), 1959). A count k within a window is unusual if

    k >= at_least    and    k >= times * m    and    P(X >= k) < chance    for X ~ Poisson(m)

where m is what is usual in such a window (a one-sided Poisson test, as in control charts of counts: NIST/SEMATECH
e-Handbook, 6.3.3.1). A Monday morning is compared with Monday mornings; a slow trend is learned before it is `times`
the usual.

Alike are cases with a third of the words that many of these cases have and few of the category's cases before them;
those of earlier bursts are not among the latter, so that the same outage is noticed again. Where `times` and `chance`
are those of a flood (`without_words`), all are alike.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from services.intake.domain.rules_bursts import BurstsFile
from services.intake.domain.tokens import CODE, tokens
from shared.decisions import Decision
from shared.ids import named

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MOST_WORDS = 12
MOST_READ_WORDS = 300
PER_HOUR = 0.5 ** (1 / 24)
MOST_OVER = 20
SCANT = 5.0
"""Cases: a trend is believed only when it rests on more."""


class Burst(BaseModel):
    """One that lasts. `words`: what makes a case one of it; none: that it is of the category."""

    model_config = ConfigDict(frozen=True)
    id: str
    words: tuple[str, ...]
    began: datetime


class Over(BaseModel):
    """When a burst lasted that is over."""

    model_config = ConfigDict(frozen=True)
    began: datetime
    ended: datetime


class Watch(BaseModel):
    """One category under watch. `usual`: cases per hour, by hour of the week (Monday 00:00 UTC is "0").

    `lately`, `lately_usual`: what came and what was usual then, in the hours before, each hour weighted less the longer
    it is ago (half after a day): their ratio is the trend. `over`: the last bursts before, the newest last.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    category: tuple[str, ...]
    usual: dict[str, float] = {}
    lately: float = 0.0
    lately_usual: float = 0.0
    learned_until: datetime | None = None
    burst: Burst | None = None
    over: tuple[Over, ...] = ()

    @property
    def trend(self) -> float:
        """At least 1: a quiet day makes nobody more suspicious."""
        return max(1.0, (self.lately + SCANT) / (self.lately_usual + SCANT))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A case that was opened, with its words in their order."""

    case_id: str
    at: datetime
    words: tuple[str, ...]


def arrival(case_id: str, at: datetime, subject: str | None, text: str | None, labels: Collection[str]) -> Arrival:
    """`labels`: what we call a call without words; those are no words of a customer."""
    said = (word for word in tokens(None if subject in labels else subject, text) if not word.startswith(CODE))
    return Arrival(case_id, at, tuple(said)[:MOST_READ_WORDS])


def watch_id(category: Sequence[str]) -> str:
    return named("watch", *category)


def look(
    state: Watch | None, now: datetime, *,
    category: tuple[str, ...], arrivals: Sequence[Arrival], before: Sequence[Arrival], since: datetime,
    rules: BurstsFile,
) -> Decision[Watch]:  # fmt: skip
    """Whether a burst begins, goes on or is over.

    `arrivals`: the category's from `since` to now; `before`: earlier ones that came while no burst lasted (`over`).
    """
    watch = state or Watch(category=category)
    usual = usual_within(watch, since, now, rules)
    if watch.burst is None:
        burst = _beginning(watch, arrivals, before, usual, rules)
    else:
        burst = watch.burst if is_unusual(len(alike(watch.burst, arrivals)), usual, rules) else None
    if burst == watch.burst:
        return Decision(state)  # type: ignore[arg-type]
    over = (*watch.over, Over(began=watch.burst.began, ended=now))[-MOST_OVER:] if watch.burst else watch.over
    return Decision(watch.model_copy(update={"burst": burst, "over": over}))


def _beginning(
    watch: Watch, arrivals: Sequence[Arrival], before: Sequence[Arrival], usual: float, rules: BurstsFile
) -> Burst | None:
    if not is_unusual(len(arrivals), usual, rules):
        return None
    words = shared_words(arrivals, before, rules)
    ours = [arrival for arrival in arrivals if is_alike(words, arrival)] if words else []
    if not is_unusual(len(ours), usual, rules):
        if not is_flood(len(arrivals), usual, rules):
            return None
        words, ours = frozenset(), list(arrivals)
    began = min(arrival.at for arrival in ours)
    told = tuple(word for word in dict.fromkeys(w for arrival in ours for w in arrival.words) if word in words)
    return Burst(id=burst_id(watch.category, began, rules), words=told, began=began)


def burst_id(category: Sequence[str], began: datetime, rules: BurstsFile) -> str:
    """The same for whoever notices it: of its category and the window in which it began."""
    place = began.timestamp() // rules.window.total_seconds()
    return named("burst", *category, f"{place:.0f}")


def alike(burst: Burst, arrivals: Sequence[Arrival]) -> tuple[str, ...]:
    """The cases that are part of it."""
    words = frozenset(burst.words)
    return tuple(arrival.case_id for arrival in arrivals if is_alike(words, arrival))


def is_alike(words: frozenset[str], arrival: Arrival) -> bool:
    """A third of the words at least: one of many says little, and nobody has those of both languages."""
    return 3 * len(words.intersection(arrival.words)) >= len(words)


def shared_words(arrivals: Sequence[Arrival], before: Sequence[Arrival], rules: BurstsFile) -> frozenset[str]:
    """Words of a large share of these cases and, by `lift`, of a smaller share of those before.

    The share before is reckoned with one case of four added that has it (of nothing known, a quarter).
    """
    now, then = _counts(arrivals), _counts(before)
    common = [
        word
        for word, count in now.most_common()
        if count >= rules.alike_share * len(arrivals)
        and count / len(arrivals) >= rules.lift * (then[word] + 1) / (len(before) + 4)
    ]
    return frozenset(common[:MOST_WORDS])


def _counts(arrivals: Sequence[Arrival]) -> Counter[str]:
    return Counter(word for arrival in arrivals for word in dict.fromkeys(arrival.words))


def is_unusual(count: int, usual: float, rules: BurstsFile) -> bool:
    """`usual`: the mean of such counts."""
    return count >= rules.at_least and _is_beyond(count, usual, rules.times, rules.chance)


def is_flood(count: int, usual: float, rules: BurstsFile) -> bool:
    """So unusual that it needs no words to be a burst."""
    return _is_beyond(count, usual, rules.without_words.times, rules.without_words.chance)


def _is_beyond(count: int, usual: float, times: float, chance: float) -> bool:
    return count >= times * usual and poisson_tail(count, usual) < chance


def poisson_tail(count: int, mean: float) -> float:
    """P(X >= count) for X ~ Poisson(mean): the terms from `count` on, which shrink at least by mean / (count + 1)."""
    if count <= mean:
        return 1.0
    term = math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
    total, number = 0.0, count
    while term > total * 1e-12 and term > 0.0:
        total += term
        number += 1
        term *= mean / number
    return total


def usual_within(watch: Watch, since: datetime, until: datetime, rules: BurstsFile) -> float:
    """How many cases are usual in that time: by the busier of the hours that it touches, as the trend is."""
    per_hour = max(_usual_at(watch, moment) for moment in (since, until)) * watch.trend
    return max(per_hour, rules.usual_at_least) * ((until - since) / HOUR)


def _usual_at(watch: Watch, moment: datetime) -> float:
    """Of that hour of the week with those beside it (1 : 2 : 1), since one hour's count is much by chance.

    An hour that was not learned yet counts as the mean of those that were.
    """
    known = watch.usual.values()
    otherwise = sum(known) / len(known) if known else 0.0
    before, at, after = (watch.usual.get(slot_of(moment + hours * HOUR), otherwise) for hours in (-1, 0, 1))
    return max(at, (before + 2 * at + after) / 4)


def learn(
    state: Watch | None, now: datetime, *, category: tuple[str, ...], counts: Mapping[datetime, int], rules: BurstsFile
) -> Decision[Watch]:
    """`counts`: by its beginning, how many cases were opened in each full hour that was not learned yet.

    What came in a burst is not usual: a known hour counts at most `times` what it was.
    """
    watch = state or Watch(category=category)
    hour = watch.learned_until or min(counts, default=hour_of(now))
    while hour in counts and hour + HOUR <= now:
        watch, hour = _learned(watch, hour, float(counts[hour]), rules), hour + HOUR
    return Decision(state if state == watch else watch)


def _learned(watch: Watch, hour: datetime, count: float, rules: BurstsFile) -> Watch:
    slot, until = slot_of(hour), hour + HOUR
    known = watch.usual.get(slot)
    if known is None:
        return watch.model_copy(update={"usual": watch.usual | {slot: count}, "learned_until": until})
    count = min(count, rules.times * max(known * watch.trend, rules.usual_at_least))
    told = {
        "usual": watch.usual | {slot: round(known + rules.newest * (count - known), 3)},
        "lately": round(watch.lately * PER_HOUR + count, 3),
        "lately_usual": round(watch.lately_usual * PER_HOUR + known, 3),
        "learned_until": until,
    }
    return watch.model_copy(update=told)


def hours_to_learn(watch: Watch, now: datetime) -> tuple[datetime, ...]:
    """The full hours since it last learned, a week at most at a time."""
    first = watch.learned_until or hour_of(now) - HOUR
    full = max(0, min((now - first) // HOUR, WEEK // HOUR))
    return tuple(first + n * HOUR for n in range(full))


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def slot_of(moment: datetime) -> str:
    """The hour of the week, UTC."""
    return str(moment.weekday() * 24 + moment.hour)
