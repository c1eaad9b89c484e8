"""CONTRACTS section 6: names that dashboards and alerts rely on."""

import pytest
from prometheus_client import Counter, generate_latest

from shared.metrics import MANY_SOURCES, METRICS, PREFIX, Metrics
from tests.unit.shared.tally import T0

CONTRACT = {
    "events_applied_total": ("type",),
    "events_repeated_total": (),
    "events_unknown_total": ("type",),
    "events_published_total": ("topic",),
    "event_age_seconds": (),
    "consumer_lag_records": ("topic", "partition"),
    "events_held": (),
    "gaps_open": (),
    "outbox_pending": (),
    "outbox_oldest_seconds": (),
    "quarantined_total": ("reason", "source"),
    "quarantine_depth": (),
    "parked_keys": (),
    "partitions_stopped": (),
    "rules_refused": (),
    "write_conflicts_total": (),
    "events_unseen": ("topic", "reader"),
    "timer_lateness_seconds": (),
    "timers_pending": (),
    "clock_skew_seconds": (),
    "cases_open": ("priority",),
    "case_wait_seconds": ("pool",),
    "routing_decision_seconds": (),
    "sla_targets_total": ("target", "outcome"),
    "escalations_open": ("department", "level"),
    "notifications_total": ("channel", "outcome"),
    "survey_answers_total": ("score",),
    "http_request_duration_seconds": ("route", "method", "status"),
    "build_info": ("version", "revision"),
}


def test_every_metric_of_the_contract_is_there_with_its_labels() -> None:
    there = {metric.name: metric.labels for metric in METRICS}
    assert {name: labels for name, labels in there.items() if name in CONTRACT} == CONTRACT


def test_each_metric_is_named_once_and_explained() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.meaning for metric in METRICS)
    assert all(metric.name.endswith("_total") == (metric.kind is Counter) for metric in METRICS)


def test_what_is_exported_has_prefix_and_service() -> None:
    metrics = Metrics("routing")
    metrics.applied("case.opened", T0, T0)
    metrics.published("cases.v1")
    text = generate_latest(metrics.registry).decode()
    assert f'{PREFIX}events_applied_total{{service="routing",type="case.opened"}} 1.0' in text
    assert f'{PREFIX}events_published_total{{service="routing",topic="cases.v1"}} 1.0' in text


def test_sources_that_outsiders_invent_do_not_grow_without_end() -> None:
    metrics = Metrics("intake")
    for i in range(MANY_SOURCES + 50):
        metrics.quarantine("bad_json", f"source-{i}")
    lines = [
        line
        for line in generate_latest(metrics.registry).decode().splitlines()
        if line.startswith(f"{PREFIX}quarantined_total")
    ]
    assert len(lines) == MANY_SOURCES + 1
    assert any('source="other"' in line and line.endswith(" 50.0") for line in lines)


def test_a_metric_that_is_not_on_the_list_can_not_be_used() -> None:
    with pytest.raises(AttributeError, match="no metric is called made_up"):
        Metrics("intake").made_up.inc()
