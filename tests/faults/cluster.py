"""Three brokers and a replica set of three as plain processes, behind a proxy that makes the weather.

with cluster(Path("faults")) as running:
    running.database.kill(running.database.primary())
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local import reaper
from deploy.local.paths import Paths
from deploy.local.ports import reserved
from deploy.local.stack import terminated_as_exit
from tests.faults import brokers, replica_set
from tests.faults.brokers import Brokers
from tests.faults.disk import disk
from tests.faults.proxy import Handle, proxying
from tests.faults.replica_set import Member, ReplicaSet
from tests.faults.roster import Roster

NODES = 3


class Cluster:
    def __init__(self, paths: Paths, roster: Roster, proxy: Handle, brokers: Brokers, database: ReplicaSet) -> None:
        self.paths, self.roster, self.brokers, self.database = paths, roster, brokers, database
        self._proxy = proxy

    @contextmanager
    def weather(self, *, latency_s: float = 0, resets: float = 0, seed: float = 0) -> Iterator[None]:
        """Between services and both. Latency in each direction; of the connections this share is reset each second,
        drawn from the seed."""
        self._proxy.tell(latency_s=latency_s, resets=resets, seed=seed)
        try:
            yield
        finally:
            self._proxy.tell(latency_s=0, resets=0)


@contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    """Up and ready, without topics. All that runs ends with the block, also by SIGTERM; the logs stay in `directory`.

    Raises LocalStackError.
    """
    paths = Paths(directory.absolute())
    with ExitStack() as closing:
        closing.enter_context(terminated_as_exit())
        closing.callback(shutil.rmtree, paths.root / "data", ignore_errors=True)
        full = closing.enter_context(disk(paths.data(replica_set.FOLDER)))
        closing.enter_context(reaper.watching(paths.root))
        roster = Roster(paths)
        closing.callback(roster.kill_all)
        nodes = [brokers.Ports(*(closing.enter_context(reserved()).port for _ in range(4))) for _ in range(NODES)]
        members = [
            Member(n, closing.enter_context(reserved()), closing.enter_context(reserved()).port) for n in range(NODES)
        ]
        links = [node.link for node in nodes] + [member.link for member in members]
        proxy = closing.enter_context(proxying(links, paths.log("proxy")))
        running = Cluster(
            paths, roster, proxy, Brokers(paths, roster, nodes), ReplicaSet(paths, roster, proxy, full, members)
        )
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda start: start(), (running.brokers.start_all, running.database.create)))
        yield running
