"""Free ports for what is about to be started.

Seconds pass between the choice of a port and the moment a part listens there, and nobody else may choose it meanwhile.
So whoever chooses first takes the UDP port of the same number, which no part needs: the kernel gives it to one at a
time on the whole machine, and takes it back when the last process that holds it is gone, however it ended.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalStackError, NotReady, PortTaken

HOST = "127.0.0.1"
TRIES = 50
_kept: list[socket.socket] = []


@dataclass(frozen=True)
class Reserved:
    """A free port, and the descriptor that keeps it from others: a part that inherits it keeps it to its own end."""

    port: int
    fd: int


@contextmanager
def reserved(preferred: int = 0) -> Iterator[Reserved]:
    """The preferred port if nobody has it, else any free one; nobody else is given it during the block."""
    with _reserve(preferred) as held:
        yield Reserved(held.getsockname()[1], held.fileno())


def free_port(preferred: int = 0) -> int:
    """The same for what takes a number only: reserved as long as this process lives."""
    held = _reserve(preferred)
    _kept.append(held)
    return int(held.getsockname()[1])


def is_free(port: int) -> bool:
    with _tcp() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return not is_open(port)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def failed(name: str, what: str, port: int, log: Path | None = None) -> NotReady:
    """What to raise for a part that is gone: PortTaken if something else has its port by now."""
    return NotReady(name, what, log) if is_free(port) else PortTaken(name, what, port, log)


def _reserve(preferred: int) -> socket.socket:
    if preferred and (held := _take(preferred)):
        return held
    for _ in range(TRIES):
        if held := _take(_any()):
            return held
    raise LocalStackError("this machine has no free port")


def _take(port: int) -> socket.socket | None:
    """UDP first, then the look at TCP: who gets here can no longer be overtaken by another who chooses."""
    held = socket.socket(type=socket.SOCK_DGRAM)
    try:
        held.bind((HOST, port))
    except OSError:
        held.close()
        return None
    if is_free(port):
        return held
    held.close()
    return None


def _any() -> int:
    """Asked of TCP, because the kernel then keeps away from the ports that outgoing connections come from."""
    with _tcp() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _tcp() -> socket.socket:
    """A probe that keeps no part from its port, were it to bind in this very moment."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return probe
