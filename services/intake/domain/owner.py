"""Who has the ball (RT-13): at any moment of a case one party has to take the next step."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.intake.domain.case import Case
from services.intake.domain.close import lacking_for_close

Kind = Literal["routing", "pool", "agent", "customer", "third_party", "department", "case", "nobody"]


class Owner(BaseModel):
    """`id`: of the pool, agent, department or case; `name`: of a third party or an agent.

    `agent_id`: who of ours holds the case meanwhile, whoever has the ball.
    """

    model_config = ConfigDict(frozen=True)
    kind: Kind
    id: str | None = None
    name: str = ""
    agent_id: str | None = None


def owner(case: Case) -> Owner:
    """A merged case is the other's; a resolved one waits for the customer's word, or for ours while it lacks what it
    needs to be closed (FB-12); a closed one is nobody's.
    """
    kind, id_, name = _ball(case)
    return Owner(kind=kind, id=id_, name=name, agent_id=case.agent_id)


def _ball(case: Case) -> tuple[Kind, str | None, str]:
    if case.merged_into:
        return "case", case.merged_into, ""
    if case.status == "closed":
        return "nobody", None, ""
    if case.status == "waiting_customer" or (case.status == "resolved" and not lacking_for_close(case)):
        return "customer", case.customer_id, case.reach.name or ""
    if case.status == "waiting_third_party":
        return "third_party", None, case.waiting_party or ""
    return _ours(case)


def _ours(case: Case) -> tuple[Kind, str | None, str]:
    if case.escalation:
        return "department", case.escalation.department, ""
    if case.agent_id:
        return "agent", case.agent_id, case.agent_name
    return ("pool", case.pool, "") if case.pool else ("routing", None, "")
