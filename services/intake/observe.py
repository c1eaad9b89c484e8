"""The gauges that only intake knows."""

from typing import get_args

from services.intake.domain.case import Status
from services.intake.store import Cases
from shared.metrics import Metrics

PRIORITIES = ("P0", "P1", "P2", "P3")
OPEN = [status for status in get_args(Status) if status != "closed"]
"""Named one by one: an index answers what a status is, not what it isn't."""


async def count_open_cases(cases: Cases, metrics: Metrics) -> None:
    for priority in PRIORITIES:
        query = {"ix.priority": priority, "ix.status": {"$in": OPEN}}
        metrics.cases_open.labels(priority).set(await cases.documents.count_documents(query))
