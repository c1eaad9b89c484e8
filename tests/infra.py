"""The broker and the database of a test session: containers where an engine answers, else plain processes.

SWITCHBOARD_TEST_INFRA=containers or =processes takes the choice away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from testcontainers.core.container import DockerContainer

from deploy.local import docker, readiness
from deploy.local.ports import free_port
from deploy.local.stack import running_stack

READY_WITHIN = 90.0


@dataclass(frozen=True)
class Infrastructure:
    kafka: str
    mongo: str


@contextmanager
def infrastructure(directory: Path) -> Iterator[Infrastructure]:
    start = _containers if _with_containers() else _processes
    with start(directory) as running:
        yield running


def _with_containers() -> bool:
    wanted = os.environ.get("SWITCHBOARD_TEST_INFRA")
    if wanted in ("containers", "processes"):
        return wanted == "containers"
    return docker.unusable([docker.kafka_image(os.environ), docker.mongo_image(os.environ)]) is None


@contextmanager
def _processes(directory: Path) -> Iterator[Infrastructure]:
    # Never a broker named in the environment: the tests would write into somebody's stores.
    with running_stack(
        directory=directory, environ={**os.environ, "SWITCHBOARD_INFRA": "processes"}, names=()
    ) as stack:
        yield Infrastructure(stack.env["SWITCHBOARD_KAFKA"], stack.env["SWITCHBOARD_MONGO"])
    shutil.rmtree(directory / "data")


@contextmanager
def _containers(_: Path) -> Iterator[Infrastructure]:
    kafka_port, mongo_port = free_port(), free_port()
    kafka = _published(DockerContainer(docker.kafka_image(os.environ)), kafka_port)
    for name, value in docker.kafka_env(kafka_port).items():
        kafka.with_env(name, value)
    mongo = _published(DockerContainer(docker.mongo_image(os.environ)), mongo_port).with_command(
        docker.mongo_args(mongo_port)
    )
    infra = Infrastructure(f"localhost:{kafka_port}", readiness.mongo_url(mongo_port))
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        list(pool.map(stack.enter_context, (kafka, mongo)))
        assert readiness.wait_until(lambda: readiness.initiate(mongo_port), READY_WITHIN), mongo.get_logs()
        assert readiness.wait_until(lambda: readiness.mongo_answers(infra.mongo), READY_WITHIN), mongo.get_logs()
        assert readiness.wait_until(lambda: readiness.kafka_answers(infra.kafka), READY_WITHIN), kafka.get_logs()
        yield infra


def _published(container: DockerContainer, port: int) -> DockerContainer:
    return container.with_bind_ports(port, port)
