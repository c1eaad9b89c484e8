"""The way out: takes what is due in one guarded write, hands it to the providers, writes what became of it in another.

One lane per provider, so that a slow one holds up nobody else. Whoever is told to stop finishes what it has taken.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from services.notify.domain import deliver
from services.notify.domain.casefile import Casefile, Message
from services.notify.domain.rules import Rules
from services.notify.providers.base import Outgoing, Provider, Result, because
from services.notify.store import Casefiles, ripe
from shared.errors import TRANSIENT
from shared.fold import Change, Outcome
from shared.ids import named
from shared.metrics import Metrics
from shared.ownership import Ownership
from shared.rules import Rules as Live

log = logging.getLogger(__name__)
MANY = 500
LOOK_AGAIN_S = 0.25
TRY_AGAIN_S = 0.5
INSIST_S = 10.0


class Delivery:
    """`me`: a name that no other process, before or beside, has."""

    def __init__(
        self, files: Casefiles, providers: Iterable[Provider], rules: Live[Rules], metrics: Metrics, *, me: str
    ) -> None:
        self._files, self._rules, self._metrics, self._me = files, rules, metrics, me
        self._providers = {provider.name: provider for provider in providers}
        self._recognising = frozenset(p.name for p in self._providers.values() if p.recognises_repeats)
        self._lanes: dict[asyncio.Task[None], str] = {}
        self._woken = asyncio.Event()
        self._round = 0

    async def after(self, outcomes: Sequence[Outcome[Any]]) -> None:
        """Count what was decided, and wake up for what is to be sent. Harmless when called again."""
        self._count(outcomes)
        if any(isinstance(o.state, Casefile) and deliver.due(o.state) for o in outcomes):
            self._woken.set()

    async def run(self, ownership: Ownership) -> None:
        """Deliver for ever; when cancelled, finish what was taken and report it."""
        while True:
            self._woken.clear()
            turn = asyncio.create_task(self.turn(ownership))
            try:
                found = await asyncio.shield(turn)
                if found < MANY:
                    await self._wait()
            except asyncio.CancelledError:
                await asyncio.wait([turn])
                await self.idle()
                raise

    async def turn(self, ownership: Ownership) -> int:
        """Take what is due and start its lanes; returns how many case files were looked at."""
        shards = sorted(ownership.shards) or list(range(self._files.partitions))
        busy = sorted(set(self._lanes.values()))
        keys = await ripe(self._files, shards, self._files.clock(), busy, MANY)
        if keys:
            for name, messages in (await self._take(keys, busy)).items():
                lane = asyncio.create_task(self._lane(name, messages))
                self._lanes[lane] = name
                lane.add_done_callback(self._lane_free)
        return len(keys)

    def _lane_free(self, lane: asyncio.Task[None]) -> None:
        del self._lanes[lane]
        self._woken.set()

    async def idle(self) -> None:
        """Wait until nothing is being handed over."""
        while self._lanes:
            await asyncio.wait(self._lanes)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN_S):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _take(self, keys: Sequence[str], busy: Sequence[str]) -> dict[str, list[tuple[str, Message]]]:
        """The messages that are ours now, by provider."""
        self._round += 1
        by = f"{self._me}:{self._round}"
        decide = partial(deliver.pick_up, by=by, rules=self._rules(), recognising=self._recognising, busy=busy)
        changes = [_change(key, decide, named("take", key, by)) for key in keys]
        outcomes = await self._insist(changes, INSIST_S)
        taken: dict[str, list[tuple[str, Message]]] = {}
        for outcome in outcomes:
            for message in deliver.in_hand(outcome.state, by) if outcome.state else ():
                taken.setdefault(message.provider, []).append((outcome.key, message))
        return taken

    async def _lane(self, name: str, messages: Sequence[tuple[str, Message]]) -> None:
        results = await self._ask(self._providers[name], messages)
        try:
            await self._report(messages, results)
        except Exception:
            log.exception("what became of %d messages could not be written", len(messages))

    async def _ask(self, provider: Provider, messages: Sequence[tuple[str, Message]]) -> Sequence[Result]:
        """One result per message, whatever the provider does; nothing is handed over after the lease."""
        now, desk = self._files.clock(), self._rules().channels.staff.channel
        left = min(((m.next_at - now).total_seconds() for _, m in messages if m.next_at), default=0.0)
        if left <= 0:
            return [Result("untried", "the lease ended before the hand-over")] * len(messages)
        try:
            async with asyncio.timeout(left):
                results = await provider.send([_outgoing(key, message, now, desk) for key, message in messages])
            if len(results) == len(messages):
                return results
            why = f"{provider.name} gave {len(results)} answers to {len(messages)} messages"
        except TimeoutError:
            why = f"no answer within {left:.0f} s"
        except Exception as error:  # a provider's bug must not stop the other providers
            log.exception("provider %s failed", provider.name)
            why = because(error)
        return [Result("open", why)] * len(messages)

    async def _report(self, messages: Sequence[tuple[str, Message]], results: Sequence[Result]) -> None:
        """Write what became of the messages, again while the store is away: nobody else knows it."""
        changes = [self._became(key, m, r) for (key, m), r in zip(messages, results, strict=True)]
        until = max((m.next_at for _, m in messages if m.next_at), default=self._files.clock())
        await self._insist(changes, (until - self._files.clock()).total_seconds())

    async def _insist(self, changes: Sequence[Change[Casefile]], seconds: float) -> list[Outcome[Casefile]]:
        """Write, again and again while the store is away, for so long; the decisions know their repeats."""
        until = self._files.clock() + timedelta(seconds=seconds)
        while True:
            try:
                outcomes = await self._files.apply(changes)
                self._count(outcomes)
                return outcomes
            except TRANSIENT:
                if self._files.clock() >= until:
                    raise
            await asyncio.sleep(TRY_AGAIN_S)

    def _became(self, key: str, message: Message, result: Result) -> Change[Casefile]:
        decide: Callable[..., Any]
        if result.outcome == "ok":
            decide = partial(deliver.sent, id_=message.id, attempt=message.attempt, provider=message.provider)
        else:
            decide = partial(
                deliver.failed, id_=message.id, attempt=message.attempt, failure=result.outcome, why=result.why,
                rules=self._rules(), recognising=self._recognising,
            )  # fmt: skip
        return _change(key, decide, named("became", message.id, message.attempt))

    def _count(self, outcomes: Sequence[Outcome[Any]]) -> None:
        for outcome in outcomes:
            for event in outcome.events if outcome.status == "applied" else ():
                self._metrics.notifications.labels(getattr(event, "channel", ""), event.TYPE.partition(".")[2]).inc()


def _change(key: str, decide: Callable[..., Any], cause: str) -> Change[Casefile]:
    """`timer`: an error of ours on one case parks that case instead of failing the batch."""

    def known(state: Casefile | None, now: Any) -> Any:
        assert state is not None, "found by its due time"
        return decide(state, now)

    return Change(key=key, decide=known, cause=cause, timer=True)


def _outgoing(key: str, message: Message, now: Any, desk: str) -> Outgoing:
    return Outgoing(
        notification_id=message.id,
        case_id=key,
        channel=message.channel,
        to=message.to,
        language=message.language,
        template=message.template,
        subject=message.subject,
        text=message.text,
        at=now,
        staff=message.channel == desk,
    )
