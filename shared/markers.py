"""What ends a sender's transaction has an offset, and no consumer is given it.

Where such markers are the last on a partition, its reader would look for ever as if it had not applied the end, and the
timers of the shard would wait for it. The same where a topic has deleted all that it had before it was read.
"""

import logging
from collections.abc import Mapping

from shared.bus import Bus, Place
from shared.kafka import KafkaConsumer
from shared.offsets import Offsets

log = logging.getLogger(__name__)
MOST = 10
"""Offsets that are looked into. Each sender leaves one marker on a partition, so more are no markers only."""


class Markers:
    """Steps over them: where a few offsets before the end have stood for a while, it looks whether they are records."""

    def __init__(self, bus: Bus, offsets: Offsets) -> None:
        self._bus, self._offsets = bus, offsets
        self._stood: Mapping[Place, int] = {}

    async def look(self, consumer: KafkaConsumer) -> None:
        """To be called about once a second. Asks the broker only while something stands."""
        starts = self._standing()
        lags = {place: consumer.lag(place, start) or 0 for place, start in starts.items()}
        ends = {place: starts[place] + lag for place, lag in lags.items() if 0 < lag <= MOST}
        if ends:
            firsts = await self._offsets.firsts({place: starts[place] for place in ends}, ends)
            nothing = {place: ends[place] for place, first in firsts.items() if first is None}
            await self._bus.step_over(starts, nothing, consumer)
        if far := {place: starts[place] + lag for place, lag in lags.items() if lag > MOST}:
            await self._step_over_deleted(starts, far, consumer)

    async def _step_over_deleted(
        self, starts: Mapping[Place, int], ends: Mapping[Place, int], consumer: KafkaConsumer
    ) -> None:
        begins = await self._offsets.begins(ends)
        deleted = {place: end for place, end in ends.items() if begins[place] >= end}
        for place, end in deleted.items():
            log.error("the topic has deleted what was not read yet: %s/%s from %s to %s", *place, starts[place], end)
        await self._bus.step_over(starts, deleted, consumer)

    def _standing(self) -> dict[Place, int]:
        """The partitions on which nothing was applied since the last look, and where they stand."""
        ownership, before = self._bus.ownership, self._stood
        self._stood = {p: offset for p in ownership.places if (offset := ownership.next_offset(p)) is not None}
        return {place: offset for place, offset in self._stood.items() if before.get(place) == offset}
