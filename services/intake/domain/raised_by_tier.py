"""A tier that is learned after a case was opened counts as if it had been known (IN-7), but never lowers a priority."""

from typing import Any

from services.intake.domain.case import RULES, Case
from services.intake.domain.prioritise import Gravity, more_urgent, prioritise
from services.intake.domain.rules import Rules
from shared.events.cases import Sentiment


def raised_by_tier(case: Case, rules: Rules) -> Case:
    """By what the present priority was decided on. Risks are not kept there; they need no tier to count."""
    known: Any = case.priority_reason
    if case.priority_by != RULES or case.tier == known.tier:
        return case
    gravity = Gravity(known.impact, known.urgency, frozenset(), known.complexity or "simple")
    feeling = Sentiment(score=0, label=known.sentiment or "neutral")
    priority, reason = prioritise(gravity, tier=case.tier, feeling=feeling, kind=case.kind, rules=rules)
    if not more_urgent(priority, case.priority):
        return case
    return case.changed(priority=priority, priority_reason=reason, rules_version=rules.version)
