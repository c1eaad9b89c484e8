"""The verdict: one line of totals, and in plain words what is not as it should be and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.lines import Identity, Line
from demo.tally import CONTACTS_ASIDE, Tally
from demo.told import Told

SHOWN = 5


@dataclass
class Totals:
    """`seconds`: from the first contact fed until all were visible and assigned. `not_visible`: well-formed contacts in
    no case. `repeats`: records that changed nothing because the same had been there before. None: not known.
    `missed`: promises; `escalated`: chains of escalation; `improved`: improvement cases."""

    fed: int = 0
    cases: int = 0
    joined: int = 0
    amended: int = 0
    repeats: int | None = 0
    assigned: int = 0
    told: int = 0
    reminded: int = 0
    missed: int = 0
    escalated: int = 0
    surveyed: int = 0
    improved: int = 0
    quarantined: int = 0
    refused: int = 0
    not_visible: int | None = 0
    seconds: float = 0.0
    first_assigned_s: float | None = None
    all_assigned_s: float | None = None
    interrupted: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems and not self.interrupted

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "ok": self.ok}


@dataclass
class Outside:
    """All that was seen from the outside. `cases`: where a contact is visible; `missing`: those in no case yet.

    `turned_away`: by case, a survey that was not taken; one of a demo before may be over by now. `asked_by`: whoever's
    case was closed before that moment must have been asked by now; None where a survey is not due within a demo.
    """

    lines: Sequence[Line]
    tally: Tally
    told: Told
    missing: list[Identity]
    cases: dict[Identity, str] = field(default_factory=dict)
    fed: int = 0
    refused: list[str] = field(default_factory=list)
    turned_away: dict[str, str] = field(default_factory=dict)
    asked_by: float | None = None

    @property
    def quarantined(self) -> int:
        return len(self.tally.aside[CONTACTS_ASIDE])

    @property
    def unseen(self) -> list[Identity]:
        return [contact for contact in self.missing if contact not in self.cases]


def totals(seen: Outside) -> Totals:
    """What was counted, without the times."""
    tally = seen.tally
    changed = len(tally.opened) + len(tally.joined) + len(tally.amended)
    counted = _counts(seen)
    counted.repeats = max(0, seen.fed - seen.quarantined - len(seen.refused) - changed - len(seen.unseen))
    counted.not_visible = len(seen.unseen)
    counted.problems = problems(seen)
    return counted


def unfinished(seen: Outside) -> Totals:
    """What was counted until it was interrupted; nothing was checked."""
    counted = _counts(seen)
    counted.interrupted, counted.problems = True, ["interrupted: nothing was checked"]
    return counted


def _counts(seen: Outside) -> Totals:
    tally, told = seen.tally, seen.told
    return Totals(
        fed=seen.fed,
        cases=len(tally.opened),
        joined=len(tally.joined),
        amended=len(tally.amended),
        repeats=None,
        assigned=sum(case in tally.assigned for case in tally.opened),
        told=told.lines if told.known else len(tally.sent),
        **tally.circle.counts(tally.opened),
        quarantined=seen.quarantined,
        refused=len(seen.refused),
        not_visible=None,
    )


def open_ends(seen: Outside) -> list[tuple[str, list[str]]]:
    """What does not add up in the second half of the circle, or not yet."""
    circle, cases = seen.tally.circle, seen.tally.opened
    unasked = circle.unasked(cases, seen.asked_by) if seen.asked_by else []
    return [
        ("events were told to nobody: see GET /v1/notifications of notify", circle.untold(cases)),
        ("missed promises and escalations do not belong together, one each: see `sla.v1`", circle.unchained(cases)),
        ("cases closed by an agent were not surveyed once: see `feedback.v1`", unasked),
        (
            "bad answers and improvement cases do not belong together, one each: see `feedback.v1`",
            circle.unimproved(cases),
        ),
    ]


def turned_away(seen: Outside) -> list[str]:
    """Of surveys that were asked since the start."""
    return [why for case, why in seen.turned_away.items() if seen.tally.circle.surveys.get(case)]


def problems(seen: Outside) -> list[str]:
    tally, told = seen.tally, seen.told
    found: tuple[tuple[str, list[Any]], ...] = (
        ("contacts are visible in no case: see `switchboard quarantine list` and the log of intake", seen.unseen),
        ("contacts were refused at POST /v1/contacts", seen.refused),
        ("contacts are in more than one case: see GET /v1/cases/{id} of intake", in_several_cases(seen)),
        ("cases have nobody yet: see GET /v1/pools and /v1/cases/{id}/routing of routing", tally.waiting()),
        ("events are out of sequence on their topic", tally.disorder + tally.late_starts()),
        ("messages were sent twice: see the provider's file", told.twice()),
        ("messages are said to be sent and are not in the provider's file", sorted(told.missing(tally.sent))),
        ("customers could not answer their survey", turned_away(seen)),
        *open_ends(seen),
    )  # fmt: skip
    unfed = len(seen.lines) - seen.fed
    return [f"{unfed} records could not be fed: is the broker up?"] * (unfed > 0) + [
        f"{len(which)} {what}; for instance {'; '.join(map(str, which[:SHOWN]))}" for what, which in found if which
    ]


def in_several_cases(seen: Outside) -> list[str]:
    """By the log, and by what HTTP says beside it."""
    several = []
    for contact, by_log in seen.tally.cases_of.items():
        cases = by_log | ({seen.cases[contact]} if contact in seen.cases else set())
        if len(cases) > 1:
            several.append(f"{contact}: {', '.join(sorted(cases))}")
    return several
