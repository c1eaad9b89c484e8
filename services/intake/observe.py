"""The gauges that only intake knows."""

from services.intake.store import Cases
from shared.metrics import Metrics

PRIORITIES = ("P0", "P1", "P2", "P3")


async def count_open_cases(cases: Cases, metrics: Metrics) -> None:
    for priority in PRIORITIES:
        query = {"ix.priority": priority, "ix.status": {"$ne": "closed"}}
        metrics.cases_open.labels(priority).set(await cases.documents.count_documents(query))
