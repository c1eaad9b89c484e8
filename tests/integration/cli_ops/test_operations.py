"""What was set aside comes back by the operator's commands, through the service's own doors (CONTRACTS section 1)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.cli_ops.conftest import OURS, OUTSIDE, Run, Service
from tests.unit.shared.tally import Raw


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
    assert "--yes" in run("parked", "skip", "k", "--why", "a test").output
    assert f"would lose number.added 1 of {OURS}" in run("parked", "skip", "k", "--dry-run").output
    assert (service.total("k"), service.audit()) == (0, [])

    assert run("parked", "skip", "k", "--yes", "--why", "sent by a test").exit_code == 0
    assert service.total("k") == 10
    (line,) = listed(run, "audit", "list")
    assert [line[name] for name in ("by", "did", "what", "why", "became")] == [
        "olga", "parked skip", "k", "sent by a test", "flows",
    ]  # fmt: skip
    assert [(lost["number"], lost["data"]) for lost in line["lost"]] == [(1, {"n": 1, "broken": True})]


def test_a_gap_is_named_and_can_be_given_up(service: Service, run: Run) -> None:
    service.reads(ours(1, n=1), ours(4, n=4), ours(3, n=3))

    (row,) = listed(run, "parked", "list")
    assert row["why"] == f"{OURS} 2 has not come; 3 waits for it"
    assert listed(run, "parked", "list", "--reason", "Bug") == []

    assert f"would lose {OURS} 2" in run("parked", "skip", "k", "--dry-run").output
    assert run("parked", "skip", "--reason", "has not come", "--yes", "--why", "its writer is gone").exit_code == 0
    assert service.total("k") == 8
    assert listed(run, "audit", "list")[0]["lost"] == [{"topic": OURS, "first": 2, "last": 2}]


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
