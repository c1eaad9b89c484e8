"""The services as processes of their own, one or more of each, on a broker and a database that somebody else runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import local_keys, services
from deploy.local.errors import LocalStackError, NotReady
from deploy.local.paths import Paths
from deploy.local.ports import free_port
from deploy.local.processes import ProcessRef, spawn
from tests.rss import rss_mib
from tests.upgrades.before import running

log = logging.getLogger(__name__)
NAMES = tuple(services.SERVICES)
READY_WITHIN_S = 90.0
LEAVES_WITHIN_S = 10.0
POLL_S = 0.05
Note = Callable[[str, ProcessRef], None]


@dataclass
class Member:
    """One process of one service. It keeps its port and its settings when it is started again."""

    service: str
    number: int
    port: int
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    code: Path | None = None
    process: ProcessRef | None = None
    frozen: bool = False

    @property
    def name(self) -> str:
        return f"{self.service}-{self.number}"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.alive()

    @property
    def answers(self) -> bool:
        return self.runs and not self.frozen

    def rss_mib(self) -> float:
        """Memory in use now."""
        assert self.process is not None
        return rss_mib(self.process.pid)


class Fleet:
    """`kafka`, `mongo`: the addresses that the services are given, and `direct` those for whoever looks on.

    `note` hears of every process that is started.
    """

    def __init__(
        self, directory: Path, kafka: str, mongo: str, direct: tuple[str, str], rules: Path | None, note: Note
    ) -> None:
        self.paths, self._note = Paths(directory), note
        self.members: dict[str, list[Member]] = {name: [] for name in NAMES}
        key = local_keys.admin_key(self.paths.keys)
        self._common = {
            "SWITCHBOARD_KAFKA": kafka, "SWITCHBOARD_MONGO": mongo, "SWITCHBOARD_KEYS": str(self.paths.keys),
            "SWITCHBOARD_OUTBOX": str(self.paths.outbox), "SWITCHBOARD_HTTP_HOST": "127.0.0.1",
        } | ({"SWITCHBOARD_RULES": str(rules)} if rules else {})  # fmt: skip
        first = {name: self._new(name, 0) for name in NAMES}
        looking = {"SWITCHBOARD_KAFKA": direct[0], "SWITCHBOARD_MONGO": direct[1], "SWITCHBOARD_KEY": key}
        self.env = looking | {f"{name.upper()}_URL": member.address for name, member in first.items()}

    def __iter__(self) -> Iterator[Member]:
        return (member for members in self.members.values() for member in members)

    def of(self, service: str) -> list[Member]:
        return self.members[service]

    def running(self) -> list[Member]:
        return [member for member in self if member.runs]

    def _new(self, service: str, number: int) -> Member:
        name = service if number == 0 else f"{service}-{number}"
        member = Member(service, number, free_port(services.SERVICES[service] + 100 * number), self.paths.log(name))
        self.members[service].append(member)
        return member

    def start(self, member: Member, *, env: Mapping[str, str] | None = None, code: Path | None = None) -> None:
        """Starts it, with these settings besides the common ones and on this code, if another than ours."""
        member.env, member.code, member.frozen = dict(env or {}), code, False
        log.info("start %s", member.name)
        argv = [sys.executable, "-m", f"services.{member.service}.app"]
        member.process = spawn(argv, self._environ(member), member.log)
        self._note(member.name, member.process)

    def _environ(self, member: Member) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        own = {"SWITCHBOARD_HTTP_PORT": str(member.port), "SWITCHBOARD_PUBLIC_URL": self.env["FEEDBACK_URL"]}
        return ours | self._common | own | (running(member.code) if member.code else {}) | member.env

    def start_again(self, member: Member) -> None:
        self.start(member, env=member.env, code=member.code)

    def kill(self, member: Member) -> None:
        """kill -9; returns when nothing is left of it."""
        log.info("kill -9 %s", member.name)
        if member.process is not None:
            member.process.kill()
        member.process = None

    def freeze(self, member: Member) -> None:
        assert member.process is not None
        log.info("SIGSTOP %s", member.name)
        os.kill(member.process.pid, signal.SIGSTOP)
        member.frozen = True

    def thaw(self, member: Member) -> None:
        if member.process is not None and member.process.alive():
            log.info("SIGCONT %s", member.name)
            os.kill(member.process.pid, signal.SIGCONT)
        member.frozen = False

    async def leave(self, member: Member) -> float:
        """SIGTERM; returns the seconds until it was gone. LocalStackError if it stays: then it is killed."""
        assert member.process is not None
        log.info("SIGTERM %s", member.name)
        began = time.monotonic()
        os.kill(member.process.pid, signal.SIGTERM)
        while member.process.alive():
            if time.monotonic() - began > 3 * LEAVES_WITHIN_S:
                self.kill(member)
                raise LocalStackError(f"{member.name} was still there {3 * LEAVES_WITHIN_S:g} s after SIGTERM")
            await asyncio.sleep(POLL_S)
        member.process.stop()
        member.process = None
        return time.monotonic() - began

    async def ready(self, *members: Member) -> None:
        """Returns when these (all, if none is named) answer that they are ready. Raises NotReady with the log's end."""
        await asyncio.gather(*(self._ready(member) for member in members or [m for m in self if m.runs]))

    async def _ready(self, member: Member) -> None:
        end = time.monotonic() + READY_WITHIN_S
        while not await asyncio.to_thread(services.is_ready, member.address):
            if not member.runs:
                raise NotReady(member.name, "ended", member.log)
            if time.monotonic() > end:
                raise NotReady(member.name, f"is not ready after {READY_WITHIN_S:g} s", member.log)
            await asyncio.sleep(4 * POLL_S)

    async def scale(
        self, service: str, count: int, env: Mapping[str, str] | None = None, code: Path | None = None
    ) -> float:
        """So many processes of a service; returns the longest that one took to leave, in seconds."""
        while len(self.of(service)) < count:
            self._new(service, len(self.of(service)))
        for member in self.of(service)[:count]:
            if not member.runs:
                self.start(member, env=env, code=code)
        left = [await self.leave(member) for member in self.of(service)[count:] if member.runs]
        return max(left, default=0.0)

    async def restart(self, member: Member, env: Mapping[str, str] | None = None, code: Path | None = None) -> float:
        """Leaves in order and comes again, ready; returns the seconds that leaving took."""
        took = await self.leave(member)
        self.start(member, env=env, code=code)
        await self.ready(member)
        return took

    async def roll(self, code: Path | None = None) -> float:
        """Every process, one after the other; returns the longest that one took to leave."""
        return max([await self.restart(member, code=code) for member in self.running()])

    def stop(self) -> None:
        for member in self:
            self.kill(member)


@contextmanager
def fleet(
    directory: Path, kafka: str, mongo: str, *, direct: tuple[str, str], rules: Path | None, note: Note
) -> Iterator[Fleet]:
    """One process of each service, started and not ready yet; all are gone at the end."""
    made = Fleet(directory, kafka, mongo, direct, rules, note)
    try:
        for member in made:
            made.start(member)
        yield made
    finally:
        made.stop()
