"""The operator's screen: what the figures mean, and what to do about them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import orjson
import pytest
from prometheus_client import Gauge, generate_latest
from rich.console import Console
from typer.testing import CliRunner

from cli.doors import Door
from cli.main import app
from cli.remedies import SIGNS, ailments
from cli.signs import Figures, Health, Signs, parse
from cli.status import CANNOT_TELL, COLUMNS, NOT_WELL, Picture, as_items, screen
from deploy.local.ports import free_port
from deploy.local.services import SERVICES
from shared.metrics import METRICS, Metrics

TEXT = """\
# HELP switchboard_consumer_lag_records records on the partition that are not applied yet
# TYPE switchboard_consumer_lag_records gauge
switchboard_consumer_lag_records{partition="0",service="intake",topic="contacts.v1"} 4.0
switchboard_consumer_lag_records{partition="11",service="intake",topic="contacts.v1"} 1200.0
# TYPE switchboard_parked_keys gauge
switchboard_parked_keys{service="intake"} 2.0
# TYPE switchboard_events_applied_total counter
switchboard_events_applied_total{service="intake",type="contact.received"} 9.0
# TYPE switchboard_calendar_days_left gauge
switchboard_calendar_days_left{calendar="cn",service="intake"} 36.0
# TYPE switchboard_events_unseen gauge
switchboard_events_unseen{reader="routing",service="intake",topic="cases.v1"} 3.0
switchboard_events_unseen{reader="sla",service="intake",topic="cases.v1"} NaN
# TYPE switchboard_build_info gauge
switchboard_build_info{revision="437919abcdef0123",service="intake",version="0.1.0"} 1.0
# TYPE python_info gauge
python_info{version="3.11"} 1.0
"""
TOPIC = {"contacts.v1": 2}
READ = {("contacts.v1", 0): 0, ("contacts.v1", 1): 0}
HERE = Door("intake", "http://here")


def well(**gauges: float) -> Signs:
    return Signs(HERE, alive=True, ready=True, figures=Figures(gauges, READ))


def with_lag(lag: Mapping[tuple[str, int], int], owned: set[tuple[str, int]] | None = None) -> Signs:
    return Signs(HERE, True, True, figures=Figures({}, lag), owned=frozenset(owned) if owned is not None else None)


def told(*replicas: Signs) -> list[tuple[str, str]]:
    return [(one.what, one.remedy) for one in ailments(Health("intake", replicas), TOPIC)]


def shown(picture: Picture, terminal: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=200, force_terminal=terminal, highlight=False, markup=False).print(screen(picture))
    return out.getvalue()


def test_the_figures_of_a_service_are_read_from_what_it_shows_prometheus() -> None:
    figures = parse(TEXT)

    assert figures.gauges == {"parked_keys": 2}
    assert figures.lag == {("contacts.v1", 0): 4, ("contacts.v1", 11): 1200}
    assert figures.calendars == {"cn": 36}
    assert figures.unseen == {("cases.v1", "routing"): 3}, "what is not known is left out"
    assert figures.version == "0.1.0 (437919abc)"


@pytest.mark.parametrize("text", ["<html>hello</html>", 'switchboard_parked_keys{service="intake"} many'])
def test_what_is_no_metrics_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def test_where_all_is_well_nothing_is_to_be_done() -> None:
    assert told(well(parked_keys=0, outbox_oldest_seconds=2, clock_skew_seconds=-0.2, quarantine_depth=0)) == []


@pytest.mark.parametrize(
    ("gauge", "value", "what", "remedy"),
    [
        ("parked_keys", 2, "2 keys stand still", "switchboard parked list --service intake"),
        ("gaps_open", 1, "1 keys wait for an event", "switchboard parked list --service intake --reason"),
        ("quarantine_depth", 7, "7 records were set aside", "switchboard quarantine list --service intake"),
        ("outbox_oldest_seconds", 61, "an event waits for 61 s to be published", "switchboard topics check"),
        ("timers_overdue", 3, "3 timers should have fired", "switchboard partitions list --service intake"),
        ("rules_refused", 1, "changed rules were refused", "switchboard rules check DIR"),
        ("clock_skew_seconds", -1.5, "its clock is -1.5 s off", "timedatectl timesync-status"),
        ("partitions_stopped", 2, "2 partitions stopped", "switchboard partitions resume --all --service intake"),
    ],
)
def test_each_figure_that_is_not_well_names_one_command(gauge: str, value: float, what: str, remedy: str) -> None:
    ((said, do),) = told(well(**{gauge: value}))

    assert what in said
    assert remedy in do


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("this clock is +3.0 s off the database's", "timedatectl timesync-status"),
        ("the store can't be written: ServerSelectionTimeoutError", "SWITCHBOARD_MONGO"),
        ("stopping", "curl http://here/readyz"),
    ],
)
def test_a_service_that_is_not_ready_says_why_once_and_the_remedy_fits(why: str, remedy: str) -> None:
    not_ready = Signs(HERE, True, False, why, Figures({"clock_skew_seconds": 3.0}, READ))

    ((what, do), *more) = told(not_ready)

    assert what == f"http://here is not ready: {why}"
    assert remedy in do
    assert [w for w, _ in more] == ([] if "clock" in why else ["its clock is +3.0 s off the database's"])


def test_PF_4_refused_rules_are_told_with_file_and_line_as_the_replicas_say_them() -> None:
    figures, fault = Figures({"rules_refused": 1}, READ), "/rules/intake/words.yaml:3: words is there twice"
    refused = Signs(HERE, True, True, figures=figures, notes=(fault,))

    ((what, do),) = told(refused, refused)

    assert what == f"changed rules were refused, the last good ones stay: {fault}"
    assert do.startswith("switchboard rules check DIR")


class Noting(dict[str, float]):
    """Gauges that note which of them are asked for, and are all 1."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return True

    def __getitem__(self, name: str) -> float:
        self.asked.add(name)
        return 1.0

    def get(self, name: str, default: Any = None) -> Any:
        return self[name]


