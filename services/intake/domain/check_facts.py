"""What a case claims against what the customer system knows (IN-8): a mismatch is flagged, not guessed away.

confirmed    the CRM knows it, as this customer's
unknown      the CRM does not know it (`not_found`), or can't say whose it is (`customer_not_known`)
mismatch     it is another customer's (`other_customer`), or it contradicts another fact (`other_<fact>`)
unchecked    the CRM did not answer in time; it is asked again
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from services.intake.domain.facts import canonical
from services.intake.domain.found import Found, KnownFact
from shared.events.cases import CheckStatus, FactCheck

MISMATCH = "fact_mismatch"
"""The flag of a case with a mismatch."""
CHECKED = ("order", "serial", "account")
"""Facts that a customer system is asked for by themselves; others are checked against what it says of these."""
_WEIGHT: Mapping[CheckStatus, int] = {"unchecked": 0, "confirmed": 1, "unknown": 2, "mismatch": 3}


def check_facts(facts: Mapping[str, str], found: Found | None, now: datetime) -> tuple[FactCheck, ...]:
    """`found`: None when nobody answered. Of several verdicts on one fact the worst counts."""
    if found is None:
        return tuple(FactCheck(fact=name, value=facts[name], status="unchecked") for name in CHECKED if name in facts)
    worst: dict[str, FactCheck] = {}
    for check in _verdicts(facts, found, now):
        other = worst.get(check.fact)
        if other is None or _WEIGHT[check.status] > _WEIGHT[other.status]:
            worst[check.fact] = check
    return tuple(worst[name] for name in facts if name in worst)


def _verdicts(facts: Mapping[str, str], found: Found, now: datetime) -> Iterator[FactCheck]:
    for name in facts.keys() & found.facts.keys():
        known = found.facts[name]
        status, why = _whose(known, found)
        yield FactCheck(fact=name, value=facts[name], status=status, why=why, source=found.source, at=now)
        if known and status == "confirmed":
            yield from _against(name, known, facts, found, now)


def _whose(known: KnownFact | None, found: Found) -> tuple[CheckStatus, str]:
    if known is None:
        return "unknown", "not_found"
    if known.customer is None:
        return "confirmed", ""
    if found.customer is None:
        return "unknown", "customer_not_known"
    return ("confirmed", "") if known.customer == found.customer.id else ("mismatch", "other_customer")


def _against(name: str, known: KnownFact, facts: Mapping[str, str], found: Found, now: datetime) -> Iterator[FactCheck]:
    """What is true of one confirmed fact, compared with the others: a serial of another model."""
    for other in known.facts.keys() & facts.keys() - {name}:
        expected, value = known.facts[other], facts[other]
        if canonical(expected) == canonical(value):
            yield FactCheck(fact=other, value=value, status="confirmed", source=found.source, at=now)
        else:
            yield FactCheck(
                fact=other, value=value, status="mismatch", why=f"other_{name}", expected=expected, source=found.source,
                at=now,
            )  # fmt: skip


def mismatched(checks: tuple[FactCheck, ...]) -> bool:
    return any(check.status == "mismatch" for check in checks)


def unanswered(checks: tuple[FactCheck, ...]) -> bool:
    return any(check.status == "unchecked" for check in checks)
