"""The Docker engine as these tests use it: our five images, and containers that end with the test."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping

from deploy.local import docker
from deploy.local.paths import ROOT
from deploy.local.services import SERVICES

REGISTRY, TAG = "switchboard.test", "test"
FORCED = "SWITCHBOARD_TEST_INFRA"


def python_image() -> str:
    return os.environ.get("SWITCHBOARD_PYTHON_IMAGE") or "python:3.11-slim"


def wanted() -> bool:
    """Whether images are built and run here: as SWITCHBOARD_TEST_INFRA says, else where an engine has what it takes."""
    if forced := os.environ.get(FORCED):
        return forced == "containers"
    images = [python_image(), docker.kafka_image(os.environ), docker.mongo_image(os.environ)]
    return docker.unusable(images) is None and bool(compose())


def compose() -> list[str]:
    """The command for compose: version 2 where it is there, else 1; empty if there is none."""
    if ask("docker", "compose", "version").returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else []


def ask(*words: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env=environ)


def do(*words: str, environ: Mapping[str, str] | None = None) -> str:
    """What the command says; AssertionError with what went wrong."""
    done = ask(*words, environ=environ)
    assert done.returncode == 0, f"{' '.join(words)}\n{(done.stdout + done.stderr)[-3000:]}"
    return done.stdout.strip()


def image(service: str) -> str:
    return f"{REGISTRY}/switchboard-{service}:{TAG}"


def build() -> None:
    """All five images from the Dockerfile; the first takes half a minute, the others share its layers."""
    lacking = docker.unusable([python_image()])
    assert lacking is None, f"{lacking}: {FORCED}=containers needs a Docker engine with its images"
    for service in SERVICES:
        arguments = {"SERVICE": service, "PYTHON_IMAGE": python_image(), "REVISION": "tested"}
        words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        do("docker", "build", "-q", *words, "-t", image(service), ".")


def logs(container: str) -> str:
    done = ask("docker", "logs", "--tail", "30", container)
    return done.stdout + done.stderr