def test_every_gauge_that_the_screen_reads_is_one_that_services_export() -> None:
    gauges = Noting()
    health = Health("intake", (Signs(HERE, True, True, figures=Figures(gauges, READ)),))

    shown(Picture([health], ailments(health, TOPIC)))

    exported = {metric.name for metric in METRICS if metric.kind is Gauge and not metric.labels}
    assert gauges.asked >= {sign.gauge for sign in SIGNS} | {name for _, name in COLUMNS}
    assert gauges.asked <= exported


def test_what_a_service_exports_is_what_the_screen_reads() -> None:
    metrics = Metrics("intake")
    metrics.rules_refused.set(1)
    metrics.consumer_lag_records.labels("contacts.v1", 0).set(4)
    metrics.calendar_days_left.labels("cn").set(36)
    metrics.events_unseen.labels("cases.v1", "routing").set(3)
    metrics.build_info.labels("0.1.0", "unknown").set(1)

    figures = parse(generate_latest(metrics.registry).decode())

    assert figures.gauges["rules_refused"] == 1
    assert figures.unseen == {("cases.v1", "routing"): 3}
    assert (figures.lag, figures.calendars, figures.version) == ({("contacts.v1", 0): 4}, {"cn": 36}, "0.1.0")


def test_stopped_partitions_are_named_where_the_key_lets_us_see_them() -> None:
    stopped = frozenset({("contacts.v1", 1)})
    signs = Signs(HERE, True, True, "", Figures({"partitions_stopped": 1}, READ), frozenset(READ), stopped)

    ((what, do),) = told(signs)

    assert "contacts.v1/1" in what
    assert do.endswith("switchboard partitions resume contacts.v1/1 --service intake")


def test_a_stopped_partition_is_told_as_the_store_says_it_whatever_the_gauge_says() -> None:
    stopped = frozenset({("contacts.v1", 1)})
    signs = Signs(HERE, True, True, "", Figures({"partitions_stopped": 0}, READ), frozenset(READ), stopped)
    resumed = Signs(HERE, True, True, "", Figures({"partitions_stopped": 1}, READ), frozenset(READ))

    ((what, _),) = told(signs)

    assert what.startswith("1 partitions stopped after many errors of ours: contacts.v1/1")
    assert as_items(Picture([Health("intake", (signs,))], []))["services"][0]["partitions_stopped"] == 1
    assert told(resumed) == []


def test_many_waiting_records_are_told_with_the_worst_partition_and_few_are_not() -> None:
    assert told(with_lag({("contacts.v1", 0): 500, ("contacts.v1", 1): 500})) == []

    ((what, do),) = told(with_lag({("contacts.v1", 0): 4, ("contacts.v1", 1): 1200}))

    assert what == "1,204 records wait to be applied, most of them (1,200) on contacts.v1/1"
    assert do.startswith("switchboard status --watch")


def counting(unseen: Mapping[tuple[str, str], float]) -> Signs:
    return Signs(HERE, True, True, figures=Figures({}, READ, unseen=unseen))


def test_what_a_reader_has_not_applied_is_told_by_who_counts_it_and_once_for_all_replicas() -> None:
    ((what, do),) = told(counting({("cases.v1", "routing"): 3, ("cases.v1", "sla"): 0}), counting({}))

    assert what == "routing has not applied 3 records of cases.v1 that are more than a minute old"
    assert do.startswith("switchboard partitions list --service routing")


def test_what_waits_in_its_own_documents_is_counted_and_told_once_as_the_gap_it_is() -> None:
    figures = Figures({"gaps_open": 1}, READ, unseen={("cases.v1", "intake"): 2})

    ((what, _),) = told(Signs(HERE, True, True, figures=figures))

    assert what.startswith("1 keys wait for an event")


