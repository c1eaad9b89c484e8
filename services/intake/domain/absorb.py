"""What a case knows of another that turned out to be it (IN-15): whatever an agent must see of either.

What both know stays as it is here; gaps are filled from the other. A complaint stays one (FB-12).
"""

from datetime import datetime
from typing import Any

from services.intake.domain.case import MAX_TRIED, RULES, Case
from services.intake.domain.customer import higher_tier
from services.intake.domain.diagnostics import joined_names
from services.intake.domain.facts import joined_facts
from services.intake.domain.further import still_missing
from services.intake.domain.lifecycle import OPEN
from services.intake.domain.open_case import MAX_SUBJECT
from services.intake.domain.prioritise import more_urgent
from services.intake.domain.raised_by_tier import raised_by_tier
from services.intake.domain.remote import MOST_SESSIONS
from services.intake.domain.rules import Rules
from services.intake.domain.settle_category import UNCERTAIN
from shared.events.cases import Promise, Sentiment


def absorbed(case: Case, other: Case, now: datetime, rules: Rules) -> Case:
    reach = other.reach.model_copy(update=case.reach.model_dump(exclude_none=True))
    after = case.changed(
        reach=reach,
        tier=higher_tier(case.tier, other.tier, rules),
        demand=case.demand or other.demand,
        sentiment=_worse(case.sentiment, other.sentiment),
        promise=_due_first(open_promise(case, now), open_promise(other, now)),
        awaits_answer=case.unanswered or is_owed(other),
        **_waiting(case, other),
        **_facts(case, other),
        **_lists(case, other),
        **_words(case, other),
        **_about(case, other),
        **_urgency(case, other),
    )
    return raised_by_tier(after.changed(missing=still_missing(after, rules)), rules)


def open_promise(case: Case, now: datetime) -> Promise | None:
    """One that is still to be kept; what broke was told where it broke."""
    return case.promise if case.promise and case.promise.until > now else None


def is_owed(case: Case) -> bool:
    """Whether its customer still gets an answer."""
    return case.status in OPEN and case.unanswered


def third_party(case: Case, now: datetime) -> tuple[str | None, datetime | None]:
    """Which one the case waits for (None: none), and until when that has promised, if that is still to come."""
    if case.status != "waiting_third_party":
        return None, None
    until = case.waiting_until
    return case.waiting_party or "", until if until and until > now else None


def _waiting(case: Case, other: Case) -> dict[str, Any]:
    """A third party is waited for whatever is merged."""
    if other.status != "waiting_third_party" or case.status == other.status:
        return {}
    return {name: getattr(other, name) for name in ("status", "waiting_party", "waiting_until")}


def _due_first(one: Promise | None, other: Promise | None) -> Promise | None:
    return min(filter(None, (one, other)), key=lambda promise: promise.until, default=None)


def _worse(one: Sentiment | None, other: Sentiment | None) -> Sentiment | None:
    return min(filter(None, (one, other)), key=lambda feeling: feeling.score, default=None)


def _facts(case: Case, other: Case) -> dict[str, Any]:
    facts = joined_facts(case.facts, frozenset(case.facts_given), other.facts, frozenset(other.facts_given))
    checks = (check for check in (*case.fact_checks, *other.fact_checks) if facts.get(check.fact) == check.value)
    return {
        "facts": facts,
        "facts_given": _together(case.facts_given, other.facts_given),
        "fact_checks": tuple({check.fact: check for check in reversed(tuple(checks))}.values()),
        "recheck_at": case.recheck_at or other.recheck_at,
        "entitlements": _together(case.entitlements, other.entitlements),
    }


def _lists(case: Case, other: Case) -> dict[str, Any]:
    return {
        "tags": _together(case.tags, other.tags),
        "flags": _together(case.flags, other.flags),
        "diagnostics": joined_names(case.diagnostics, other.diagnostics),
        "tried": _together(case.tried, other.tried)[-MAX_TRIED:],
        "remote": _together(case.remote, other.remote)[-MOST_SESSIONS:],
    }


def _together(known: tuple[Any, ...], more: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*known, *(one for one in more if one not in known))


def _words(case: Case, other: Case) -> dict[str, Any]:
    """What the customer said last, and an agent's own words where there are none yet."""
    told: dict[str, Any] = {}
    if other.touched_at and (case.touched_at is None or other.touched_at > case.touched_at):
        told = {"touched_at": other.touched_at, "latest": other.latest or _said_first(other)}
    if case.summary_said is None:
        told |= {name: getattr(other, name) for name in ("summary_said", "summary_by", "summary_known")}
    return told


def _said_first(case: Case) -> str | None:
    return (case.text or case.subject or "")[:MAX_SUBJECT] or None


def _about(case: Case, other: Case) -> dict[str, Any]:
    """Where nothing was understood it is about what the other is; what a person decided stays."""
    if case.category_by == RULES and case.category_confidence == 0 and other.category_confidence:
        same = ("category", "category_confidence", "category_by", "category_by_model", "review", "kind")
        told = {name: getattr(other, name) for name in same}
    else:
        told = {"kind": case.kind, "review": _review(case, other)}
    if case.kind_by != RULES:
        return told | {"kind": case.kind}
    return told | ({"kind": "complaint"} if "complaint" in (case.kind, other.kind) else {})


def _review(case: Case, other: Case) -> str | None:
    """A complex matter is one here too; whether the category of the other was certain says nothing of this one's."""
    takes = case.category_by == RULES and other.review != UNCERTAIN
    return case.review or (other.review if takes else None)


def _urgency(case: Case, other: Case) -> dict[str, Any]:
    urgent = other if more_urgent(other.priority, case.priority) else case
    return {name: getattr(urgent, name) for name in ("priority", "priority_reason", "priority_by")}
