"""Broker and database as containers, through the plain `docker` command."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.console import say
from deploy.local.ports import failed

ASKED_AT_MOST = 5.0


def kafka_image(environ: Mapping[str, str]) -> str:
    return environ.get("SWITCHBOARD_KAFKA_IMAGE") or "apache/kafka:4.1.1"


def mongo_image(environ: Mapping[str, str]) -> str:
    return environ.get("SWITCHBOARD_MONGO_IMAGE") or "mongo:7"


def kafka_env(port: int) -> dict[str, str]:
    """One KRaft node that listens on `port` inside and is told to advertise the same outside."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:29093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:29093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:{port}",
        "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_BROKER_SESSION_TIMEOUT_MS": "4000",
        "KAFKA_BROKER_HEARTBEAT_INTERVAL_MS": "1000",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m",
    }


def mongo_args(port: int) -> list[str]:
    return ["--replSet", "rs0", "--bind_ip_all", "--port", str(port), "--wiredTigerCacheSizeGB", "0.5"]


def unusable(images: Sequence[str]) -> str | None:
    """Why containers are no choice here; None if they are. Asks the engine five seconds at most."""
    if (asked := _ask("version", "--format", "{{.Server.Version}}")) is not None:
        return asked
    for image in images:
        if _ask("image", "inspect", image) is not None and _ask("manifest", "inspect", image) is not None:
            return f"the image {image} is neither here nor can it be pulled"
    return None


def _ask(*words: str) -> str | None:
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=ASKED_AT_MOST)
    except FileNotFoundError:
        return "there is no docker command"
    except subprocess.TimeoutExpired:
        return f"the Docker engine did not answer within {ASKED_AT_MOST:g} s"
    return None if done.returncode == 0 else "no Docker engine answers"


def run(name: str, image: str, port: int, volume: str, env: Mapping[str, str], args: Sequence[str]) -> None:
    """Starts a container with its data in a named volume, and takes the place of a dead one of that name.

    Its port is bound when this returns. Raises NotReady, PortTaken.
    """
    if _ask("image", "inspect", image) is not None:
        say(f"pulling {image}")
    remove(name)
    variables = [word for key, value in env.items() for word in ("-e", f"{key}={value}")]
    mounts = ["-p", f"127.0.0.1:{port}:{port}", "-v", f"{name}:{volume}"]
    done = _docker("run", "-d", "--name", name, "--label", "switchboard", *mounts, *variables, image, *args)
    if done.returncode:
        raise failed(name, f"did not start ({done.stderr.strip()})", port)


def is_running(name: str) -> bool:
    return _docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true"


def remove(name: str) -> None:
    """Stops and removes the container; its volume, and so its data, stays."""
    if _docker("inspect", name).returncode == 0:
        _docker("stop", "-t", "15", name)
        _docker("rm", "-f", name)


def remove_volume(name: str) -> None:
    _docker("volume", "rm", "-f", name)


def save_log(name: str, log: Path) -> Path:
    log.parent.mkdir(parents=True, exist_ok=True)
    done = _docker("logs", "--tail", "100", name)
    log.write_text(done.stdout + done.stderr)
    return log


def _docker(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
