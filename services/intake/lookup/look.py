"""The one question to a customer system, and how a batch asks it: all together, under one short deadline."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.intake.domain.found import Found

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Query:
    """`facts`: by name; `points`: of contact, as `phone:+8613800138000`."""

    facts: Mapping[str, str]
    points: tuple[str, ...]

    @property
    def same(self) -> tuple[object, ...]:
        return tuple(sorted(self.facts.items())), self.points


class LookUp(Protocol):
    async def look(self, query: Query) -> Found | None:
        """None: nobody can say it now. May be cancelled when its time is over."""
        ...


@dataclass(frozen=True, slots=True)
class LookUps:
    """`within_s`: what a batch waits for its answers, however many it asks for."""

    source: LookUp
    within_s: float

    async def ask(self, queries: Sequence[Query]) -> list[Found | None]:
        """The answers in the order of the queries; None for what was not answered in time."""
        different = {query.same: query for query in queries}
        asking = {same: asyncio.create_task(self.source.look(query)) for same, query in different.items()}
        if not asking:
            return []
        try:
            await asyncio.wait(asking.values(), timeout=self.within_s)
        finally:
            for task in asking.values():
                task.cancel()
        answers = await asyncio.gather(*asking.values(), return_exceptions=True)
        by_query = dict(zip(asking, map(_answer, answers), strict=True))
        return [by_query[query.same] for query in queries]


def _answer(answer: Found | BaseException | None) -> Found | None:
    """An error of ours in looking is no reason to keep a contact waiting."""
    if not isinstance(answer, BaseException):
        return answer
    if not isinstance(answer, asyncio.CancelledError):
        log.error("a look-up failed", exc_info=answer)
    return None
