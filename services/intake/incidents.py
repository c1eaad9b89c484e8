"""The cases of an incident are linked with it, beside the record that declares it: one event, many documents."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from services.intake.domain.follow_incident import Incident, linked, part_of
from services.intake.store import Cases
from shared.decisions import Refused
from shared.errors import TRANSIENT
from shared.events.incidents import IncidentDeclared
from shared.fold import Change
from shared.http import Problem
from shared.ids import named
from shared.service import Running
from shared.store import Shape, Store

log = logging.getLogger(__name__)
PAGE = 100
LATER = (*TRANSIENT, Problem)


def incident_index(incident: Incident) -> dict[str, Any]:
    return {"to_link": bool(incident.to_link) or None}


INCIDENTS = Shape(
    "incidents", Incident, reads=frozenset({IncidentDeclared.TOPIC}), index=incident_index, indexes=(("to_link",),)
)


@dataclass(frozen=True, slots=True)
class Incidents:
    running: Running
    incidents: Store[Incident]
    cases: Cases

    async def turn(self) -> None:
        """A page of the cases of each incident of this replica's shards that are not linked yet."""
        shards = list(self.running.ownership.shards)
        for incident in await self.incidents.find({"ix.to_link": True, "shard": {"$in": shards}}):
            page = incident.to_link[:PAGE]
            results = await asyncio.gather(*(self._link(case, incident) for case in page), return_exceptions=True)
            if failed := [r for r in results if isinstance(r, BaseException) and not isinstance(r, LATER)]:
                raise failed[0]
            done = tuple(case for case, result in zip(page, results, strict=True) if result is None)
            cause = named("linked", incident.incident_id, *done[:1])
            await self.running.submit(self.incidents, Change(incident.incident_id, partial(linked, cases=done), cause))

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
