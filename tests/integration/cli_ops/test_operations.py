"""What was set aside comes back by the operator's commands, through the service's own doors (CONTRACTS section 1)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cli.doors import Doors
from cli.errors import CliError
from shared.fold import Change
from tests.integration.cli_ops.conftest import OURS, OUTSIDE, Run, Service
from tests.unit.shared.tally import Raw, fail


def outside(offset: int, key: str = "k", **data: Any) -> Raw:
    return Raw(topic=OUTSIDE, offset=offset, key=key.encode(), value=json.dumps(data).encode())


def ours(sequence: int, key: str = "k", **data: Any) -> Raw:
    said = {"type": "number.added", "subject": key, "id": f"{key}-{sequence}", "time": "2026-11-22T08:00:00.000Z"}
    headers = [(f"ce_{name}", value.encode()) for name, value in {**said, "sequence": str(sequence)}.items()]
    record = outside(sequence, key, **data)
    return replace(record, topic=OURS, headers=tuple(headers))


def garbage(offset: int) -> Raw:
    return Raw(topic=OUTSIDE, offset=offset, value=b"\xff\x00{", headers=(("x-odd", b"\xfe"),))


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    told = run(*words, "--json")
    assert told.exit_code == 0, told.output
    rows: list[dict[str, Any]] = json.loads(told.stdout)
    return rows


def test_a_record_set_aside_is_listed_and_shown_readable(service: Service, run: Run) -> None:
    service.reads(garbage(10), outside(9, n="many"), garbage(11))

    rows = listed(run, "quarantine", "list")
    assert [(row["service"], row["id"], row["reason"]) for row in rows] == [
        ("intake", f"{OUTSIDE}/0/9", "invalid"),
        ("intake", f"{OUTSIDE}/0/10", "bad_headers"),
        ("intake", f"{OUTSIDE}/0/11", "bad_headers"),
    ]
    table = run("quarantine", "list").stdout
    assert f"{OUTSIDE}/0/9" in table
    assert "n: Input should be a valid integer" in table

    shown = run("quarantine", "show", f"{OUTSIDE}/0/10")
    assert shown.exit_code == 0
    assert "header   x-odd: hex fe" in shown.stdout
    assert "value\nhex ff007b" in shown.stdout
    assert '{"n": "many"}' in run("quarantine", "show", f"{OUTSIDE}/0/9").stdout


def test_a_refused_record_comes_back_once_what_was_wrong_is_mended(service: Service, run: Run) -> None:
    service.trouble.refuses = True
    service.reads(outside(1, n=5, wrong=True))
    place = f"{OUTSIDE}/0/1"

    still = run("quarantine", "replay", place)
    assert still.exit_code == 1
    assert "stays in quarantine" in still.output
    assert "wrong: send something else" in still.output
    assert "1 of 1 not replayed" in still.output

    service.trouble.refuses = False
    assert run("quarantine", "replay", place).exit_code == 0
    assert service.total("k") == 5
    assert listed(run, "quarantine", "list") == []
    assert [row["id"] for row in listed(run, "quarantine", "list", "--status", "replayed")] == [place]
    assert service.audit() == [("olga", "quarantine replay", place)] * 2


def test_a_dry_run_says_what_would_become_of_each_and_changes_nothing(service: Service, run: Run) -> None:
    service.trouble.refuses = True
    service.reads(outside(1, "a", n=5, wrong=True), garbage(2))

    before = run("quarantine", "replay", "--all", "--dry-run")
    service.trouble.refuses = False
    after = json.loads(run("quarantine", "replay", "--all", "--dry-run", "--json").stdout)

    assert before.exit_code == 1
    assert "2 of 2 not replayable" in before.output
    assert [(row["done"], row["became"]) for row in after] == [(True, "would be taken in"), (False, "would stay")]
    assert service.total("a") == 0
    assert len(listed(run, "quarantine", "list")) == 2
    assert service.audit() == []


def test_several_are_replayed_only_when_agreed_and_each_says_what_became_of_it(service: Service, run: Run) -> None:
    service.trouble.refuses = True
    service.reads(outside(1, "a", n=1, wrong=True), garbage(2), outside(3, "b", n=2, wrong=True))
    service.trouble.refuses = False

    refused = run("quarantine", "replay", "--all")
    assert refused.exit_code == 1
    assert "--yes" in refused.output
    assert service.total("a") == 0

    told = run("quarantine", "replay", "--all", "--yes", "--rate", "1000", "--json")
    rows = json.loads(told.stdout)
    assert told.exit_code == 1
    assert [(row["what"][-1], row["done"], row["became"]) for row in rows] == [
        ("1", True, "applied"), ("2", False, "stays in quarantine"), ("3", True, "applied"),
    ]  # fmt: skip
    assert rows[1]["why"].startswith("bad_headers: ")
    assert (service.total("a"), service.total("b")) == (1, 2)


def test_a_record_that_is_left_as_it_is_is_kept_and_waits_no_more(service: Service, run: Run) -> None:
    service.reads(garbage(1), garbage(2), outside(3, n="many"))
    odd = ("quarantine", "dismiss", "--reason", "bad_headers")

    assert "--why" in run(*odd, "--yes").output
    assert "--yes" in run(*odd, "--why", "a scan").output
    dry = run(*odd, "--dry-run")
    assert (dry.exit_code, dry.output.count("would be dismissed")) == (0, 2)
    assert (len(listed(run, "quarantine", "list")), service.audit()) == (3, [])

    assert run(*odd, "--yes", "--rate", "1000", "--why", "a scan of the port").exit_code == 0
    assert [row["id"] for row in listed(run, "quarantine", "list")] == [f"{OUTSIDE}/0/3"]
    left = [row["id"] for row in listed(run, "quarantine", "list", "--status", "dismissed")]
    assert left == [f"{OUTSIDE}/0/1", f"{OUTSIDE}/0/2"]
    lines = [[line[name] for name in ("by", "did", "what", "why", "became")] for line in listed(run, "audit", "list")]
    assert lines == [["olga", "quarantine dismiss", id_, "a scan of the port", "dismissed"] for id_ in left]
    again = run("quarantine", "dismiss", left[0], "--why", "twice")
    assert (again.exit_code, "it was replayed or dismissed already" in again.output) == (1, True)


def test_what_was_dismissed_can_still_be_taken_in(service: Service, run: Run) -> None:
    service.trouble.refuses = True
    service.reads(outside(1, n=5, wrong=True))
    place = f"{OUTSIDE}/0/1"
    assert run("quarantine", "dismiss", place, "--why", "too late").exit_code == 0
    service.trouble.refuses = False

    assert run("quarantine", "replay", place).exit_code == 0

    assert service.total("k") == 5
    assert [row["id"] for row in listed(run, "quarantine", "list", "--status", "replayed")] == [place]


def test_a_record_that_was_refused_after_waiting_is_not_decided_anew_when_it_is_read_again(
    service: Service, run: Run
) -> None:
    service.trouble.breaks = service.trouble.refuses = True
    late = outside(7, n=5, wrong=True)
    service.reads(ours(1, n=1, broken=True), late)
    service.trouble.breaks = False
    run("parked", "replay", "k")
    assert [row["id"] for row in listed(run, "quarantine", "list")] == [f"{OUTSIDE}/0/7"]

    service.trouble.refuses = False
    service.reads(late)

    assert service.total("k") == 1
    assert run("quarantine", "replay", "--all").exit_code == 0
    assert service.total("k") == 6


def test_a_replayed_record_that_waits_and_is_refused_then_is_back(service: Service, run: Run) -> None:
    service.trouble.refuses = True
    service.reads(outside(7, n=5, wrong=True))
    service.trouble.breaks = True
    service.reads(ours(1, n=1, broken=True))
    assert run("quarantine", "replay", "--all").exit_code == 0
    assert listed(run, "quarantine", "list") == []

    service.trouble.breaks = False
    run("parked", "replay", "k")

    assert [row["id"] for row in listed(run, "quarantine", "list")] == [f"{OUTSIDE}/0/7"]


@pytest.mark.parametrize(
    ("filters", "offsets"),
    [
        (("--reason", "bad_json"), [3]),
        (("--source", "crm"), [2]),
        (("--key", "a"), [1]),
        (("--after", "1h"), [1, 2, 3]),
        (("--before", "1h"), []),
    ],
)
def test_records_are_chosen_by_reason_source_key_and_time(
    service: Service, run: Run, filters: tuple[str, str], offsets: list[int]
) -> None:
    service.reads(
        outside(1, "a", n="x", source="app"), outside(2, n="x", source="crm"), Raw(OUTSIDE, offset=3, value=b"{")
    )

    found = [int(row["id"].rpartition("/")[2]) for row in listed(run, "quarantine", "list", *filters)]

    assert found == offsets


def test_an_id_that_is_nowhere_is_named(service: Service, run: Run) -> None:
    told = run("quarantine", "show", "numbers.v1/0/99")

    assert told.exit_code == 1
    assert "numbers.v1/0/99 is in no quarantine; `switchboard quarantine list` names what is there" in told.output


def test_a_parked_key_flows_again_with_all_that_waited_in_order(service: Service, run: Run) -> None:
    service.trouble.breaks = True
    service.reads(ours(1, n=1, broken=True), ours(2, n=10), outside(1, "other", n=7))

    (row,) = listed(run, "parked", "list")
    assert (row["key"], row["in"], len(row["waiting"])) == ("k", "tallies", 2)
    assert row["why"] == "Bug: ours"
    assert service.total("other") == 7

    dry = run("parked", "replay", "k", "--dry-run")
    assert (dry.exit_code, "would stand still" in dry.output) == (1, True)
    still = run("parked", "replay", "k")
    assert (still.exit_code, "stands still" in still.output, "Bug: ours" in still.output) == (1, True, True)

    service.trouble.breaks = False
    assert run("parked", "replay", "k", "--dry-run").exit_code == 0
    assert service.total("k") == 0
    assert run("parked", "replay", "k").exit_code == 0
    assert service.total("k") == 11
    assert listed(run, "parked", "list") == []


def test_the_record_that_parked_a_key_can_be_given_up_but_never_without_yes(service: Service, run: Run) -> None:
    service.trouble.breaks = True
    service.reads(ours(1, n=1, broken=True), ours(2, n=10))

    assert "--why" in run("parked", "skip", "k", "--yes").output
    asked = run("parked", "skip", "k", "--why", "a test").output
    assert f"On k, give up number.added 1 of {OURS} for good?" in asked
    assert "--yes" in asked
    assert f"would lose number.added 1 of {OURS}" in run("parked", "skip", "k", "--dry-run").output
    assert (service.total("k"), service.audit()) == (0, [])

    assert run("parked", "skip", "k", "--yes", "--why", "sent by a test").exit_code == 0
    assert service.total("k") == 10
    (line,) = listed(run, "audit", "list")
    assert [line[name] for name in ("by", "did", "what", "why", "became")] == [
        "olga", "parked skip", "k", "sent by a test", "flows",
    ]  # fmt: skip
    assert [(lost["number"], lost["data"]) for lost in line["lost"]] == [(1, {"n": 1, "broken": True})]


def test_a_gap_is_named_and_can_be_given_up_once_it_is_a_minute_old(service: Service, run: Run) -> None:
    service.reads(ours(1, n=1), ours(4, n=4), ours(3, n=3))

    (row,) = listed(run, "parked", "list")
    assert row["why"] == f"{OURS} 2 has not come"
    assert listed(run, "parked", "list", "--reason", "Bug") == []
    for words in (("--dry-run",), ("--yes", "--why", "a test")):
        told = run("parked", "skip", "k", *words)
        assert (told.exit_code, "refused" in told.output, "may be on its way" in told.output) == (1, True, True)
    assert listed(run, "audit", "list")[0]["became"].startswith("failed: Refused")

    service.later = timedelta(minutes=1)
    assert f"would lose {OURS} 2" in run("parked", "skip", "k", "--dry-run").output
    assert run("parked", "skip", "--reason", "has not come", "--yes", "--why", "its writer is gone").exit_code == 0
    assert service.total("k") == 8
    assert listed(run, "audit", "list")[-1]["lost"] == [{"topic": OURS, "first": 2, "last": 2}]


def test_what_is_given_up_is_what_was_looked_at_or_nothing(service: Service, run: Run) -> None:
    service.trouble.breaks = True
    service.reads(ours(1, n=1, broken=True), ours(2, n=2, broken=True))
    looked_at = f"number.added 1 of {OURS}"
    skip = ("parked", "skip", "k", "--yes", "--why", "a test", "--expect", looked_at)

    assert f"would lose {looked_at}" in run("parked", "skip", "k", "--dry-run", "--expect", looked_at).output
    assert "stands still" in run(*skip).output
    again = run(*skip)

    assert again.exit_code == 1
    assert f"first in its way is number.added 2 of {OURS}, not {looked_at}" in again.output
    assert len(listed(run, "audit", "list")) == 1


def test_a_door_gives_up_nothing_that_was_not_named_to_it(service: Service, run: Run) -> None:
    service.trouble.breaks = True
    service.reads(ours(1, n=1, broken=True))
    doors = Doors("intake")
    (door,) = doors.services

    for named in ({}, {"event": "another"}, {"topic": OURS, "first": 1, "last": 1}):
        with pytest.raises(CliError, match=r"first in the way of k is record k-1, not .*; nothing was"):
            doors.post(door, "/v1/parked/k/skip", why="a test", **named)
    (row,) = listed(run, "parked", "list")
    assert row["blocked_by"] == {"event": "k-1"}
    assert doors.post(door, "/v1/parked/k/skip", why="a test", event="k-1")["flows"]


@pytest.mark.parametrize("command", [("replay",), ("skip", "--yes")])
def test_a_key_that_its_timer_parked_is_said_to_stand_again_if_the_timer_fails_again(
    service: Service, run: Run, command: tuple[str, ...]
) -> None:
    store = service.running.parts.stores[0]
    service.reads(ours(1, n=1))
    service.do(store.apply([Change("k", fail, "timer", timer=True)]))
    told = "its timer is tried next; if it fails again, the key stands again"

    dry = run("parked", command[0], "k", "--dry-run")
    done = run("parked", command[0], "k", *command[1:], "--why", "mended")

    assert (dry.exit_code, told in dry.output) == (0, True)
    assert (done.exit_code, told in done.output) == (0, True)
    assert listed(run, "audit", "list")[0]["became"] == "flows; its timer is tried next"


def test_of_a_key_that_a_record_parked_no_timer_is_told(service: Service, run: Run) -> None:
    service.trouble.breaks = True
    service.reads(ours(1, n=1, broken=True))
    service.trouble.breaks = False

    assert "timer" not in run("parked", "replay", "k", "--dry-run").output
    assert "timer" not in run("parked", "replay", "k").output


def test_a_key_that_flows_cannot_be_replayed(service: Service, run: Run) -> None:
    service.reads(ours(1, n=1))

    told = run("parked", "replay", "k")

    assert told.exit_code == 1
    assert "k does not stand still" in told.output


def test_a_stopped_partition_goes_on_when_told(service: Service, run: Run) -> None:
    service.trouble.breaks = True
    service.reads(*[ours(1, f"k{number}", n=1, broken=True) for number in range(21)])

    rows = {row["topic"]: row["state"] for row in listed(run, "partitions", "list")}
    assert rows == {OUTSIDE: "reading", OURS: "stopped"}
    assert [row["topic"] for row in listed(run, "partitions", "list", "--stopped")] == [OURS]
    assert "numbers.v1/0 has not stopped" in run("partitions", "resume", f"{OUTSIDE}/0").output

    assert run("partitions", "resume", "--all", "--dry-run").exit_code == 0
    assert (OURS, 0) in service.consumer.paused
    assert service.audit() == []
    assert run("partitions", "resume", f"{OURS}/0", "--why", "mended in 0.1.1").exit_code == 0
    service.do(service.running.bus.heed_stops(service.consumer))
    assert service.consumer.paused == set()
    assert service.audit() == [("olga", "partition resume", f"{OURS}/0")]


def test_a_partition_whose_reader_is_away_is_told_and_resumed_over_another_replica(
    service: Service, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.trouble.breaks = True
    service.reads(*[ours(1, f"k{number}", n=1, broken=True) for number in range(21)])
    service.running.ownership.assign([(OUTSIDE, 0)])
    monkeypatch.setenv("INTAKE_URL", f"http://127.0.0.1:9,{service.address}")

    told = run("partitions", "list", "--stopped", "--json")
    (row,) = json.loads(told.stdout)
    assert (row["topic"], row["owned"], row["address"]) == (OURS, False, "")
    assert "127.0.0.1:9 is not reachable" in told.stderr
    assert run("partitions", "resume", "--all").exit_code == 0
    assert service.do(service.running.bus.stops.load()) == {}


def test_the_audit_trail_is_told_by_who_what_and_when(service: Service, run: Run) -> None:
    service.reads(garbage(1), garbage(2))
    run("quarantine", "replay", "--all", "--yes", "--why", "just to see")

    lines = listed(run, "audit", "list")
    assert [(line["what"], line["became"], line["why"]) for line in lines] == [
        (f"{OUTSIDE}/0/{offset}", "stays in quarantine", "just to see") for offset in (1, 2)
    ]
    assert [line["what"] for line in listed(run, "audit", "list", "--what", f"{OUTSIDE}/0/2")] == [f"{OUTSIDE}/0/2"]
    assert listed(run, "audit", "list", "--by", "nobody") == listed(run, "audit", "list", "--before", "1h") == []
    assert len(listed(run, "audit", "list", "--after", "1h", "--did", "quarantine replay")) == 2


def test_a_key_that_may_not_is_told_which_may(service: Service, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_KEY", "sb_unknown")

    told = run("quarantine", "list")

    assert told.exit_code == 1
    assert "this access key is not known" in told.output
    assert "switchboard keys create NAME --role admin" in told.output
