"""What may help with a case: similar ones that were solved, and knowledge (IN-9, IN-20). Help never holds up a case."""

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from services.intake.domain.approve import Approved
from services.intake.domain.archive import Help, archived
from services.intake.domain.case import Case
from services.intake.domain.findable import about
from services.intake.domain.knowledge import Library, brief
from services.intake.domain.rules import Rules
from services.intake.domain.similar import alike, helps, shown
from services.intake.search import Search
from services.intake.store import Cases
from shared.errors import TRANSIENT
from shared.events.cases import SimilarCase, Suggestion
from shared.fold import Change
from shared.rules import Rules as Live
from shared.store import Shape, Store

log = logging.getLogger(__name__)
KNOWLEDGE = Shape("knowledge", Approved, reads=frozenset({"feedback.v1"}))
LOOK_AGAIN_S = 2.0
AT_ONCE = 8
CLOSES = "work.closed"


class Knowledge:
    """All entries in force: the rules' and those that were approved, looked at again every LOOK_AGAIN_S."""

    def __init__(self, approved: Store[Approved], rules: Live[Rules]) -> None:
        self._approved, self._rules = approved, rules
        self._library = Library(())
        self._made_of: Any = None
        self._looked_at = float("-inf")
        self._turn = asyncio.Lock()

    async def library(self) -> Library:
        async with self._turn:
            if time.monotonic() - self._looked_at >= LOOK_AGAIN_S:
                await self._look()
            return self._library

    async def _look(self) -> None:
        shipped = self._rules().knowledge
        bodies = await self._approved.documents.find({}, projection={"v": 1}, sort=[("_id", 1)]).to_list(None)
        made_of = (shipped, [(body["_id"], body["v"]) for body in bodies])
        if made_of != self._made_of:
            approved = await self._approved.find({}, limit=0) if bodies else []
            self._library, self._made_of = Library(shipped.entries, approved), made_of
        self._looked_at = time.monotonic()


class Helper:
    def __init__(self, cases: Cases, search: Search, knowledge: Knowledge, rules: Live[Rules]) -> None:
        self.search, self.knowledge = search, knowledge
        self._cases, self._rules = cases, rules
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def found(self, case: Case) -> Help:
        """Nothing where the database does not answer in time."""
        try:
            async with self._at_once:
                return Help(await self.similar(case), await self.suggestions(case))
        except TRANSIENT as error:
            log.info("no help for a case: %s", type(error).__name__)
            return Help()

    async def similar(self, case: Case) -> tuple[SimilarCase, ...]:
        """What helped other customers who said much the same; the most alike first."""
        own = about(case)
        if not own:
            return ()
        himself = await self._cases.customers.everyone_who_is(case.customer_id)
        candidates = await self.search.candidates(own, but=himself)
        best = alike(own, candidates, await self.search.frequencies())
        cases = await self._cases.get_many([id_ for id_, _ in best])
        return tuple(shown(cases[id_], score) for id_, score in best if id_ in cases and helps(cases[id_]))

    async def suggestions(self, case: Case) -> tuple[Suggestion, ...]:
        library = await self.knowledge.library()
        found = library.suggested(about(case), case.category, self._rules().ask.suggest_from, case.facts)
        return tuple(brief(one, case.language) for one in found)

    async def prepare(self, changes: Sequence[Change[Case]]) -> None:
        """Changes that may close their case are given what is to be kept on it then."""
        closing = [change for change in changes if _may_close(change)]
        if not closing:
            return
        try:
            cases = await self._cases.get_many([change.key for change in closing])
        except TRANSIENT:
            return
        known = [change for change in closing if change.key in cases]
        found = await asyncio.gather(*(self.found(cases[change.key]) for change in known))
        for change, one in zip(known, found, strict=True):
            change.decide = partial(archived, decide=change.decide, found=one)


def _may_close(change: Change[Case]) -> bool:
    if change.event is not None:
        return change.event.type == CLOSES
    return change.timer or any(record.type == CLOSES for record in change.records)
