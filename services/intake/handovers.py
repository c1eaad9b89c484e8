"""What self-service handed over and a crash kept from its case is taken in later: nobody has to say it again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from services.intake.conversations import Conversations
from services.intake.domain.ask import Conversation
from services.intake.domain.case import Case
from shared.decisions import Refused
from shared.errors import TRANSIENT, Unreadable
from shared.events.contacts import Contact
from shared.http import Problem
from shared.service import Running

log = logging.getLogger(__name__)
PAGE = 50
LEFT_AFTER = timedelta(minutes=1)
"""Until then whoever heard it is still at it."""
LATER = (*TRANSIENT, Problem)
"""Found again at the next turn."""


@dataclass(frozen=True, slots=True)
class Handovers:
    running: Running
    talks: Conversations
    take: Callable[[Contact], Awaitable[Case]]

    async def turn(self) -> None:
        """A page of the conversations of this replica's shards in which something waits."""
        shards = list(self.running.ownership.shards)
        left = {"ix.waits_since": {"$lte": self.talks.clock() - LEFT_AFTER}, "shard": {"$in": shards}}
        found = await self.talks.find({**left, "parked": {"$exists": False}}, sort=[("ix.waits_since", 1)], limit=PAGE)
        for result in await asyncio.gather(*map(self._settle, found), return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, LATER):
                raise result

    async def _settle(self, talk: Conversation) -> None:
        """One that is refused is ours to mend; it waits on."""
        try:
            await self.talks.settle(self.running, talk, self.take)
        except (Refused, Unreadable) as refused:
            log.warning("what was said to self-service is in no case: %s", type(refused).__name__)
