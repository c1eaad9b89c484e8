from __future__ import annotations

import sys
from collections.abc import Mapping
from urllib.error import URLError
from urllib.request import urlopen

from deploy.local.components import Component
from deploy.local.console import say
from deploy.local.errors import NotReady
from deploy.local.paths import Paths
from deploy.local.ports import failed, reserved
from deploy.local.processes import spawn
from deploy.local.readiness import wait_until

# Every service of the stack and the port that it prefers: the one place to add the next.
SERVICES: dict[str, int] = {"intake": 8101, "routing": 8102, "sla": 8103, "feedback": 8104, "notify": 8105}
READY_WITHIN = 60.0


def start(name: str, environ: Mapping[str, str], paths: Paths, port: int = 0) -> Component:
    """Starts one service; it is not ready yet. `port` is the one it had before, if any."""
    wanted = port or SERVICES[name]
    with reserved(wanted) as place:
        if place.port != wanted:
            say(f"port {wanted} is taken by something else; {name} gets {place.port}")
        address = f"http://127.0.0.1:{place.port}"
        own = {"SWITCHBOARD_HTTP_HOST": "127.0.0.1", "SWITCHBOARD_PUBLIC_URL": address}
        process = spawn(
            [sys.executable, "-m", f"services.{name}.app"],
            {**own, **environ, "SWITCHBOARD_HTTP_PORT": str(place.port)},
            paths.log(name),
            [place],
        )
    return Component(address=address, port=place.port, process=process)


def wait_ready(name: str, service: Component, paths: Paths) -> None:
    """Returns when it answers GET /readyz with 200. Raises NotReady and PortTaken with the end of the service's log."""
    if wait_until(
        lambda: service.listens() and is_ready(service.address), READY_WITHIN, hopeless=lambda: not service.alive()
    ):
        return
    if service.alive():
        raise NotReady(name, f"is not ready after {READY_WITHIN:g} s", paths.log(name))
    raise failed(name, "ended while starting", service.port, paths.log(name))


def is_alive(address: str) -> bool:
    """Whether its loop turns. One that is busy or waits for its database has not died."""
    try:
        with urlopen(f"{address}/livez", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def is_ready(address: str) -> bool:
    try:
        with urlopen(f"{address}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
