"""The ledger sees what it is there to see: each kind of wrong once, and nothing where nothing is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiokafka import TopicPartition

from tests.e2e.house import Said
from tests.faults.ledger import Books, Verdict, judge, not_applied

CONTACT = ("phone", "c1")
READS = {"routing": {"cases.v1"}}
OPENED = {"contact": {"source": "phone", "id": "c1"}, "number": "7KQ4-M2XD", "revision": 1}
MISSED = {"target": "first_response", "nth": 1, "due_at": "2026-11-26T10:00:00.000Z", "escalation_id": None}
WRITERS = {"cases.v1": "intake", "assignments.v1": "routing", "sla.v1": "sla", "notifications.v1": "notify"}


class Topics:
    """Written by hand, read like the real ones."""

    def __init__(self) -> None:
        self.books = Books()
        self.told: list[dict[str, Any]] = []

    def say(self, type_: str, topic: str = "cases.v1", *, seq: int = 1, case: str = "A", after: str = "",
            time: str = "2026-11-26T09:00:00.000Z", at: int = 1000, **data: Any) -> Topics:  # fmt: skip
        headers = {
            "ce_id": f"{topic}/{case}/{seq}", "ce_type": type_, "ce_subject": case, "ce_sequence": str(seq),
            "ce_time": time, "ce_source": WRITERS[topic], "ce_after": after,
        }  # fmt: skip
        raw = tuple((name, value.encode()) for name, value in headers.items())
        value = json.dumps({"case_id": case, **data}).encode()
        self.books.take(Said(topic, 0, 0, case.encode(), value, raw, at))
        return self

    def opened(self, case: str = "A", **more: Any) -> Topics:
        self.say("case.opened", case=case, **OPENED, **more)
        told: dict[str, Any] = {"cause": f"cases.v1/{case}/1", "template": {"id": "received"}}
        return self.say("notification.suppressed", "notifications.v1", case=case, at=1001, **told)

    def verdict(self, **seen: int) -> Verdict:
        applied = [{"_id": case, "seen": {"cases.v1": number}} for case, number in ({"A": 1} | seen).items()]
        unapplied = not_applied(self.books.given([CONTACT]), {"routing": applied}, READS)
        return judge(self.books, self.books.page, self.told, [CONTACT], unapplied)


def test_a_contact_in_one_case_that_all_have_applied_is_sound() -> None:
    assert Topics().opened().verdict() == Verdict()


def test_the_books_know_how_far_they_have_read() -> None:
    books = Topics().opened().books
    opened, sent = TopicPartition("cases.v1", 0), TopicPartition("notifications.v1", 0)

    assert books.has_read({opened: 1, sent: 1, TopicPartition("sla.v1", 0): 0})
    assert not books.has_read({opened: 2, sent: 1})


def test_a_contact_in_no_case_is_lost() -> None:
    assert Topics().verdict().lost == ["contact ('phone', 'c1') is in no case"]


def test_an_event_that_a_reader_has_not_applied_is_lost() -> None:
    topics = Topics().opened().say("case.noted", seq=2)

    assert topics.verdict(A=1).lost == ["routing has applied 1 of 2 on cases.v1 of A"]
    assert topics.verdict(A=2).lost == []


def test_an_opened_case_of_which_nobody_was_told_anything_is_lost() -> None:
    assert Topics().say("case.opened", **OPENED).verdict().lost == ["case.opened of A has 0 outcomes"]


def test_a_contact_in_two_cases_is_duplicated() -> None:
    assert Topics().opened("A").opened("B").verdict(B=1).duplicated == ["contact ('phone', 'c1') is in ['A', 'B']"]


def test_a_number_with_two_contents_is_duplicated_and_a_repeat_is_not() -> None:
    topics = Topics().opened().opened()
    assert topics.verdict() == Verdict()

    topics.say("case.opened", **OPENED, text="other")
    assert topics.verdict().duplicated == ["cases.v1 of A: number 1 was given to two events"]


def test_a_case_that_goes_to_a_second_agent_while_the_first_has_it_is_duplicated() -> None:
    topics = Topics().opened()
    for seq, agent in enumerate(("Z1", "Z2"), 1):
        topics.say("case.assigned", "assignments.v1", seq=seq, agent_id=agent)

    assert topics.verdict().duplicated == ["A went to Z2 while Z1 had it"]


def test_a_gap_is_inverted() -> None:
    assert Topics().opened().say("case.noted", seq=3).verdict(A=3).inverted == ["cases.v1 of A: 3 came after 1"]


@pytest.mark.parametrize(
    ("after", "at", "said"),
    [
        ("cases.v1=2", 1000, ["assignments.v1 1 of A rests on cases.v1=2, which never appeared"]),
        ("cases.v1=1", 999, ["assignments.v1 1 of A was published before its cause cases.v1=1"]),
        ("cases.v1=1", 1000, []),
    ],
)
def test_an_effect_without_its_cause_or_before_it_is_inverted(after: str, at: int, said: list[str]) -> None:
    topics = Topics().opened().say("case.queued", "assignments.v1", after=after, at=at)

    assert topics.verdict().inverted == said


def test_a_promise_that_is_called_missed_before_it_is_due_is_inverted() -> None:
    topics = Topics().opened().say("target.missed", "sla.v1", time="2026-11-26T09:59:59.999Z", **MISSED)

    (said,) = topics.verdict().inverted
    assert said.startswith("first_response of A was called missed at 2026-11-26T09:59:59.999Z")


def test_a_miss_of_what_was_kept_in_time_is_inverted_until_it_is_corrected() -> None:
    topics = Topics().opened().say("case.responded", seq=2, time="2026-11-26T09:30:00.000Z")
    topics.say("target.missed", "sla.v1", time="2026-11-26T10:00:00.100Z", **MISSED)
    (said,) = topics.verdict(A=2).inverted
    assert said.endswith("and called missed")

    topics.say("target.met", "sla.v1", seq=2, target="first_response", nth=1, corrected=True)
    assert topics.verdict(A=2).inverted == []
