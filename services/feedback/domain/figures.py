"""How one case counts, and what the sums over many say (FB-7).

A case counts in the period in which it was opened, for the agent who has it or had it last, and for the team he was in
then; a survey counts in the same period, for the agent whose work was asked about. So agents add up to teams, and teams
to the whole. Drills count nowhere.

taken           cases
resolved        of these, how many stand as resolved now (a reopened one does not)
first_contact   resolved without the customer coming back, by one agent at most, and not reopened; `fcr` is their share
                of the resolved. (As service desks count it:
                https://support.freshservice.com/en/support/solutions/articles/50000004904.) He comes back with a
                contact that comes after our first answer, later than `same_contact_within` (rules/kpis.yaml) after the
                last word, his or ours, and while we do not wait for him. So a dialogue on any channel, what he adds
                before anybody answered, and his answer to our question belong to the first contact.
sla             first response and resolution, as far as their clocks have ended, were in time
time_to_resolve from opened to resolved, by the clock on the wall; not the time somebody worked on it
surveys         that were asked, but for those whose message is known not to have reached the customer
csat            mean of the stars of an answer (1 to 5), averaged; `csat_share` of the answers are `satisfied` or more
ces             mean of how easy it was (1 hard to 5 easy) among those who said so; higher is better
nps             share of 9 and 10 minus share of 0 to 6 among those who said how likely they recommend us, -100 to 100
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self

from services.feedback.domain.outcome import CaseOutcome

SEPARATOR = " / "


def facts(case: CaseOutcome) -> dict[str, Any]:
    """How a case counts, by the names under which the store sums it up. Empty for a drill, and for what another
    case counts."""
    if case.drill or case.merged:
        return {}
    return {
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "agent": case.agent.agent_id if case.agent else "",
        "agent_name": case.agent.name if case.agent else "",
        "team": case.agent.team if case.agent else "",
        "category": SEPARATOR.join(case.category),
        "product": case.product,
        "resolved": case.resolved_at is not None,
        "first_contact": is_first_contact(case),
        "kept": all(promise.kept for promise in case.promises) if case.promises else None,
        "resolve_s": _seconds(case.opened_at, case.resolved_at),
        "respond_s": _seconds(case.opened_at, case.first_responded_at),
    }


def is_first_contact(case: CaseOutcome) -> bool:
    return case.resolved_at is not None and not case.came_back and len(case.agents) <= 1 and not case.reopened


def _seconds(start: datetime, end: datetime | None) -> int | None:
    return max(0, round((end - start).total_seconds())) if end is not None else None


@dataclass(frozen=True, slots=True)
class Sums:
    """What the store counted of a group. `resolve_mid`, `respond_mid`: the one or two seconds in the middle."""

    taken: int = 0
    resolved: int = 0
    first_contact: int = 0
    promised: int = 0
    kept: int = 0
    resolve_mid: tuple[float, ...] = ()
    respond_mid: tuple[float, ...] = ()
    asked: int = 0
    answered: int = 0
    stars: float = 0.0
    satisfied: int = 0
    effort: float = 0.0
    efforts: int = 0
    rated: int = 0
    promoters: int = 0
    detractors: int = 0

    @classmethod
    def of(cls, *counted: dict[str, Any]) -> Self:
        """From what the store's questions answered for one group."""
        known = {f.name for f in fields(cls)}
        told = {name: value for part in counted for name, value in part.items() if name in known}
        mids = {name: tuple(told.get(name) or ()) for name in ("resolve_mid", "respond_mid")}
        return cls(**told | mids)


@dataclass(frozen=True, slots=True)
class Figures:
    """Rates are shares, 0 to 1; None where there is nothing to divide by. Times in seconds, medians."""

    taken: int
    resolved: int
    resolution_rate: float | None
    first_contact: int
    fcr: float | None
    promised: int
    sla_kept: float | None
    time_to_resolve_s: float | None
    first_response_s: float | None
    surveys: int
    answers: int
    response_rate: float | None
    csat: float | None
    csat_share: float | None
    ces: float | None
    nps: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of an agent, a team, a category or a product; `key` "" holds what belongs to none."""

    key: str
    figures: Figures
    team: str = ""
    name: str = ""

    @property
    def position(self) -> str:
        """Its place in a list. An agent who changed teams has a group in each."""
        return f"{self.key}|{self.team}"


def figures(sums: Sums) -> Figures:
    recommended = _share(sums.promoters - sums.detractors, sums.rated)
    return Figures(
        taken=sums.taken,
        resolved=sums.resolved,
        resolution_rate=_share(sums.resolved, sums.taken),
        first_contact=sums.first_contact,
        fcr=_share(sums.first_contact, sums.resolved),
        promised=sums.promised,
        sla_kept=_share(sums.kept, sums.promised),
        time_to_resolve_s=_median(sums.resolve_mid),
        first_response_s=_median(sums.respond_mid),
        surveys=sums.asked,
        answers=sums.answered,
        response_rate=_share(sums.answered, sums.asked),
        csat=_mean(sums.stars, sums.answered),
        csat_share=_share(sums.satisfied, sums.answered),
        ces=_mean(sums.effort, sums.efforts),
        nps=round(100 * recommended, 1) if recommended is not None else None,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 2) if count else None


def _median(middle: tuple[float, ...]) -> float | None:
    return sum(middle) / len(middle) if middle else None
