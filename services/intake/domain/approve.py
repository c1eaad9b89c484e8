"""Intake follows which knowledge was approved and retired (`feedback.v1`). Feedback decides; nothing is refused."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from services.intake.domain.entry import Entry, Wording
from shared.decisions import Decision
from shared.events.feedback import KnowledgeApproved, KnowledgeRetired


class Approved(BaseModel):
    """An entry as it stands. `entry` None: all of it is retired. `retired`: up to this version."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    id: str
    version: int
    entry: Entry | None = None
    retired: int = 0

    @property
    def gone(self) -> int:
        """Up to which version nothing is offered any more, also of what is shipped."""
        return self.retired if self.entry else self.version


def approve(state: Approved | None, now: datetime, *, event: KnowledgeApproved) -> Decision[Approved]:
    """The higher version counts; another language, and what else it does not say, stays until a newer one says it."""
    if state and (state.version > event.version or state.gone >= event.version):
        return Decision(state)
    entry = Entry(
        id=event.knowledge_id, version=event.version, kind=event.kind, categories=event.categories,
        products=event.products, firmware=event.firmware,
        texts={event.language: Wording.model_validate(event.model_dump())},
    )  # fmt: skip
    known = state or Approved(id=event.knowledge_id, version=event.version)
    whole = entry.over(known.entry) if known.entry else entry
    retired = state.gone if state else 0
    return Decision(known.model_copy(update={"version": event.version, "entry": whole, "retired": retired}))


def retire(state: Approved | None, now: datetime, *, event: KnowledgeRetired) -> Decision[Approved]:
    """This version and those before it are offered no more, in whatever language they stand."""
    if state and state.gone >= event.version:
        return Decision(state)
    known = state or Approved(id=event.knowledge_id, version=event.version)
    left = known.entry.later_than(event.version) if known.entry else None
    version = max(known.version, event.version)
    return Decision(known.model_copy(update={"version": version, "entry": left, "retired": event.version}))


def in_force(shipped: Entry | None, approved: Approved) -> Entry | None:
    """Of both the newer, the approved one of two that are level, with what only the older says."""
    known = [entry for entry in (shipped and shipped.later_than(approved.gone), approved.entry) if entry]
    if len(known) < 2:
        return next(iter(known), None)
    older, newer = sorted(known, key=lambda entry: entry.version)
    return newer.over(older)
