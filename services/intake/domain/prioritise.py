"""How urgent a case is (IN-7): impact x urgency x complexity x tier x sentiment, by a table; the row is named."""

import re
from dataclasses import dataclass
from functools import lru_cache

from services.intake.domain.denied import affirmed
from services.intake.domain.keywords import Scan
from services.intake.domain.rules import Bulk, Complexity, Impact, PriorityRule, Rules, Urgency
from shared.events.cases import Kind, Priority, PriorityReason, Sentiment


@dataclass(frozen=True, slots=True)
class Gravity:
    """What the words say of impact, urgency, risks (safety, security, law ...), and whether the matter is complex."""

    impact: Impact
    urgency: Urgency
    risks: frozenset[str]
    complexity: Complexity = "simple"


def gravity(scan: Scan, rules: Rules) -> Gravity:
    scan = affirmed(scan, rules)
    impacts = rules.impact_words.values(scan)
    urgencies = rules.urgency_words.values(scan)
    impact: Impact = "region" if "region" in impacts else "enterprise" if "enterprise" in impacts else "one_user"
    if impact == "one_user" and rules.words.bulk and _is_bulk(scan.text, rules.words.bulk):
        impact = "enterprise"
    urgency: Urgency = "critical" if "critical" in urgencies else "high" if "high" in urgencies else "normal"
    risks = frozenset(rules.risk_words.values(scan))
    complex_ = len(risks) >= rules.words.complexity.risks_from or bool(rules.complexity_words.values(scan))
    return Gravity(impact, urgency, risks, "complex" if complex_ else "simple")


def _is_bulk(text: str, bulk: Bulk) -> bool:
    return any(int(match.group(1)) >= bulk.min for match in _quantity(bulk.units).finditer(text))


@lru_cache(maxsize=8)
def _quantity(units: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"(?<![\d.])(\d{{1,7}})\s*(?:{'|'.join(map(re.escape, units))})")


def prioritise(
    gravity: Gravity, *, tier: str | None, feeling: Sentiment | None, kind: Kind, rules: Rules
) -> tuple[Priority, PriorityReason]:
    """The priority by the first rule that fits, and why."""
    weight = rules.priorities.tiers.get((tier or "").casefold(), "standard")
    label = feeling.label if feeling else "neutral"
    rule = next(rule for rule in rules.priorities.rules if _fits(rule, gravity, weight, label, kind))
    reason = PriorityReason(
        rule=rule.name,
        impact=gravity.impact,
        urgency=gravity.urgency,
        complexity=gravity.complexity,
        tier=tier,
        sentiment=label,
    )
    return rule.priority, reason


def _fits(rule: PriorityRule, gravity: Gravity, tier: str, sentiment: str, kind: Kind) -> bool:
    return (
        (not rule.impact or gravity.impact in rule.impact)
        and (not rule.urgency or gravity.urgency in rule.urgency)
        and (not rule.complexity or gravity.complexity in rule.complexity)
        and (not rule.risk or not gravity.risks.isdisjoint(rule.risk))
        and (not rule.tier or tier in rule.tier)
        and (not rule.sentiment or sentiment in rule.sentiment)
        and (not rule.kind or kind in rule.kind)
    )


def more_urgent(one: Priority, other: Priority) -> bool:
    """P0 is more urgent than P1."""
    return one < other
