"""What is missing on a case (IN-2): asked for once, never a reason to lose the contact."""

from collections.abc import Mapping

from services.intake.domain.rules import FactsNeeded, Rules
from shared.events.cases import Kind, Reach


def missing(
    *, reach: Reach, channel: str, subject: str | None, text: str | None, facts: Mapping[str, str],
    category: tuple[str, ...], kind: Kind, rules: Rules,
) -> tuple[str, ...]:  # fmt: skip
    """`contact_point`, `description`, and the names of facts that a case of this category should have."""
    lacking = []
    if not _reachable(reach, channel, rules):
        lacking.append("contact_point")
    if _described(subject, rules) + _described(text, rules) < rules.lifecycle.description_min_chars:
        lacking.append("description")
    for needed in rules.lifecycle.facts_needed:
        if _applies(needed, category, kind) and not any(name in facts for name in needed.one_of):
            lacking.append(needed.one_of[0])
    return tuple(dict.fromkeys(lacking))


def _described(said: str | None, rules: Rules) -> int:
    """How many characters describe something; what a call is called does not."""
    words = (said or "").strip()
    return 0 if words in rules.channels.phone.labels else len(words)


def _reachable(reach: Reach, channel: str, rules: Rules) -> bool:
    over_platform = reach.social and channel not in rules.lifecycle.no_way_back_channels
    return bool(reach.phone or reach.email or reach.app_id or over_platform)


def _applies(needed: FactsNeeded, category: tuple[str, ...], kind: Kind) -> bool:
    return kind in needed.kinds and category[: len(needed.category)] == needed.category
