"""Pools as they are shown: over HTTP and on the board."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.routing.domain.agent import total
from services.routing.domain.estimate import Outlook
from services.routing.domain.pools import pool_id, skill_of_pool
from services.routing.domain.rules import Rules
from services.routing.domain.ticket import Ticket
from shared.clock import wire

PRIORITIES = ("P0", "P1", "P2", "P3")


def pool_ids(rules: Rules) -> list[str]:
    return [pool_id(skill, language) for skill in rules.pools.skills for language in rules.pools.languages.served]


def pools_shown(rules: Rules, waiting: Iterable[Ticket]) -> list[str]:
    """Every pool there is, and those of older rules in which something still waits."""
    return sorted({*pool_ids(rules), *(ticket.pool for ticket in waiting)})


def pool_view(pool: str, waiting: Sequence[Ticket], outlook: Outlook | None, rules: Rules) -> dict[str, Any]:
    """`oldest`: since when the case that waits longest waits. `estimate`: seconds for a P2 case; null when unknown."""
    skill, language = skill_of_pool(pool)
    own = [ticket for ticket in waiting if ticket.pool == pool]
    oldest = min((ticket.waiting_since for ticket in own), default=None)
    crew = outlook.crew(skill, language) if outlook else []
    group = rules.pools.skills.get(skill)
    return {
        "id": pool,
        "skill": skill,
        "language": language,
        "name": {"zh": group.zh, "en": group.en} if group else {},
        "depth": len(own),
        "by_priority": {priority: sum(t.priority == priority for t in own) for priority in PRIORITIES},
        "oldest": wire(oldest) if oldest else None,
        "estimate": outlook.estimate_s(skill, language, "P2") if outlook else None,
        "agents_online": len(crew),
        "places": sum(total(agent) for agent in crew),
        "free": sum(max(0, total(agent) - len(agent.reservations)) for agent in crew),
    }
