"""What feedback counts for operators."""

from collections.abc import Sequence
from typing import Any

from services.feedback.domain.answer import rounded
from shared.events.feedback import SurveyAnswered
from shared.fold import Outcome
from shared.metrics import Metrics


async def count_answers(metrics: Metrics, outcomes: Sequence[Outcome[Any]]) -> None:
    """Each survey once: a correction is no further answer."""
    for outcome in outcomes:
        for event in outcome.events if outcome.status == "applied" else ():
            if isinstance(event, SurveyAnswered) and event.revision == 1 and event.csat is not None:
                metrics.survey_answers.labels(rounded(event.csat)).inc()
