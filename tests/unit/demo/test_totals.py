from pathlib import Path

import orjson

from demo.lines import line
from demo.tally import Seen
from demo.told import Told
from demo.totals import Outside, problems, totals, unfinished
from tests.unit.demo.seen import A, B, added, assigned, opened, sent, tally

LINES = [line(orjson.dumps({"source": s, "id": i, "channel": "chat", "text": "退款"})) for s, i in (A, B)]


def outside(*records: Seen, told: Told | None = None) -> Outside:
    """Both contacts fed and visible in the case of the first."""
    seen = Outside(LINES, tally(*records), told or Told(None), missing=[], fed=2)
    seen.cases = {A: "c1", B: "c1"}
    return seen


def outbox(tmp_path: Path, *ids: str) -> Told:
    file = tmp_path / "outbox.jsonl"
    told = Told(file)
    file.write_bytes(b"".join(orjson.dumps({"notification_id": id_}) + b"\n" for id_ in ids))
    told.read()
    return told


TOLD = sent("c1", 1, "n0")
ALL_WELL = (opened("c1", A), added("c1", B, 2), assigned("c1", number=1), TOLD)


def test_all_is_well_when_every_contact_is_in_one_case_and_every_case_has_an_agent() -> None:
    counted = totals(outside(*ALL_WELL))
    assert counted.ok
    assert (counted.fed, counted.cases, counted.joined, counted.repeats, counted.assigned) == (2, 1, 1, 0, 1)


def test_feeding_the_same_again_counts_repeats_only() -> None:
    counted = totals(outside())
    assert counted.ok
    assert (counted.fed, counted.cases, counted.joined, counted.repeats, counted.told) == (2, 0, 0, 2, 0)


def test_a_contact_in_no_case_is_named() -> None:
    seen = outside(opened("c1", A), assigned("c1", number=1))
    seen.missing, seen.cases = [B], {A: "c1"}
    counted = totals(seen)
    assert (counted.ok, counted.not_visible, counted.repeats) == (False, 1, 0)
    assert str(B) in counted.problems[0]


def test_a_contact_in_two_cases_is_named() -> None:
    seen = outside(*ALL_WELL)
    seen.cases[B] = "c2"
    assert [problem for problem in problems(seen) if "more than one case" in problem and "c1, c2" in problem]


def test_a_case_with_nobody_is_named() -> None:
    assert "c1" in problems(outside(*ALL_WELL[:2]))[0]


def test_records_that_could_not_be_fed_are_counted() -> None:
    seen = outside(*ALL_WELL)
    seen.fed = 1
    assert problems(seen)[0].startswith("1 records could not be fed")


def test_a_message_sent_twice_is_named(tmp_path: Path) -> None:
    seen = outside(*ALL_WELL, sent("c1", 2, "n1"), told=outbox(tmp_path, "n0", "n1", "n1"))
    assert problems(seen) == ["1 messages were sent twice: see the provider's file; for instance n1"]


def test_a_message_said_to_be_sent_that_the_provider_never_had_is_named(tmp_path: Path) -> None:
    seen = outside(*ALL_WELL, sent("c1", 2, "n1"), sent("c1", 3, "n2"), told=outbox(tmp_path, "n0", "n1"))
    assert [problem for problem in problems(seen) if problem.endswith("for instance n2")]


def test_nothing_is_judged_that_was_interrupted() -> None:
    counted = unfinished(outside(opened("c1", A)))
    assert (counted.ok, counted.interrupted, counted.cases, counted.repeats) == (False, True, 1, None)


def test_only_lines_written_since_the_start_were_told(tmp_path: Path) -> None:
    file = tmp_path / "outbox.jsonl"
    file.write_bytes(b'{"notification_id": "old"}\n')
    told = Told(file)
    with file.open("ab") as more:
        more.write(b'{"notification_id": "new"}\n{"notification_id": "half')
    assert told.read() == 1
    with file.open("ab") as more:
        more.write(b'-written"}\n')
    assert told.read() == 2
