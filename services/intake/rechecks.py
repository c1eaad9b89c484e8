"""Facts that the customer system did not answer for in time are looked up again later: nothing waits for a slow CRM."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

from services.intake.domain.case import Case
from services.intake.domain.customer import points_of_reach
from services.intake.domain.found import Found
from services.intake.domain.looked_up_by import looked_up_by
from services.intake.domain.rules import Rules
from services.intake.domain.verify import entitled, rechecked
from services.intake.lookup.look import LookUps, Query
from services.intake.store import Cases
from shared.clock import wire
from shared.decisions import Decision
from shared.errors import TRANSIENT
from shared.fold import Change
from shared.http import Problem
from shared.ids import named
from shared.service import Running

PAGE = 50
LATER = (*TRANSIENT, Problem)
"""Found again at the next turn; a key that was parked meanwhile is not."""


@dataclass(frozen=True, slots=True)
class Rechecks:
    running: Running
    cases: Cases
    lookups: LookUps

    async def turn(self) -> None:
        """A page of the cases of this replica's shards whose time has come."""
        shards = list(self.running.ownership.shards)
        query = {"ix.recheck_at": {"$lte": self.cases.clock()}, "shard": {"$in": shards}, "parked": {"$exists": False}}
        due = await self.cases.find(query, sort=[("ix.recheck_at", 1)], limit=PAGE)
        answers = await self.lookups.ask([_query(case, self.cases.rules()) for case in due])
        done = [self._note(case, found) for case, found in zip(due, answers, strict=True)]
        for result in await asyncio.gather(*done, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, LATER):
                raise result

    async def _note(self, case: Case, found: Found | None) -> None:
        """The customer first, as with a contact: a case refers to what is known."""
        rules = self.cases.rules()
        cause = named("facts checked", case.case_id, wire(case.recheck_at) if case.recheck_at else "")
        if found and found.customer:
            decide = partial(entitled, decide=_as_he_is, found=found, rules=rules)
            (now, *_) = await self.cases.customers.everyone_who_is(case.customer_id)
            await self.running.submit(self.cases.customers, Change(now, decide, cause))
        checked = partial(rechecked, asked=case.facts, found=found, rules=rules)
        await self.running.submit(self.cases, Change(case.case_id, checked, cause))


def _query(case: Case, rules: Rules) -> Query:
    return Query(case.facts, looked_up_by(points_of_reach(case.reach), case.channel, rules))


def _as_he_is(state: Any, _: Any) -> Decision[Any]:
    return Decision(state)
