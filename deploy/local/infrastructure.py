"""A broker and a database, wherever they can be had: given addresses, containers, plain processes, in this order."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from deploy.local import docker, kafka_process, mongo_process, readiness
from deploy.local.components import Component
from deploy.local.console import say
from deploy.local.errors import NotReady, PortTaken, Refused
from deploy.local.paths import Paths
from deploy.local.ports import failed, reserved

READY_WITHIN = 60.0
NAMES = ("kafka", "mongo")
HOWS = ("env", "docker", "processes")


@dataclass(frozen=True)
class Choice:
    how: str
    why: str


Note = Callable[[str, Component], None]


def choose(environ: Mapping[str, str]) -> Choice:
    wanted = environ.get("SWITCHBOARD_INFRA")
    given = [name for name in ("SWITCHBOARD_KAFKA", "SWITCHBOARD_MONGO") if environ.get(name)]
    if wanted and wanted not in HOWS:
        raise Refused(f"SWITCHBOARD_INFRA is {wanted!r}; it may be {', '.join(HOWS)}")
    if wanted == "env" and len(given) < 2:
        raise Refused("SWITCHBOARD_INFRA=env needs the addresses SWITCHBOARD_KAFKA and SWITCHBOARD_MONGO")
    if len(given) == 1 and wanted is None:
        raise Refused(f"only {given[0]} is set; set SWITCHBOARD_KAFKA and SWITCHBOARD_MONGO, or none of them")
    if wanted:
        return Choice(wanted, f"SWITCHBOARD_INFRA={wanted}")
    if given:
        return Choice("env", "SWITCHBOARD_KAFKA and SWITCHBOARD_MONGO are set")
    return _docker_or_processes(environ)


def _docker_or_processes(environ: Mapping[str, str]) -> Choice:
    images = (docker.kafka_image(environ), docker.mongo_image(environ))
    if reason := docker.unusable(images):
        return Choice("processes", reason)
    return Choice("docker", f"an engine answers and has or can pull {' and '.join(images)}")


class Infrastructure:
    """Starts the two, on the data that they left. `note` hears of each at once, so that nothing is forgotten."""

    def __init__(self, choice: Choice, paths: Paths, environ: Mapping[str, str], note: Note) -> None:
        self._choice, self._paths, self._environ, self._note = choice, paths, environ, note

    def start(self, ports: Mapping[str, int]) -> None:
        """Starts those named, at the same time, on these ports if they are free (0: on any), and returns when they take
        writes. Raises LocalStackError."""
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(self._start_one, name, port) for name, port in ports.items()]:
                future.result()

    def _start_one(self, name: str, wanted: int) -> None:
        try:
            self._attempt(name, wanted)
        except PortTaken:
            say(f"something else took the port of {name} meanwhile; starting it again on another")
            self._attempt(name, wanted)

    def _attempt(self, name: str, wanted: int) -> None:
        launch = {"env": self._given, "docker": self._container, "processes": self._process}[self._choice.how]
        component = launch(name, wanted)
        ready = self._kafka_ready if name == "kafka" else self._mongo_ready
        limit = 10.0 if component.given else READY_WITHIN
        if not readiness.wait_until(
            lambda: component.listens() and ready(component), limit, hopeless=lambda: not component.alive()
        ):
            raise self._not_ready(name, component)
        if component.given:  # there is nothing to stop; so it is noted only once it is of use
            self._note(name, component)

    def _given(self, name: str, _: int) -> Component:
        return Component(address=self._environ[f"SWITCHBOARD_{name.upper()}"])

    def _process(self, name: str, wanted: int) -> Component:
        start = kafka_process.start if name == "kafka" else mongo_process.start
        with reserved(wanted) as place:
            process = start(place, self._paths)
        component = Component(address=_address(name, place.port), port=place.port, process=process)
        self._note(name, component)
        return component

    def _container(self, name: str, wanted: int) -> Component:
        with reserved(wanted) as place:
            called, port = container_name(self._paths, name), place.port
            component = Component(address=_address(name, port), port=port, container=called)
            self._note(name, component)
            if name == "kafka":
                image, volume = docker.kafka_image(self._environ), "/var/lib/kafka/data"
                docker.run(called, image, port, volume, docker.kafka_env(port), [])
            else:
                image, volume = docker.mongo_image(self._environ), "/data/db"
                docker.run(called, image, port, volume, {}, docker.mongo_args(port))
        return component

    def _kafka_ready(self, component: Component) -> bool:
        if component.given and self._environ.get("SWITCHBOARD_KAFKA_SECURITY", "PLAINTEXT") != "PLAINTEXT":
            return True  # the services check what needs certificates and passwords
        return readiness.kafka_answers(component.address)

    def _mongo_ready(self, component: Component) -> bool:
        return (component.given or readiness.initiate(component.port)) and readiness.mongo_answers(component.address)

    def _not_ready(self, name: str, component: Component) -> NotReady:
        if component.given:
            return NotReady(f"SWITCHBOARD_{name.upper()}", "is set, but nothing answers there")
        log = self._paths.log(name)
        if component.container:
            docker.save_log(component.container, log)
        if component.alive():
            return NotReady(name, f"was started and is not ready after {READY_WITHIN:g} s", log)
        return failed(name, "ended", component.port, log)


def _address(name: str, port: int) -> str:
    return f"localhost:{port}" if name == "kafka" else readiness.mongo_url(port)


def container_name(paths: Paths, name: str) -> str:
    """One per directory, so that two checkouts on a machine do not meet."""
    return f"switchboard-{hashlib.sha256(str(paths.root).encode()).hexdigest()[:8]}-{name}"


def wipe(how: str, paths: Paths) -> None:
    """Forgets the data of a broker and a database that do not run."""
    for name in NAMES:
        if how == "docker":
            docker.remove_volume(container_name(paths, name))
        shutil.rmtree(paths.data(name), ignore_errors=True)
