from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local import kafka_process
from deploy.local.errors import NotReady
from deploy.local.paths import Paths
from deploy.local.ports import HOST
from deploy.local.readiness import kafka_answers, wait_until
from tests.faults.proxy import Link
from tests.faults.roster import Roster

IN_SYNC_WITHIN = 240.0
MOST_MEMORY = "384m"


@dataclass(frozen=True)
class Ports:
    """`direct`: for brokers and the suite. `weather`: where the proxy leads to, and `proxy`: where it listens."""

    direct: int
    weather: int
    proxy: int
    controller: int

    @property
    def link(self) -> Link:
        return Link(port=self.proxy, to=self.weather)


class Brokers:
    """Three brokers, 0 to 2, each a controller too. A topic has three replicas and takes a record when two have it.

    bootstrap    for services: through the proxy
    direct       for the suite's own clients, without weather
    """

    def __init__(self, paths: Paths, roster: Roster, ports: Sequence[Ports]) -> None:
        self._paths, self._roster, self._ports = paths, roster, list(ports)
        self.bootstrap = ",".join(f"{HOST}:{own.proxy}" for own in ports)
        self.direct = ",".join(f"{HOST}:{own.direct}" for own in ports)

    def kill(self, n: int) -> None:
        self._roster.kill(_name(n))

    def kill_all(self) -> None:
        for n in range(len(self._ports)):
            self.kill(n)

    def start(self, n: int) -> None:
        """Returns when it has all records that it should have. Nothing happens to one that runs. Raises NotReady."""
        self._launch(n)
        self._wait(n)

    def start_all(self) -> None:
        for n in range(len(self._ports)):
            self._launch(n)
        for n in range(len(self._ports)):
            self._wait(n)

    def _launch(self, n: int) -> None:
        name = _name(n)
        if not self._roster.alive(name):
            process = kafka_process.launch(name, self._properties(n), self._paths, most_memory=MOST_MEMORY)
            self._roster.note(name, process)

    def _wait(self, n: int) -> None:
        name = _name(n)
        if not wait_until(lambda: self.in_sync(n), IN_SYNC_WITHIN, hopeless=lambda: not self._roster.alive(name)):
            raise NotReady(name, "did not come into sync", self._paths.log(name))

    def in_sync(self, n: int) -> bool:
        if not kafka_answers(f"{HOST}:{self._ports[n].direct}"):
            return False
        with ThreadPoolExecutor(1) as thread:  # the caller may be inside a running loop
            return thread.submit(asyncio.run, _in_sync(self.direct, n)).result()

    def _properties(self, n: int) -> dict[str, str | int]:
        own = self._ports[n]
        doors = {"DIRECT": own.direct, "WEATHER": own.weather, "CONTROLLER": own.controller}
        return {
            **kafka_process.properties(own.direct, own.controller),
            "node.id": n,
            "controller.quorum.voters": ",".join(f"{m}@{HOST}:{p.controller}" for m, p in enumerate(self._ports)),
            "listeners": _listeners(doors),
            "advertised.listeners": _listeners({"DIRECT": own.direct, "WEATHER": own.proxy}),
            "listener.security.protocol.map": ",".join(f"{door}:PLAINTEXT" for door in doors),
            "inter.broker.listener.name": "DIRECT",
            "default.replication.factor": len(self._ports),
            "offsets.topic.replication.factor": len(self._ports),
            "min.insync.replicas": 2,
        }


def _name(n: int) -> str:
    return f"broker-{n}"


def _listeners(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())


async def _in_sync(bootstrap: str, n: int) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        registered = {broker["node_id"] for broker in (await admin.describe_cluster())["brokers"]}
        partitions = [part for topic in await admin.describe_topics() for part in topic["partitions"]]
    except KafkaError:
        return False
    finally:
        await admin.close()
    return n in registered and all(n in part["isr"] for part in partitions if n in part["replicas"])
