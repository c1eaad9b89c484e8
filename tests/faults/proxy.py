"""A TCP proxy with weather: what services say to brokers and databases passes through it, and what the members of a
replica set say to each other.

It runs in a process of its own, so that what the suite itself computes delays nobody. It is told one `Orders` a line on
its standard input, and ends when that ends, however the suite does.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import uvloop
from pydantic import BaseModel, TypeAdapter

from deploy.local.errors import NotReady
from deploy.local.paths import ROOT
from deploy.local.ports import HOST

CHUNK = 64 * 1024
CHUNKS_ON_THE_WAY = 256
TICK_S = 0.1
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST and drops what was not sent


class Link(BaseModel, frozen=True):
    """From the port that others connect to, to the one where a node listens; `member` if it is of the replica set."""

    port: int
    to: int
    member: int | None = None


class Orders(BaseModel, frozen=True):
    """What the proxy does from now on.

    latency_s    is added in each direction
    resets       how many of the connections are reset each second, 0 to 1
    seed         of what is drawn: which of the open connections, in the order in which they were opened, and when
    members      process ids of the replica set's members
    apart        members that hear nothing from other members, nor are heard by them; all others reach them
    spared       process ids whose connections have no weather; those of members have none either
    """

    latency_s: float = 0
    resets: float = 0
    seed: float = 0
    members: dict[int, int] = {}
    apart: frozenset[int] = frozenset()
    spared: frozenset[int] = frozenset()


LINKS = TypeAdapter(list[Link])
Way = asyncio.Queue[tuple[float, bytes]]


@dataclass(eq=False)
class Connection:
    link: Link
    opener: int | None
    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]

    def reset(self) -> None:
        for end in self.ends:
            _reset(end)


class Proxy:
    def __init__(self, links: Iterable[Link]) -> None:
        self._links = list(links)
        self._orders = Orders()
        self._chance = Random(self._orders.seed)
        self._told = asyncio.Event()
        self._open: dict[Connection, None] = {}

    async def listen(self) -> None:
        for link in self._links:
            await asyncio.start_server(partial(self._accept, link), HOST, link.port, backlog=1024)

    def tell(self, orders: Orders) -> None:
        if orders.seed != self._orders.seed:
            self._chance = Random(orders.seed)
        self._orders = orders
        self._told.set()
        self._told = asyncio.Event()

    async def reset_some(self) -> None:
        """Never returns."""
        while True:
            await asyncio.sleep(TICK_S)
            chance = self._orders.resets * TICK_S
            for connection in filter(self._in_weather, list(self._open)):
                if chance and self._chance.random() < chance:
                    self._open.pop(connection)
                    connection.reset()

    async def _accept(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opener = self._opener(link, writer)
        try:
            back, onward = await asyncio.open_connection(HOST, link.to)
        except OSError:
            _reset(writer)
            return
        connection = Connection(link, opener, (writer, onward))
        self._open[connection] = None
        ways = [asyncio.create_task(self._pour(connection, *way)) for way in ((reader, onward), (back, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        self._open.pop(connection, None)
        for end in connection.ends:
            end.close()

    def _opener(self, link: Link, writer: asyncio.StreamWriter) -> int | None:
        peer = writer.get_extra_info("peername")
        if link.member is None or peer is None:
            return None
        return opener(peer[1], link.port, {*self._orders.members, *self._orders.spared})

    def _in_weather(self, connection: Connection) -> bool:
        return connection.opener not in self._orders.members and connection.opener not in self._orders.spared

    def _is_cut(self, connection: Connection) -> bool:
        source, target = self._orders.members.get(connection.opener or 0), connection.link.member
        return source not in (None, target) and not self._orders.apart.isdisjoint({source, target})

    async def _pour(self, connection: Connection, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Until the source ends. What is said across a cut is late and not lost, as with TCP."""
        on_the_way = Way(CHUNKS_ON_THE_WAY)
        taking = asyncio.create_task(self._take(connection, source, on_the_way))
        try:
            while chunk := await self._due(connection, on_the_way):
                target.write(chunk)
                await target.drain()
        except OSError:
            pass  # who should hear it hung up
        finally:
            taking.cancel()

    async def _take(self, connection: Connection, source: asyncio.StreamReader, on_the_way: Way) -> None:
        chunk = b"more"
        while chunk:
            try:
                chunk = await source.read(CHUNK)
            except OSError:
                chunk = b""
            latency = self._orders.latency_s if self._in_weather(connection) else 0
            await on_the_way.put((_now() + latency, chunk))

    async def _due(self, connection: Connection, on_the_way: Way) -> bytes:
        due, chunk = await on_the_way.get()
        if (wait := due - _now()) > 0:
            await asyncio.sleep(wait)
        while self._is_cut(connection):
            await self._told.wait()
        return chunk


def _now() -> float:
    return asyncio.get_running_loop().time()


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def opener(port: int, to: int, pids: Iterable[int]) -> int | None:
    """Which of these processes opened the connection between the two local ports; None: another."""
    sockets = Path("/proc/net/tcp").read_text()
    found = re.search(rf"^ *\d+: \w+:{port:04X} \w+:{to:04X} \w\w (?:\S+ +){{5}}(\d+)", sockets, re.MULTILINE)
    wanted = f"socket:[{found[1]}]" if found else ""
    return next((pid for pid in pids if wanted in _open_files(pid)), None)


def _open_files(pid: int) -> Iterator[str]:
    with suppress(OSError):  # it has ended, or closed one meanwhile
        yield from (os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir())


class Handle:
    """The proxy as the suite holds it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._orders, self._lock = process, Orders(spared=frozenset({os.getpid()})), threading.Lock()
        self.pid = process.pid

    def tell(self, **changes: object) -> None:
        """Changes the orders; they are followed when this returns. Raises NotReady if the proxy is gone."""
        with self._lock:
            self._orders = self._orders.model_copy(update=changes)
            self._say(self._orders.model_dump_json())

    def _say(self, line: str) -> None:
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        if not self._process.stdout.readline():
            raise NotReady("the proxy", "has ended")


@contextmanager
def proxying(links: Sequence[Link], log: Path) -> Iterator[Handle]:
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "tests.faults.proxy", LINKS.dump_json(list(links)).decode()]
    pipe = subprocess.PIPE
    with (
        log.open("ab") as out,
        subprocess.Popen(
            argv, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=out, start_new_session=True
        ) as process,
    ):
        handle = Handle(process)
        handle.tell()
        try:
            yield handle
        finally:
            process.kill()


async def serve(links: Sequence[Link]) -> None:
    proxy = Proxy(links)
    await proxy.listen()
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    resetting = asyncio.create_task(proxy.reset_some())
    while line := await orders.readline():
        proxy.tell(Orders.model_validate_json(line))
        print("followed", flush=True)
    resetting.cancel()


if __name__ == "__main__":
    uvloop.run(serve(LINKS.validate_json(sys.argv[1])))
