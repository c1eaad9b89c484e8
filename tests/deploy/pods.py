"""Runs the containers of an overlay under a plain engine, each as its manifest says."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local import docker
from tests.deploy.engine import ask, do, image, logs
from tests.deploy.manifests import Container, Manifest, containers_of, name_of, of_kind
from tests.waiting import eventually

Files = Mapping[str, Path]
"""By the name of a ConfigMap or Secret, the directory with its files."""


@dataclass
class Pods:
    """One container per workload, on a network of their own. `project`: what all names begin with."""

    project: str
    manifests: tuple[Manifest, ...]
    files: Files

    @property
    def containers(self) -> dict[str, Container]:
        return containers_of(self.manifests)

    def start(self) -> None:
        """All at once, as a cluster does: each waits by itself for what it needs."""
        do("docker", "network", "create", self.project)
        given = {name_of(one): one["data"] for one in of_kind(self.manifests, "ConfigMap")}
        for name, container in self.containers.items():
            do("docker", "run", "-d", *self._words(name, container, given))

    def remove(self) -> None:
        ask("docker", "rm", "-f", "-v", *map(self.called, self.containers))
        ask("docker", "network", "rm", self.project)

    def called(self, name: str) -> str:
        return f"{self.project}-{name}"

    def _words(self, name: str, container: Container, given: Mapping[str, Mapping[str, str]]) -> list[str]:
        spec = container.spec
        command = spec.get("command", [])
        words = ["--name", self.called(name), "--network", self.project, *self._aliases(container), *_locks(container)]
        words += [word for key, value in container.environment(given).items() for word in ("-e", f"{key}={value}")]
        words += [word for port in spec.get("ports", ()) for word in ("-p", f"127.0.0.1::{port['containerPort']}")]
        words += [word for at, volume in container.mounts() for word in self._mount(container, at, volume)]
        words += ["--entrypoint", command[0]] if command else []
        return [*words, _image(spec["image"]), *command[1:], *spec.get("args", [])]

    def _aliases(self, container: Container) -> list[str]:
        """The names of the Services that choose this pod."""
        labels = container.workload["spec"]["template"]["metadata"]["labels"].items()
        doors = [o for o in of_kind(self.manifests, "Service") if o["spec"]["selector"].items() <= labels]
        return [word for door in doors for word in ("--network-alias", name_of(door))]

    def _mount(self, container: Container, at: str, volume: dict[str, Any]) -> list[str]:
        """Secrets and ConfigMaps from their files, nothing where an optional one is not there; the rest in memory."""
        source = volume.get("secret") or volume.get("configMap")
        if source is None:
            pod = container.pod["securityContext"]
            return ["--tmpfs", f"{at}:uid={pod['runAsUser']},gid={pod['fsGroup']},mode=0770"]
        name = source.get("secretName") or source.get("name")
        if name in self.files:
            return ["-v", f"{self.files[name]}:{at}:ro"]
        assert source.get("optional"), f"{name} has to be there"
        return ["--tmpfs", at]

    def address(self, name: str, port: int) -> str:
        """Where a container's port is on this machine; empty while it is not."""
        lines = ask("docker", "port", self.called(name), f"{port}/tcp").stdout.splitlines()
        return lines[0] if lines else ""

    async def answers(self, client: httpx.AsyncClient, name: str, probe: dict[str, Any]) -> bool:
        """Whether a container passes a probe of its manifest."""
        kind = "httpGet" if "httpGet" in probe else "tcpSocket"
        at = self.address(name, self.containers[name].port(probe[kind]["port"]))
        assert at, f"{name} has ended: {logs(self.called(name))}"
        if kind == "tcpSocket":
            return _listens(at)
        try:
            return (await client.get(f"http://{at}{probe[kind]['path']}")).is_success
        except httpx.TransportError:
            return False

    async def passes(self, client: httpx.AsyncClient, name: str, probe: str, within: float) -> None:
        async def passed() -> bool:
            return await self.answers(client, name, self.containers[name].spec[probe])

        try:
            await eventually(passed, within)
        except AssertionError as error:
            raise AssertionError(f"{name} does not pass its {probe}: {logs(self.called(name))}") from error

    def state(self, name: str, what: str) -> str:
        return do("docker", "inspect", "-f", f"{{{{.State.{what}}}}}", self.called(name))


def _locks(container: Container) -> list[str]:
    pod, own = container.pod["securityContext"], container.spec["securityContext"]
    words = ["--user", f"{pod['runAsUser']}:{pod['runAsGroup']}"]
    words += ["--read-only"] if own.get("readOnlyRootFilesystem") else []
    words += ["--security-opt", "no-new-privileges"] if own["allowPrivilegeEscalation"] is False else []
    words += [word for capability in own["capabilities"]["drop"] for word in ("--cap-drop", capability)]
    memory = container.spec["resources"]["limits"]["memory"]
    return [*words, "--memory", memory.removesuffix("i").lower()]


def _image(named: str) -> str:
    """What stands for an image here: the one that was built, or the broker and database that the tests use."""
    name = named.rpartition("/")[2].partition(":")[0]
    if name.startswith("switchboard-"):
        return image(name.removeprefix("switchboard-"))
    return {"kafka": docker.kafka_image(os.environ), "mongo": docker.mongo_image(os.environ)}[name]


def _listens(at: str) -> bool:
    host, _, port = at.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2):
            return True
    except OSError:
        return False
