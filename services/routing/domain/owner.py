"""Who has the ball (RT-13): at any moment one name, that of an agent or of a pool."""

from services.routing.domain.ticket import Ticket


def owner(ticket: Ticket) -> str | None:
    """`agent:Z01` once accepted, `pool:payments.zh` until then, None when there is nothing left to do."""
    if ticket.status == "done":
        return None
    return f"agent:{ticket.agent_id}" if ticket.status == "assigned" else f"pool:{ticket.pool}"
