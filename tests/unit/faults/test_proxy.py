from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from deploy.local.paths import ROOT
from deploy.local.ports import HOST, free_port
from deploy.local.processes import started_at
from tests.faults.proxy import Handle, Link, proxying
from tests.waiting import eventually

ME = os.getpid()
THERE_AND_BACK_S = 0.39
"""0.2 s each way, less a tick of the clock."""
NOT_MEMBER, MEMBER = Link(port=free_port(), to=free_port()), Link(port=free_port(), to=free_port(), member=0)
# Holds a proxy until it is killed.
SUITE = """
import sys, time
from pathlib import Path
from tests.faults.proxy import proxying
with proxying([], Path(sys.argv[1])) as proxy:
    print(proxy.pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Handle]:
    with proxying([NOT_MEMBER, MEMBER], tmp_path / "log") as running:
        yield running


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    async def echo(self, said: bytes) -> float:
        """Seconds until all of it came back."""
        before = time.monotonic()
        self.writer.write(said)
        assert await asyncio.wait_for(self._reader.readexactly(len(said)), 20) == said
        return time.monotonic() - before


async def _hear(link: Link) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, link.port)
    try:
        return await asyncio.wait_for(reader.read(1), 5)
    finally:
        writer.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionResetError):
        while piece := await reader.read(65536):
            writer.write(piece)


async def _talk(caller: Caller, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while True:
            await caller.echo(b"more")


@asynccontextmanager
async def called(link: Link) -> AsyncIterator[Caller]:
    """A connection through the proxy to a server that says everything back."""
    server = await asyncio.start_server(_echo, HOST, link.to)
    caller = Caller(*await asyncio.open_connection(HOST, link.port))
    try:
        yield caller
    finally:
        caller.writer.close()
        server.close()


async def test_what_is_said_arrives_whole(proxy: Handle) -> None:
    async with called(NOT_MEMBER) as caller:
        await caller.echo(os.urandom(4 << 20))


async def test_latency_is_added_in_each_direction_and_narrows_nothing(proxy: Handle) -> None:
    async with called(NOT_MEMBER) as caller:
        proxy.tell(latency_s=0.2)
        assert THERE_AND_BACK_S <= await caller.echo(b"once") < 0.8
        assert THERE_AND_BACK_S <= await caller.echo(os.urandom(4 << 20)) < 4
        proxy.tell(latency_s=0)
        assert await caller.echo(b"again") < 0.2


async def test_resets_are_seen_as_resets(proxy: Handle) -> None:
    async with called(NOT_MEMBER) as caller:
        await caller.echo(b"before")
        proxy.tell(resets=1.0)
        with pytest.raises(ConnectionResetError):
            await _talk(caller, 20)


async def test_which_connections_are_reset_and_in_which_order_is_drawn_from_the_seed(tmp_path: Path) -> None:
    first = [await _reset_first(tmp_path / f"{run}", seed) for run, seed in enumerate((0.1, 0.1, 0.5))]
    assert first[0] == first[1] != first[2]


async def _reset_first(directory: Path, seed: float) -> list[int]:
    """Four of twelve connections, each as the number in which it was opened."""
    order: list[int] = []

    async def hear(number: int, reader: asyncio.StreamReader) -> None:
        with suppress(ConnectionResetError):
            await reader.read()
        order.append(number)

    with proxying([NOT_MEMBER], directory / "log") as proxy:
        server = await asyncio.start_server(_echo, HOST, NOT_MEMBER.to)
        ends = [await asyncio.open_connection(HOST, NOT_MEMBER.port) for _ in range(12)]
        for end in ends:
            await Caller(*end).echo(b"open")
        proxy.tell(resets=0.2, seed=seed)
        hearing = [asyncio.create_task(hear(number, reader)) for number, (reader, _) in enumerate(ends)]
        await eventually(lambda: len(order) >= 4)
    for task in hearing:
        task.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)
    server.close()
    return order[:4]


async def test_members_and_the_suite_itself_have_no_weather(proxy: Handle) -> None:
    async with called(MEMBER) as suite:
        proxy.tell(latency_s=0.2)
        assert await suite.echo(b"suite") < 0.2
        proxy.tell(members={ME: 1}, spared=frozenset())
        assert await suite.echo(b"member") < 0.2
        proxy.tell(members={})
        assert await suite.echo(b"service") >= THERE_AND_BACK_S


async def test_a_member_that_is_apart_hears_other_members_only_after_it_is_back(proxy: Handle) -> None:
    proxy.tell(members={ME: 1})
    async with called(MEMBER) as other:
        await other.echo(b"together")
        proxy.tell(apart=frozenset({0}))
        waiting = asyncio.create_task(other.echo(b"apart"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.5)
        proxy.tell(apart=frozenset())
        await waiting


async def test_whoever_is_no_other_member_still_reaches_one_that_is_apart(proxy: Handle) -> None:
    async with called(MEMBER) as caller:
        proxy.tell(apart=frozenset({0}))
        await caller.echo(b"client")
        proxy.tell(members={ME: 0})
        await caller.echo(b"itself")


async def test_behind_a_node_that_is_away_nobody_answers(proxy: Handle) -> None:
    with pytest.raises(ConnectionResetError):
        await _hear(NOT_MEMBER)


async def test_the_proxy_ends_with_a_suite_that_is_killed(tmp_path: Path) -> None:
    suite = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUITE, tmp_path / "log", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert suite.stdout
    pid = int(await suite.stdout.readline())
    assert started_at(pid)
    suite.kill()
    await suite.wait()
    await eventually(lambda: started_at(pid) is None)
