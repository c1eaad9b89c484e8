"""A case that is closed keeps what it was like and what would have helped (IN-20): the review sheet shows it."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.intake.domain.case import Case
from shared.decisions import Decide, Decision
from shared.events.cases import CaseClosed, SimilarCase, Suggestion


@dataclass(frozen=True, slots=True)
class Help:
    similar: tuple[SimilarCase, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()


def archived(state: Case | None, now: datetime, *, decide: Decide[Case], found: Help) -> Decision[Case]:
    """What was decided; if that closes the case, with what was `found` for it."""
    decision = decide(state, now)
    if not any(isinstance(event, CaseClosed) for event in decision.events):
        return decision
    kept = {"similar": found.similar, "suggestions": found.suggestions}
    events = tuple(e.model_copy(update=kept) if isinstance(e, CaseClosed) else e for e in decision.events)
    return replace(decision, state=decision.state.changed(**kept), events=events)
