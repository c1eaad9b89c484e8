"""The cases of an incident are linked with it, beside the record that declares it: one event, many documents."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from services.intake.domain.follow_incident import Incident, kept, linked, pages_of, part_of
from services.intake.store import Cases
from shared.codec import parse
from shared.decisions import Refused
from shared.errors import TRANSIENT
from shared.events.incidents import IncidentDeclared
from shared.fold import Change
from shared.http import Problem
from shared.ids import named
from shared.service import Running
from shared.store import Shape, Store

log = logging.getLogger(__name__)
AT_ONCE = 100
LATER = (*TRANSIENT, Problem)


def incident_index(incident: Incident) -> dict[str, Any]:
    return {"to_link": bool(incident.to_link) or None}


INCIDENTS = Shape(
    "incidents", Incident, reads=frozenset({IncidentDeclared.TOPIC}), index=incident_index, indexes=(("to_link",),)
)


class Declared(Store[Incident]):
    """What was declared, beside each incident its cases in pages, which are written before the incident has them."""

    async def locate(self, changes: Sequence[Change[Incident]]) -> None:
        told = [change.event for change in changes if change.event and change.event.type == IncidentDeclared.TYPE]
        pages = [page for event in told for page in pages_of(parse(IncidentDeclared, event), event.id)]
        if pages:
            await self.apply([Change(page.key, partial(kept, page=page), page.key) for page in pages])


@dataclass(frozen=True, slots=True)
class Incidents:
    running: Running
    incidents: Store[Incident]
    cases: Cases

    async def turn(self) -> None:
        """Some cases of each page of this replica's shards that are not linked yet.

        A case that fails keeps no other waiting, and no other incident; the first error of ours is raised at the end.
        """
        shards = list(self.running.ownership.shards)
        pages = await self.incidents.find({"ix.to_link": True, "shard": {"$in": shards}})
        results = [await asyncio.gather(self._link_some(page), return_exceptions=True) for page in pages]
        if failed := [error for (error,) in results if error and not isinstance(error, LATER)]:
            raise failed[0]

    async def _link_some(self, page: Incident) -> None:
        """What was done is noted before an error is raised."""
        some = page.to_link[:AT_ONCE]
        results = await asyncio.gather(*(self._link(case, page) for case in some), return_exceptions=True)
        if done := tuple(case for case, result in zip(some, results, strict=True) if result is None):
            cause = named("linked", page.key, done[0])
            await self.running.submit(self.incidents, Change(page.key, partial(linked, cases=done), cause))
        if failed := [error for error in results if error and not isinstance(error, LATER)]:
            raise failed[0]

    async def _link(self, case_id: str, incident: Incident) -> None:
        """A merged case stands for the one that it is now. One that can't take another link goes without."""
        case = await self.cases.get(case_id)
        while case and case.merged_into:
            case = await self.cases.get(case.merged_into)
        if case is None:
            log.warning("incident %s names case %s, which is not known", incident.incident_id, case_id)
            return
        decide = partial(part_of, incident_id=incident.incident_id, title=incident.title)
        cause = named("incident", incident.incident_id, case.case_id)
        try:
            await self.running.submit(self.cases, Change(case.case_id, decide, cause))
        except Refused as refused:
            log.warning("case %s is not linked with incident %s: %s", case.case_id, incident.incident_id, refused)
