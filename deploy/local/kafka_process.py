from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from deploy.local import downloads
from deploy.local.errors import NotReady
from deploy.local.paths import Paths
from deploy.local.ports import Reserved, reserved
from deploy.local.processes import ProcessRef, spawn

CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
CHEAP = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A node that lives for minutes and shares two cores: the best compiler would cost it more than it gains."""


def start(place: Reserved, paths: Paths) -> ProcessRef:
    """One KRaft node on localhost; its topics survive a restart. Raises MissingTool, DownloadFailed, NotReady."""
    with reserved() as controller:
        return launch("kafka", properties(place.port, controller.port), paths, [place, controller])


def launch(
    name: str,
    settings: Mapping[str, str | int],
    paths: Paths,
    holding: Sequence[Reserved] = (),
    most_memory: str = "512m",
) -> ProcessRef:
    """A node with these properties, on the data that it left. Raises MissingTool, DownloadFailed, NotReady."""
    data = paths.data(name)
    data.mkdir(parents=True, exist_ok=True)
    config = data.with_suffix(".properties")
    config.write_text("".join(f"{key}={value}\n" for key, value in {**settings, "log.dirs": data}.items()))
    java = ["java", "-Xms256m", f"-Xmx{most_memory}", *CHEAP, "-cp", f"{downloads.kafka_libs()}/*"]
    if not (data / "meta.properties").exists():
        format_it = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config), "--ignore-formatted"]
        _format([*java, *format_it])
    return spawn([*java, "kafka.Kafka", config], os.environ, paths.log(name), holding)


def _format(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotReady("kafka", f"could not format its directory: {(done.stdout + done.stderr).strip()}")


def properties(port: int, controller: int) -> dict[str, str | int]:
    """Of a single node."""
    return {
        "node.id": 1,
        "process.roles": "broker,controller",
        "controller.quorum.voters": f"1@localhost:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://localhost:{port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # After a kill the node waits as long for its own old session to end.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        "group.initial.rebalance.delay.ms": 0,
    }
