"""What the operator's commands have in common: moments, pace, asking, order."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from cli.doors import Became, Doors, Pace, Work, agree, moment, natural, path_of
from cli.errors import CliError, NotKnown, Unfinished, Unreachable
from cli.main import app
from deploy.local.ports import free_port
from deploy.local.services import SERVICES

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
runner = CliRunner()


@pytest.fixture(autouse=True)
def an_address_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"http://127.0.0.1:{free_port(0)}"
    for name in SERVICES:
        monkeypatch.setenv(f"{name.upper()}_URL", address)
    monkeypatch.setenv("SWITCHBOARD_KEY", "sb_none")
    return address


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-22T08:00Z", NOW),
        ("2026-11-22T16:00+08:00", NOW),
        ("90m", datetime(2026, 11, 22, 6, 30, tzinfo=UTC)),
        ("8h", datetime(2026, 11, 22, 0, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 15, 8, tzinfo=UTC)),
    ],
)
def test_a_moment_is_said_with_its_zone_or_as_how_long_ago(said: str, meant: datetime) -> None:
    assert moment(said, NOW) == meant


@pytest.mark.parametrize("said", ["2026-11-22T08:00", "yesterday", "8x", ""])
def test_a_moment_that_may_mean_two_things_is_refused(said: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no moment"):
        moment(said, NOW)


def test_a_rate_spreads_the_steps() -> None:
    now, waited = [0.0], []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    pace = Pace(4, clock=lambda: now[0], wait=wait)
    for _ in range(3):
        pace.step()
    now[0] += 10
    pace.step()

    assert waited == [0.25, 0.25]


def test_without_a_rate_nothing_waits() -> None:
    def wait(_: float) -> None:
        raise AssertionError("waited")

    pace = Pace(None, clock=lambda: 0.0, wait=wait)
    for _ in range(3):
        pace.step()


def test_one_record_is_replayed_without_a_question_and_more_need_yes_where_nobody_can_answer() -> None:
    agree(1, "Replay 1 records?", yes=False)
    agree(2, "Replay 2 records?", yes=True)
    with pytest.raises(CliError, match="say --yes"):
        agree(2, "Replay 2 records?", yes=False)
    with pytest.raises(CliError, match="say --yes"):
        agree(1, "Give up one record for good?", yes=False, freely=0)


def test_places_stand_in_the_order_of_their_numbers() -> None:
    places = ["work.v1/2/10", "contacts.v1/10/1", "contacts.v1/2/9", "work.v1/2/9"]

    assert sorted(places, key=natural) == ["contacts.v1/2/9", "contacts.v1/10/1", "work.v1/2/9", "work.v1/2/10"]


def test_a_key_with_a_slash_stays_one_part_of_an_address() -> None:
    assert path_of("parked", "a/b", "skip") == "/v1/parked/a%2Fb/skip"
    assert path_of("quarantine", "contacts.v1/0/7", keep="/") == "/v1/quarantine/contacts.v1/0/7"


def test_where_a_service_is_away_the_rest_of_its_records_is_not_tried(capsys: pytest.CaptureFixture[str]) -> None:
    tried = []

    def away() -> Became:
        tried.append("intake")
        raise Unreachable("intake", "http://there", ConnectionRefusedError("refused"))

    def refused() -> Became:
        raise CliError("not this one")

    work = Work(Pace(None))
    work.do("intake", "a", away)
    work.do("intake", "b", away)
    work.do("routing", "c", refused)
    work.do("routing", "d", lambda: Became("routing", "d", True, "applied"))

    assert tried == ["intake"]
    assert [(r.what, r.done, r.became) for r in work.results] == [
        ("a", False, "not tried"), ("b", False, "not tried"), ("c", False, "refused"), ("d", True, "applied"),
    ]  # fmt: skip
    with pytest.raises(Unfinished, match="3 of 4 not replayed"):
        work.tell("replayed", as_json=True)
    assert '"became": "applied"' in capsys.readouterr().out


@pytest.fixture
def an_address_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """It takes what it is asked, and that is all."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("INTAKE_URL", address)
        yield address


def test_what_became_of_a_step_that_was_not_answered_is_not_known(an_address_that_never_answers: str) -> None:
    doors, work = Doors("intake", timeout=0.05), Work(Pace(None))
    (door,) = doors.services

    def step() -> Became:
        doors.post(door, "/v1/parked/a/skip")
        return Became("intake", "a", True, "flows")

    work.do("intake", "a", step)
    work.do("intake", "b", step)

    assert [(r.what, r.done, r.became) for r in work.results] == [("a", False, "not known"), ("b", False, "not tried")]
    assert work.results[0].why == (
        f"intake at {an_address_that_never_answers} did not answer (timed out); it may have been done: look again"
    )


@pytest.mark.parametrize("dry_run", [True, None])
def test_what_is_only_looked_at_and_not_answered_is_not_tried(
    an_address_that_never_answers: str, dry_run: bool | None
) -> None:
    doors = Doors("intake", timeout=0.05)
    (door,) = doors.services

    with pytest.raises(Unreachable) as told:
        doors.post(door, "/v1/parked/a/skip", dry_run=True) if dry_run else doors.get(door, "/v1/parked")
    assert not isinstance(told.value, NotKnown)


def test_where_nothing_listens_nothing_was_done(an_address_where_nothing_answers: str) -> None:
    doors = Doors("intake")
    (door,) = doors.services

    with pytest.raises(Unreachable) as told:
        doors.post(door, "/v1/parked/a/skip")
    assert not isinstance(told.value, NotKnown)


@pytest.mark.parametrize(
    "words", [["quarantine", "list"], ["quarantine", "show", "a/0/1"], ["parked", "list"], ["partitions", "list"]]
)
def test_a_service_that_does_not_answer_is_named_with_its_address_and_what_to_do(
    words: list[str], an_address_where_nothing_answers: str
) -> None:
    told = runner.invoke(app, words)

    assert told.exit_code == 1
    assert f"intake at {an_address_where_nothing_answers} is not reachable" in told.output
    assert "`make up`" in told.output
    assert "INTAKE_URL" in told.output


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["quarantine", "replay"], "say which: ids, a filter such as --reason, or --all"),
        (["quarantine", "replay", "a/0/1", "--reason", "bad_json"], "either ids or filters"),
        (["quarantine", "dismiss", "--why", "a test"], "say which: ids, a filter such as --reason, or --all"),
        (["quarantine", "dismiss", "--all", "--yes"], "what is dismissed wants a reason: --why"),
        (["parked", "replay"], "say which: keys, a filter such as --reason, or --all"),
        (["parked", "skip", "k", "--all"], "only one of these"),
        (["partitions", "resume"], "say which: topic/partition, or --all"),
        (["quarantine", "list", "--service", "billing"], "--service 'billing' is not one of intake"),
    ],
)
def test_a_command_that_does_not_say_which_does_nothing(words: list[str], line: str) -> None:
    told = runner.invoke(app, words)

    assert told.exit_code == 1
    assert line in told.output
