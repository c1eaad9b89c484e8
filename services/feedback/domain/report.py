"""The month in figures 闭环改进报告 (FB-6): what came, how it went, what customers said and what was made of it."""

from dataclasses import dataclass
from typing import Any

from services.feedback.domain.figures import Figures, Group

TOP = 10


@dataclass(frozen=True, slots=True)
class Day:
    """`day` as 2026-11-22; cases opened and closed on it."""

    day: str
    opened: int = 0
    closed: int = 0


@dataclass(frozen=True, slots=True)
class Improvements:
    """In the month opened and closed; and, as of now, those opened until its end that are open and overdue."""

    opened: int = 0
    closed: int = 0
    open: int = 0
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """`before`: the whole of the month before. `stars`: answers by rounded mean of their stars, 1 to 5.

    `categories`: those with the most cases. `answers_in`: first answers that came in this month, whenever their cases
    were opened. `findings`: what the figures say, in words.
    """

    month: str
    zone: str
    whole: Figures
    before: Figures
    categories: tuple[Group, ...]
    days: tuple[Day, ...]
    stars: tuple[int, int, int, int, int]
    teams: tuple[Group, ...]
    agents: tuple[Group, ...]
    improvements: Improvements
    answers_in: int = 0
    findings: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        made = self.improvements
        came = self.whole.taken or self.whole.answers or self.answers_in or any(day.closed for day in self.days)
        return not (came or made.opened or made.closed)


def most_first(groups: list[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda group: (-group.figures.taken, group.team, group.key)))


def rows(value: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """The JSON of a report as lines of a table: the path to each value, and the value."""
    if isinstance(value, dict):
        return [row for name, part in value.items() for row in rows(part, (*path, name))]
    if isinstance(value, list):
        return [row for place, part in enumerate(value, start=1) for row in rows(part, (*path, str(place)))]
    return [(".".join(path), value)]
