"""The second half of the circle, as the topics tell it: promises missed, departments called, customers asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import Any, TypedDict

Clock = tuple[str, str, int]
TOLD = frozenset({"case.opened", "case.resolved", "survey.requested", "improvement.opened"})
"""Of each of these somebody is told, or it is said why not."""


class Counts(TypedDict):
    """`escalated`: chains of escalation. `surveyed`: surveys asked. `improved`: improvement cases opened."""

    reminded: int
    missed: int
    escalated: int
    surveyed: int
    improved: int


class Circle:
    """Events of every case that was seen; whoever asks names the cases that count.

    `closed`: by case, when an agent closed it (seconds). `undone`: by case, how often it was opened again after that.
    `surveys`: by case, the surveys asked.
    `missed`: by clock (case, target, nth), the escalation that it is said to have raised.
    """

    def __init__(self) -> None:
        self.reminded: Counter[str] = Counter()
        self.missed: dict[Clock, str | None] = {}
        self.raised: Counter[str] = Counter()
        self.level: dict[str, int] = {}
        self.case_of: dict[str, str] = {}
        self.answers: Counter[str] = Counter()
        self.closed: defaultdict[str, list[float]] = defaultdict(list)
        self.undone: Counter[str] = Counter()
        self._over: set[str] = set()
        self.surveys: defaultdict[str, set[str]] = defaultdict(set)
        self.bad: dict[str, str] = {}
        self.improvements: Counter[str] = Counter()
        self._to_tell: dict[str, tuple[str, str]] = {}
        self._told_of: set[str] = set()

    def add(self, type_: str, case: str, data: Mapping[str, Any], at: float, id_: str = "") -> None:
        """`id_`: of the event; what became of a message names the event that it tells of."""
        if type_ in TOLD:
            self._to_tell[id_] = type_, case
        match type_:
            case "notification.sent" | "notification.suppressed" | "notification.failed" | "notification.unknown":
                self._told_of.add(str(data["cause"]))
            case "case.closed" if data["how"] == "agent":
                self.closed[case].append(at)
                self._over.add(case)
            case "case.reopened":
                self.undone[case] += case in self._over
                self._over.discard(case)
            case "target.reminder":
                self.reminded[case] += 1
            case "target.missed" if data["target"] != "escalation":
                self.missed[case, data["target"], data["nth"]] = data["escalation_id"]
            case "escalation.raised" | "escalation.level_raised":
                self._called(type_, case, data)
            case "escalation.answered":
                self.answers[str(data["answer"])] += 1
            case "survey.requested":
                self.surveys[case].add(str(data["survey_id"]))
            case "survey.answered" if data["bad"]:
                self.bad[str(data["survey_id"])] = case
            case "improvement.opened":
                self.improvements[str(data["survey_id"])] += 1
                self.case_of[str(data["survey_id"])] = case

    def _called(self, type_: str, case: str, data: Mapping[str, Any]) -> None:
        id_ = str(data["escalation_id"])
        self.raised[id_] += type_ == "escalation.raised"
        self.level[id_] = max(int(data["level"]), self.level.get(id_, 0))
        self.case_of[id_] = case

    def counts(self, cases: Collection[str]) -> Counts:
        """What came of these cases."""
        return {
            "reminded": sum(self.reminded[case] for case in cases),
            "missed": sum(case in cases for case, _, _ in self.missed),
            "escalated": sum(self.case_of.get(id_) in cases for id_, count in self.raised.items() if count),
            "surveyed": sum(len(self.surveys[case]) for case in cases if case in self.surveys),
            "improved": sum(self.case_of.get(id_) in cases for id_ in self.improvements),
        }

    def untold(self, cases: Collection[str]) -> list[str]:
        """Events of these cases of which somebody should have heard, and nothing was said of a message."""
        return [
            f"{type_} of {case}"
            for id_, (type_, case) in self._to_tell.items()
            if case in cases and id_ not in self._told_of
        ]

    def unchained(self, cases: Collection[str]) -> list[str]:
        """Misses without exactly one escalation of their own, and escalations without a miss."""
        missed = {clock: id_ for clock, id_ in self.missed.items() if clock[0] in cases}
        by = Counter(missed.values())
        alone = ["/".join(map(str, clock)) for clock, id_ in missed.items() if self.raised[id_ or ""] != 1]
        return alone + [f"escalation {id_}" for id_ in self.raised if self.case_of.get(id_) in cases and by[id_] != 1]

    def unasked(self, cases: Collection[str], before: float) -> list[str]:
        """Cases closed by an agent before that moment, with another number of surveys than of closings. One that was
        opened again may have been so before the customer was asked."""
        return [
            case
            for case, closings in self.closed.items()
            if case in cases
            and max(closings) < before
            and not 0 <= len(closings) - len(self.surveys.get(case, ())) <= self.undone[case]
        ]

    def unimproved(self, cases: Collection[str]) -> list[str]:
        """Bad answers without exactly one improvement case, and improvement cases without a bad answer."""
        bad = {id_: case for id_, case in self.bad.items() if case in cases}
        opened = [id_ for id_ in self.improvements if self.case_of.get(id_) in cases]
        alone = [f"survey {id_} of {case}" for id_, case in bad.items() if self.improvements[id_] != 1]
        return alone + [f"improvement of survey {id_}" for id_ in opened if id_ not in bad]
