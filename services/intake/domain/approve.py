"""Intake follows which knowledge was approved and retired (`feedback.v1`). Feedback decides; nothing is refused."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.intake.domain.entry import Entry, Wording
from shared.decisions import Decision
from shared.events.feedback import KnowledgeApproved, KnowledgeRetired


class Approved(BaseModel):
    """An entry as it stands. `entry` None: retired, up to this version."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    version: int
    entry: Entry | None = None


def approve(state: Approved | None, now: datetime, *, event: KnowledgeApproved) -> Decision[Approved]:
    """The higher version counts; the same version in another language is added to it."""
    if state and (state.version > event.version or (state.version == event.version and state.entry is None)):
        return Decision(state)
    others = state.entry.texts if state and state.entry and state.version == event.version else {}
    wording = Wording.model_validate(event.model_dump())
    entry = Entry(
        id=event.knowledge_id, version=event.version, kind=event.kind, categories=event.categories,
        products=event.products, firmware=event.firmware, texts={**others, event.language: wording},
    )  # fmt: skip
    return Decision(_as_of(state, event, entry))


def retire(state: Approved | None, now: datetime, *, event: KnowledgeRetired) -> Decision[Approved]:
    if state and state.version > event.version:
        return Decision(state)
    return Decision(_as_of(state, event, None))


def _as_of(state: Approved | None, event: KnowledgeApproved | KnowledgeRetired, entry: Entry | None) -> Approved:
    known = state or Approved(id=event.knowledge_id, version=event.version)
    return known.model_copy(update={"version": event.version, "entry": entry})
