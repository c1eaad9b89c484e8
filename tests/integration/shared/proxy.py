"""A TCP proxy that can be shut and opened again: the world being away, and back. Held, it is there and silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse new connections and cut those that stand."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def hold(self) -> None:
        """Let nothing through until `let_go`."""
        self._flows.clear()

    def let_go(self) -> None:
        self._flows.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward, back = await asyncio.open_connection(*self._to)
        for source, target in ((reader, back), (onward, writer)):
            task = asyncio.create_task(_pour(source, target, self._flows))
            self._pipes.add(task)
            task.add_done_callback(self._pipes.discard)


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    try:
        while piece := await source.read(65536):
            await flows.wait()
            target.write(piece)
            await target.drain()
    except OSError:
        pass  # one side hung up; so does the other
    finally:
        target.close()


@asynccontextmanager
async def proxied(address: str) -> AsyncIterator[Proxy]:
    """A proxy to `host:port`, not open yet; it has a port of its own already."""
    host, port = address.rsplit(":", 1)
    proxy = Proxy(host, int(port))
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.shut()
