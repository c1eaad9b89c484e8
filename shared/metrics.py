"""Every metric, once: its name, its labels and what it means. Code, docs and tests read this list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PREFIX = "switchboard_"
MANY_SOURCES = 100


@dataclass(frozen=True, slots=True)
class Metric:
    kind: type[Any]
    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_AGE = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

METRICS = (
    Metric(Counter, "events_applied_total", "records whose effect was written, by type", ("type",)),
    Metric(Counter, "events_repeated_total", "records recognised as applied before"),
    Metric(
        Counter,
        "events_unknown_total",
        "records of a type this version does not know; taken note of, no effect",
        ("type",),
    ),
    Metric(Counter, "events_published_total", "records acknowledged by the broker, by topic", ("topic",)),
    Metric(Histogram, "event_age_seconds", "from when it happened to when it was applied here", (), _AGE),
    Metric(Gauge, "consumer_lag_records", "records on the partition that are not applied yet", ("topic", "partition")),
    Metric(Gauge, "events_held", "keys in which records wait for their cause, a gap or unparking"),
    Metric(Gauge, "gaps_open", "keys in which a sequence number is missing for more than a minute"),
    Metric(Gauge, "outbox_pending", "documents with events that no record would publish again"),
    Metric(Gauge, "outbox_oldest_seconds", "age of the oldest of those"),
    Metric(Counter, "quarantined_total", "records set aside, by reason and source", ("reason", "source")),
    Metric(Gauge, "quarantine_depth", "records set aside, neither replayed nor dismissed"),
    Metric(Gauge, "parked_keys", "keys that stand still because of an error of ours"),
    Metric(Gauge, "partitions_stopped", "partitions, whoever reads them, that stand still after many errors of ours"),
    Metric(Gauge, "rules_refused", "1 while changed rules were refused and the last good ones stay in force"),
    Metric(Counter, "write_conflicts_total", "changes folded again after a lost race"),
    Metric(
        Gauge,
        "events_unseen",
        "records published a minute ago and not applied by a service that must; 0 where all is well, NaN while unknown",
        ("topic", "reader"),
    ),
    Metric(
        Histogram, "timer_lateness_seconds", "from when a timer was due to when it fired", (), (*_FAST, 10, 60, 600)
    ),
    Metric(Gauge, "timers_pending", "timers that are set"),
    Metric(Gauge, "timers_overdue", "timers that should have fired more than ten seconds ago"),
    Metric(Gauge, "clock_skew_seconds", "this machine's clock minus the database's"),
    Metric(Gauge, "cases_open", "cases not closed, by priority", ("priority",)),
    Metric(
        Histogram,
        "case_wait_seconds",
        "from queued to assigned, by pool",
        ("pool",),
        (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600),
    ),
    Metric(Histogram, "routing_decision_seconds", "time one matching of a pool takes", (), _FAST),
    Metric(
        Counter,
        "sla_targets_total",
        "promises on the clock that came to an end, by target and outcome: met, missed, corrected, late",
        ("target", "outcome"),
    ),
    Metric(
        Gauge,
        "escalations_open",
        "escalations not resolved and not withdrawn, by department and level",
        ("department", "level"),
    ),
    Metric(
        Gauge,
        "calendar_days_left",
        "days until a calendar of working time ends; renew it before it does",
        ("calendar",),
    ),
    Metric(Counter, "survey_answers_total", "surveys answered, by the mean of the stars, rounded", ("score",)),
    Metric(Counter, "notifications_total", "messages to people, by channel and outcome", ("channel", "outcome")),
    Metric(
        Histogram, "http_request_duration_seconds", "time to answer, by route", ("route", "method", "status"), _FAST
    ),
    Metric(Gauge, "build_info", "1, with what is running", ("version", "revision")),
)


class Metrics:
    """The metrics of one running service, each under its name without prefix and `_total`, label `service` set."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.service = service
        self._sources: set[str] = set()
        for metric in METRICS:
            setattr(self, metric.name.removesuffix("_total"), self._make(metric))

    def _make(self, metric: Metric) -> Any:
        extra = {"buckets": metric.buckets} if metric.buckets else {}
        made = metric.kind(
            PREFIX + metric.name, metric.meaning, ("service", *metric.labels), registry=self.registry, **extra
        )
        return made.labels(self.service) if not metric.labels else _Bound(made, self.service)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no metric is called {name}; see METRICS")

    def applied(self, type_: str, happened: datetime, now: datetime) -> None:
        self.events_applied.labels(type_).inc()
        self.event_age_seconds.observe(max(0.0, (now - happened).total_seconds()))

    def published(self, topic: str) -> None:
        self.events_published.labels(topic).inc()

    def quarantine(self, reason: str, source: str) -> None:
        """Sources are outsiders' words: only the first hundred get a series of their own."""
        if source not in self._sources and len(self._sources) >= MANY_SOURCES:
            source = "other"
        self._sources.add(source)
        self.quarantined.labels(reason, source).inc()


class _Bound:
    """A metric whose first label, the service, is set."""

    def __init__(self, metric: Any, service: str) -> None:
        self._metric, self._service = metric, service
        self._children: dict[tuple[str, ...], Any] = {}

    def labels(self, *values: object) -> Any:
        key = tuple(map(str, values))
        if key not in self._children:
            self._children[key] = self._metric.labels(self._service, *key)
        return self._children[key]

    def clear(self) -> None:
        """Forget every series."""
        self._metric.clear()
        self._children.clear()
