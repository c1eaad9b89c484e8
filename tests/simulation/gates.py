"""Stops at named points: an interleaving written step by step instead of drawn.

    write = gates.hold("count-0 write counts")     the next request of that name waits before it arrives
    await write.reached.wait()
    write.release()

Names: `<process> <operation> <collection or topic>`; operations: read, write (database), publish, commit (broker).
Whoever asked may be dead or frozen meanwhile: what is held is on the wire.
"""

import asyncio
from collections.abc import Callable

from tests.simulation.scheduler import HOST


class Held:
    """A request that is waited for, and then waits."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reached = asyncio.Event()
        self._arrive: Callable[[], None] | None = None

    def catch(self, arrive: Callable[[], None]) -> None:
        self._arrive = arrive
        self.reached.set()

    def release(self) -> None:
        """It arrives now."""
        assert self._arrive is not None, f"{self.name} was never asked for"
        self._arrive()


class Gates:
    def __init__(self) -> None:
        self._waiting: list[Held] = []

    def hold(self, name: str) -> Held:
        self._waiting.append(held := Held(name))
        return held

    def catches(self, what: str, arrive: Callable[[], None], host: object = None) -> bool:
        """Whether this request of the running process (or of `host`) is held; it then arrives when it is released."""
        if not self._waiting:
            return False
        name = f"{str(host or HOST.get()).partition('#')[0]} {what}"
        held = next((one for one in self._waiting if one.name == name), None)
        if held is None:
            return False
        self._waiting.remove(held)
        held.catch(arrive)
        return True