def test_partitions_that_no_replica_asked_reads_are_told() -> None:
    assert told(Signs(HERE, True, True))[0][0] == "reads nothing"

    ((what, do),) = told(with_lag({("contacts.v1", 0): 0}))

    assert what == "1 of 2 partitions of contacts.v1 are read by the replicas asked"
    assert "INTAKE_URL" in do


def test_the_lag_of_a_partition_is_told_by_whoever_reads_it_now() -> None:
    before = with_lag({("contacts.v1", 0): 9, ("contacts.v1", 1): 9000}, owned={("contacts.v1", 0)})
    now = with_lag({("contacts.v1", 1): 1}, owned={("contacts.v1", 1)})

    assert Health("intake", (before, now)).lag == {("contacts.v1", 0): 9, ("contacts.v1", 1): 1}


def test_replicas_share_a_store_so_its_figures_are_not_added_up() -> None:
    health = Health("intake", (well(parked_keys=2, partitions_stopped=1), well(parked_keys=2, partitions_stopped=2)))

    assert health.gauge("parked_keys") == 2
    assert health.partitions_stopped == 2
    assert health.gauge("timers_overdue") is None


def test_a_calendar_that_ends_within_a_month_is_told() -> None:
    signs = Signs(HERE, True, True, figures=Figures({}, READ, {"cn": 29, "de": 300}))

    assert [what for what, _ in told(signs)] == ["the calendar cn ends in 29 days"]


def test_exit_codes_tell_well_from_not_well_from_cannot_tell() -> None:
    healthy, silent = Health("intake", (well(),)), Health("intake", (Signs(HERE, why_not="refused"),))

    assert Picture([healthy], []).code == 0
    assert Picture([healthy, silent], ailments(silent, TOPIC)).code == NOT_WELL
    assert Picture([silent], ailments(silent, TOPIC)).code == CANNOT_TELL
    assert Picture([Health("intake")], ailments(Health("intake"), TOPIC)).code == CANNOT_TELL


def test_the_screen_shows_each_service_where_records_wait_and_what_to_do() -> None:
    lag = {("contacts.v1", n): n * 100 for n in range(12)} | {("work.v1", 0): 0}
    behind = Health("intake", (Signs(HERE, True, True, figures=Figures({"parked_keys": 2}, lag, version="0.1.0")),))
    silent = Health("notify", (Signs(Door("notify", "http://there"), why_not="Connection refused"),))
    picture = Picture([behind, silent], [*ailments(behind, {}), *ailments(silent, {})])

    lines = shown(picture).splitlines()

    assert next(line for line in lines if line.startswith("intake ")).split()[1:5] == [
        "http://here", "ready", "0.1.0", "6,600",
    ]  # fmt: skip
    assert any(line.split() == ["notify", "http://there", "no", "answer"] for line in lines)
    assert any("11: 1,100, 10: 1,000, 9: 900" in line for line in lines)
    assert not any("work.v1" in line for line in lines)
    assert "intake: 2 keys stand still after an error of ours" in lines
    assert "    switchboard parked list --service intake" in lines
    assert "notify: http://there does not answer: Connection refused" in lines


def test_colours_are_for_terminals_only() -> None:
    picture = Picture([Health("intake", (well(),))], [])

    assert "\x1b[" in shown(picture, terminal=True)
    assert "\x1b[" not in shown(picture)
    assert "all is well" in shown(picture)


def test_programs_get_the_same_as_json() -> None:
    health = Health("intake", (well(parked_keys=2),))

    items = as_items(Picture([health], ailments(health, TOPIC)))

    assert items["state"] == "not_well"
    assert items["services"][0]["parked_keys"] == 2
    assert items["services"][0]["lag"][0] == {"topic": "contacts.v1", "partition": 0, "records": 0}
    assert items["services"][0]["unseen"] == []
    assert items["to_do"][0]["remedy"] == "switchboard parked list --service intake"


def test_services_that_do_not_answer_are_lines_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVICES:
        monkeypatch.setenv(f"{name.upper()}_URL", f"http://127.0.0.1:{free_port(0)}")
    monkeypatch.setenv("SWITCHBOARD_KEY", "sb_none")

    told = CliRunner().invoke(app, ["status", "--json"])

    assert told.exit_code == CANNOT_TELL
    items = orjson.loads(told.output)
    assert [one["service"] for one in items["to_do"]] == list(SERVICES)
    assert all("does not answer" in one["what"] for one in items["to_do"])


@pytest.mark.parametrize("address", ["http://127.0.0.1:notaport", "nonsense"])
def test_an_address_that_is_none_is_a_line_too(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVICES:
        monkeypatch.setenv(f"{name.upper()}_URL", address)

    told = CliRunner().invoke(app, ["status"])

    assert told.exit_code == CANNOT_TELL
    assert f"{address} does not answer" in told.output
