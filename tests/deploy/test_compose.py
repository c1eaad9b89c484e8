"""`docker-compose up`, one contact, `down -v`: as on a laptop."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import yaml

from deploy.local.paths import ROOT
from deploy.local.ports import reserved
from deploy.local.services import SERVICES
from tests.deploy.engine import REGISTRY, TAG, compose, do
from tests.deploy.story import Doors, one_contact_through_all, quick_surveys
from tests.waiting import eventually

FILE = ROOT / "docker-compose.yml"
READY_WITHIN = 120.0


@dataclass
class Project:
    """What one `up` started, under a name of its own."""

    name: str
    files: tuple[Path, ...]
    ports: dict[str, int]

    def run(self, *words: str) -> str:
        files = [word for file in self.files for word in ("-f", str(file))]
        environ = {f"{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        named = {"SWITCHBOARD_REGISTRY": REGISTRY, "SWITCHBOARD_TAG": TAG}
        return do(*compose(), "-p", self.name, *files, *words, environ={**os.environ, **environ, **named})

    def left(self) -> dict[str, list[str]]:
        """What of it the engine knows, of each kind."""
        labelled = ("--filter", f"label=com.docker.compose.project={self.name}", "-q")
        kinds = {"container": ("ps", "-a"), "volume": ("volume", "ls"), "network": ("network", "ls")}
        return {kind: do("docker", *words, *labelled).split() for kind, words in kinds.items()}


@pytest.fixture(scope="module")
def project(images: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """All is up, with the images that were built before."""
    assert compose(), "there is no compose; install it with: sudo apt-get install -y docker-compose"
    rules = tmp_path_factory.mktemp("rules")
    (rules / "feedback").mkdir()
    (rules / "feedback" / "surveys.yaml").write_text(quick_surveys())
    for directory in (rules, rules / "feedback"):
        directory.chmod(0o755)
    with ExitStack() as places:
        ports = {name: places.enter_context(reserved(0)).port for name in ("kafka", *SERVICES)}
    project = Project(f"switchboard{uuid4().hex[:8]}", (FILE, _own_rules(rules)), ports)
    try:
        project.run("up", "-d", "--no-build")
        yield project
    finally:
        project.run("down", "-v", "-t", "30")


def _own_rules(rules: Path) -> Path:
    """As an operator puts his own rules into it: a second file, without a change to the first."""
    more = {"environment": {"SWITCHBOARD_RULES": "/rules"}, "volumes": [f"{rules}:/rules:ro"]}
    file = rules / "own-rules.yml"
    file.write_text(yaml.safe_dump({"services": {"feedback": more}}))
    return file


@pytest.fixture(scope="module")
async def doors(project: Project, client: httpx.AsyncClient) -> Doors:
    """All five are healthy, as compose sees it; with a key made as the file says."""
    for name in SERVICES:
        await eventually(lambda name=name: _health(project, name) == "healthy", READY_WITHIN)
    addresses = {name: f"http://127.0.0.1:{project.ports[name]}" for name in SERVICES}
    key = project.run("run", "--rm", "-T", "--no-deps", "setup", "keys", "create", "me", "--role", "admin")
    return Doors(client, addresses, key.splitlines()[-1])


def _health(project: Project, service: str) -> str:
    (container,) = project.run("ps", "-q", service).split()
    return do("docker", "inspect", "-f", "{{.State.Health.Status}}", container)


async def test_one_contact_goes_through_all_services(doors: Doors) -> None:
    await one_contact_through_all(doors)


async def test_what_was_sent_is_in_the_outbox(project: Project, doors: Doors) -> None:
    sent = project.run("exec", "-T", "notify", "cat", "/var/lib/switchboard/outbox/outbox.jsonl")

    assert "+8613800138000" in sent


def test_what_is_ours_runs_as_nobody_on_a_root_that_cannot_be_written(project: Project) -> None:
    for name in SERVICES:
        (container,) = project.run("ps", "-q", name).split()
        asked = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.NetworkMode}}"
        assert do("docker", "inspect", "-f", asked, container).startswith("10001:10001 true [ALL]"), name


def test_down_leaves_nothing(project: Project) -> None:
    """The last of this file: afterwards nothing runs."""
    assert len(project.left()["container"]) == len(SERVICES) + 3

    project.run("down", "-v", "-t", "30")

    assert project.left() == {"container": [], "volume": [], "network": []}
