from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bson import Timestamp
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from deploy.local import mongo_process
from deploy.local.errors import NotReady
from deploy.local.paths import Paths
from deploy.local.ports import HOST, Reserved
from deploy.local.readiness import REPLICA_SET, wait_until
from tests.faults.disk import Disk
from tests.faults.proxy import Handle, Link
from tests.faults.roster import Roster

WITHIN = 120.0
FOLDER = "replica-set"
ELECTIONS = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
STEPS_ASIDE_S, CATCHES_UP_S = 30, 20
OPLOG_MB = 256


@dataclass(frozen=True)
class Member:
    n: int
    port: Reserved
    proxy: int

    @property
    def name(self) -> str:
        return f"{FOLDER}/{self.n}"

    @property
    def link(self) -> Link:
        return Link(port=self.proxy, to=self.port.port, member=self.n)

    def ask(self, question: str | dict[str, Any]) -> dict[str, Any]:
        """Raises PyMongoError."""
        url = f"mongodb://{HOST}:{self.port.port}/?directConnection=true"
        with MongoClient[dict[str, Any]](
            url, serverSelectionTimeoutMS=1000, socketTimeoutMS=1000 * STEPS_ASIDE_S
        ) as client:
            return client.admin.command(question)

    def answers(self) -> bool:
        return bool(self.hello())

    def last_write(self) -> tuple[int, Timestamp]:
        """What orders all writes of the set."""
        found = self.hello().get("lastWrite", {}).get("opTime", {})
        return found.get("t", -1), found.get("ts", Timestamp(0, 0))

    def hello(self) -> dict[str, Any]:
        """Nothing while it does not answer."""
        try:
            return self.ask("hello")
        except PyMongoError:
            return {}


class ReplicaSet:
    """Three members, 0 to 2, that know each other by the addresses of the proxy, as do all drivers.

    url       for services
    direct    for the suite's own process, whose connections the proxy spares
    """

    def __init__(self, paths: Paths, roster: Roster, proxy: Handle, disk: Disk, members: Sequence[Member]) -> None:
        self._paths, self._roster, self._proxy, self._disk, self._members = paths, roster, proxy, disk, list(members)
        self._apart: frozenset[int] = frozenset()
        self.url = f"mongodb://{','.join(self._hosts())}/?replicaSet={REPLICA_SET}"
        self.direct = self.url

    def create(self) -> None:
        """The three for the first time. Raises NotReady."""
        self._launch_all()
        for member in self._members:
            self._wait(member.n, "does not answer", member.answers)
        members = [{"_id": n, "host": host} for n, host in enumerate(self._hosts())]
        self._members[0].ask({"replSetInitiate": {"_id": REPLICA_SET, "members": members, "settings": ELECTIONS}})
        self.start_all()

    def primary(self) -> int:
        """The newest one, where one that is cut off still believes in itself. Waits for it. Raises NotReady."""
        if not wait_until(lambda: bool(self._primaries()), WITHIN):
            raise NotReady("the replica set", "has no primary", self._paths.log(self._members[0].name))
        return max(self._primaries())[1]

    def alive(self, n: int) -> bool:
        return self._roster.alive(self._members[n].name)

    def kill(self, n: int) -> None:
        self._roster.kill(self._members[n].name)

    def kill_all(self) -> None:
        for member in self._members:
            self.kill(member.n)

    def start(self, n: int) -> None:
        """Returns when it is primary or secondary. Nothing happens to one that runs. Raises NotReady."""
        self._launch(n)
        self._wait(n, "is neither primary nor secondary", lambda: self._serves(n))

    def start_all(self) -> None:
        """Returns when all serve and there is a primary. Raises NotReady."""
        self._launch_all()
        for member in self._members:
            self.start(member.n)
        self.primary()

    def step_down(self) -> None:
        """Returns when another one is primary. Raises NotReady."""
        before = self.primary()
        self._members[before].ask({"replSetStepDown": STEPS_ASIDE_S, "secondaryCatchUpPeriodSecs": CATCHES_UP_S})
        self._wait(before, "is still primary", lambda: self.primary() != before)

    def cut_off(self, n: int) -> None:
        """From the other members, in both directions; whoever else talks to it still reaches it."""
        self._set_apart(self._apart | {n})

    def rejoin(self, n: int) -> None:
        """Returns when it has what the primary has. Raises NotReady."""
        self._set_apart(self._apart - {n})
        self._wait(n, "did not come back", lambda: self._caught_up(n))

    def fill_disk(self) -> None:
        """Of all members, since one alone with a full disk is one that was killed. A mongod ends when it can't write.

        Raises NoDisk.
        """
        self._disk.fill()

    def free_disk(self) -> None:
        """Starts those that have ended and returns when all serve and there is a primary. Raises NotReady."""
        self._disk.free()
        wait_until(self._all_serve, WITHIN)
        self.start_all()

    def _hosts(self) -> list[str]:
        return [f"{HOST}:{member.proxy}" for member in self._members]

    def _launch_all(self) -> None:
        for member in self._members:
            self._launch(member.n)

    def _launch(self, n: int) -> None:
        if self.alive(n):
            return
        member = self._members[n]
        process = mongo_process.start(member.port, self._paths, member.name, ["--oplogSize", str(OPLOG_MB)])
        self._roster.note(member.name, process)
        self._proxy.tell(members=self._pids())

    def _pids(self) -> dict[int, int]:
        running = [member for member in self._members if self.alive(member.n)]
        return {self._roster.process(member.name).pid: member.n for member in running}

    def _set_apart(self, apart: frozenset[int]) -> None:
        self._apart = apart
        self._proxy.tell(apart=apart)

    def _serves(self, n: int) -> bool:
        found = self._members[n].hello()
        return bool(found.get("isWritablePrimary") or found.get("secondary"))

    def _all_serve(self) -> bool:
        """Starts what has ended meanwhile: who met the full disk may be about to end when it is freed."""
        self._launch_all()
        return all(self._serves(member.n) for member in self._members)

    def _caught_up(self, n: int) -> bool:
        primaries = self._primaries()
        if len(primaries) != 1 or not self._serves(n):
            return False
        primary = self._members[primaries[0][1]]
        return primary.last_write() <= self._members[n].last_write()

    def _primaries(self) -> list[tuple[Any, int]]:
        """Each with what orders their elections."""
        found = [(member.hello(), member.n) for member in self._members]
        return [(hello["electionId"], n) for hello, n in found if hello.get("isWritablePrimary")]

    def _wait(self, n: int, otherwise: str, condition: Callable[[], bool]) -> None:
        name = self._members[n].name
        if not wait_until(condition, WITHIN, hopeless=lambda: not self._roster.alive(name)):
            raise NotReady(name, otherwise, self._paths.log(name))
