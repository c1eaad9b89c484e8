"""Asks, contact by contact, in which case it is visible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from demo.doors import Doors
from demo.lines import Identity

AT_ONCE = 48
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 2.0


class Visible:
    """`cases` grows as contacts become visible, `missing` shrinks."""

    def __init__(self, doors: Doors, contacts: Iterable[Identity]) -> None:
        self._doors = doors
        self.missing = list(contacts)
        self.cases: dict[Identity, str] = {}

    async def run(self) -> None:
        """Returns when every contact is visible; until then asks again for those that are not."""
        pause = FIRST_PAUSE_S
        while self.missing:
            before = len(self.missing)
            await self._round()
            pause = FIRST_PAUSE_S if len(self.missing) < before else min(LONGEST_PAUSE_S, pause * 2)
            if self.missing:
                await asyncio.sleep(pause)

    async def _round(self) -> None:
        todo = iter(list(self.missing))
        await asyncio.gather(*(self._ask(todo) for _ in range(AT_ONCE)))
        self.missing[:] = [contact for contact in self.missing if contact not in self.cases]

    async def _ask(self, todo: Iterator[Identity]) -> None:
        for contact in todo:
            if case := await self._doors.case_of(*contact):
                self.cases[contact] = case
